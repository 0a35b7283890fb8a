#pragma once

#include <string>
#include <vector>

#include <caf/scheduler/test_coordinator.hpp>

#include "messages/actors.hpp"

namespace agent_dispatch {

/// What an actor said to its scripted neighbours, one line each.
using lines = std::vector<std::string>;

/// An answer that a scripted neighbour owes.
template <class Result>
struct owed_answer {
  caf::typed_response_promise<Result> promise;
  caf::local_actor* neighbour; ///< lives as long as the promise
};

/// An actor system that stands still until it is told to go on, with a clock of its own, and a journal in which the
/// scripted neighbours write down every message they get. A test compares the journal with what it expects; what nobody
/// has asked for by the end fails the test.
class actor_world {
public:
  actor_world();
  ~actor_world();
  actor_world(const actor_world&) = delete;
  actor_world& operator=(const actor_world&) = delete;

  caf::actor_system& system() { return system_; }

  /// Lets the actors work until there is no message left.
  void settle() { scheduler().run(); }

  /// Lets one actor after the other work, `turns` times.
  void go(int turns) { scheduler().run(static_cast<std::size_t>(turns)); }

  /// Lets `time` go by and the actors work.
  void pass(caf::timespan time);

  /// Sends and settles.
  template <class Handle, class Message>
  void tell(const Handle& actor, Message message) {
    caf::anon_send(actor, std::move(message));
    settle();
  }

  /// Gives the answer that a neighbour owes, and settles.
  template <class Result>
  void reply(owed_answer<Result> owed, Result result) {
    // Out of its turn an actor still points to the worker of its last one, which is gone.
    owed.neighbour->context(nullptr);
    owed.promise.deliver(std::move(result));
    settle();
  }

  /// The actor is ended with the world.
  template <class Handle>
  Handle keep(Handle actor) {
    kept_.push_back(caf::actor_cast<caf::strong_actor_ptr>(actor));
    return actor;
  }

  /// Kills an actor, and settles.
  template <class Handle>
  void kill(const Handle& actor, caf::exit_reason why = caf::exit_reason::kill) {
    caf::anon_send_exit(actor, why);
    settle();
  }

  /// For the journal; called by neighbours.
  void note(std::string line) { journal_.push_back(std::move(line)); }

  /// The journal since it was last asked for, after settling.
  lines heard();

private:
  class settings : public caf::actor_system_config {
  public:
    settings() { set("scheduler.policy", caf::atom("testing")); }
  };

  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

  settings settings_;
  caf::actor_system system_{settings_};
  std::vector<caf::strong_actor_ptr> kept_;
  lines journal_;
};

} // namespace agent_dispatch
