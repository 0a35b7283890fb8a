#pragma once

#include <thread>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/steady_timer.hpp>

namespace agent_dispatch {

/// The one thread that waits for sockets, signals and the growth of files, and turns what happens into messages to
/// actors. Everything that runs in it is short and never blocks.
class io_thread {
public:
  io_thread();
  ~io_thread();
  io_thread(const io_thread&) = delete;
  io_thread& operator=(const io_thread&) = delete;

  /// Joins the thread; handlers that have not run never will. What they hold is released with this object, which must
  /// therefore outlive every socket and timer, and be stopped before the actors' system goes.
  void stop();

  asio::io_context& context() noexcept { return context_; }

private:
  asio::io_context context_{1};
  /// The first timer and the first descriptor open what the context waits with. Here, where a failure ends the start,
  /// and not where a run is taken over and would be lost for want of a descriptor.
  asio::steady_timer first_timer_{context_};
  asio::posix::stream_descriptor first_descriptor_{context_};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::thread thread_;
};

} // namespace agent_dispatch
