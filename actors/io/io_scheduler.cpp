#include "actors/io/io_scheduler.hpp"

#include <pthread.h>

#include <utility>

#include <asio/post.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/resumable.hpp>

namespace agent_dispatch {

namespace {

/// Turns of actors between two looks at sockets and timers: enough for any call from end to end, few enough that none
/// waits long.
constexpr int turns_in_a_row = 64;
/// A turn is so many messages at most. CAF's own number is all that there are, also those that come meanwhile.
constexpr std::size_t messages_in_a_turn = 8;

} // namespace

void io_scheduler::install(caf::actor_system_config& config, io_thread& io) {
  config.module_factories.push_back([&io](caf::actor_system& system) -> caf::actor_system::module* {
    return new io_scheduler{system, io}; // owned by the system
  });
}

io_scheduler::io_scheduler(caf::actor_system& system, io_thread& io)
    : abstract_coordinator{system}, io_{io}, unit_{*this} {}

io_scheduler::~io_scheduler() { end_timer(); } // runs still when what comes after it could not start

void io_scheduler::start() {
  timer_ = std::thread{[this] {
    pthread_setname_np(pthread_self(), "clock");
    clock_.run_dispatch_loop();
  }};
  abstract_coordinator::start();
}

void io_scheduler::stop() {
  stop_actors();
  end_timer();
  io_.stop();
  std::deque<caf::resumable*> left;
  {
    const std::lock_guard guard{mutex_};
    is_stopped_ = true;
    left.swap(ready_);
  }
  for (auto* job : left)
    cleanup_and_release(job);
}

void io_scheduler::end_timer() {
  if (!timer_.joinable())
    return;
  clock_.cancel_dispatch_loop();
  timer_.join();
}

void io_scheduler::enqueue(caf::resumable* job) noexcept {
  {
    const std::lock_guard guard{mutex_};
    if (!is_stopped_) {
      ready_.push_back(job);
      job = nullptr;
      if (std::exchange(is_posted_, true))
        return;
    }
  }
  if (job)
    cleanup_and_release(job); // CAF's own actors, which end after this
  else
    post();
}

void io_scheduler::post() noexcept {
  asio::post(io_.context(), [this] { run_ready(); });
}

void io_scheduler::run_ready() {
  for (int turn = 0; turn < turns_in_a_row; ++turn) {
    auto* const job = take_next();
    if (!job)
      return;
    run(job);
  }
  post();
}

caf::resumable* io_scheduler::take_next() {
  const std::lock_guard guard{mutex_};
  if (ready_.empty()) {
    is_posted_ = false;
    return nullptr;
  }
  auto* const job = ready_.front();
  ready_.pop_front();
  return job;
}

void io_scheduler::run(caf::resumable* job) {
  switch (job->resume(&unit_, messages_in_a_turn)) {
  case caf::resumable::resume_later:
    enqueue(job);
    break;
  case caf::resumable::awaiting_message: // whoever sends the next one brings a reference
  case caf::resumable::done:
  case caf::resumable::shutdown_execution_unit:
    intrusive_ptr_release(job);
    break;
  }
}

} // namespace agent_dispatch
