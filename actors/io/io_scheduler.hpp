#pragma once

#include <deque>
#include <mutex>
#include <thread>

#include <caf/detail/thread_safe_actor_clock.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>

#include "actors/io/io_thread.hpp"

namespace agent_dispatch {

/// Runs the actors that have no thread of their own on the I/O thread, in turns with what comes from sockets and
/// timers.
///
/// A call that passes five such actors wakes one thread: with CAF's workers each message to a sleeping one costs a
/// wake-up, more than what most actors do with it. What blocks is spawned detached, and none of the others may.
///
/// Install it before the actor system is made; the I/O thread is stopped with it, when all its actors have ended.
class io_scheduler final : public caf::scheduler::abstract_coordinator {
public:
  static void install(caf::actor_system_config& config, io_thread& io);

  io_scheduler(caf::actor_system& system, io_thread& io);
  ~io_scheduler() override;
  io_scheduler(const io_scheduler&) = delete;
  io_scheduler& operator=(const io_scheduler&) = delete;

  /// From any thread. Takes over the reference that comes with `job`. Without the memory for it the process ends: an
  /// actor whose turn is lost would answer nobody any more.
  void enqueue(caf::resumable* job) noexcept override;
  caf::actor_clock& clock() noexcept override { return clock_; }

  void start() override;
  void stop() override;

private:
  class unit final : public caf::execution_unit {
  public:
    explicit unit(io_scheduler& owner) : execution_unit{&owner.system()}, owner_{owner} {}
    void exec_later(caf::resumable* job) override { owner_.enqueue(job); }

  private:
    io_scheduler& owner_;
  };

  void end_timer();
  void post() noexcept;
  void run_ready();
  /// Null, and a next job has to be posted for, when there is none.
  caf::resumable* take_next();
  void run(caf::resumable* job);

  io_thread& io_;
  unit unit_;
  caf::detail::thread_safe_actor_clock clock_;
  std::thread timer_;
  std::mutex mutex_; ///< guards what follows
  std::deque<caf::resumable*> ready_;
  bool is_posted_ = false; ///< the I/O thread will look at them
  bool is_stopped_ = false;
};

} // namespace agent_dispatch
