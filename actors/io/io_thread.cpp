#include "actors/io/io_thread.hpp"

#include <pthread.h>

namespace agent_dispatch {

io_thread::io_thread()
    : thread_{[this] {
        pthread_setname_np(pthread_self(), "io");
        context_.run();
      }} {}

io_thread::~io_thread() { stop(); }

void io_thread::stop() {
  context_.stop();
  if (thread_.joinable())
    thread_.join();
}

} // namespace agent_dispatch
