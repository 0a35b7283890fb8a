#pragma once

#include <list>
#include <set>

#include <caf/scheduler/test_coordinator.hpp>

#include "messages/actors.hpp"
#include "tests/actors/interleavings/explorer.hpp"

namespace agent_dispatch::interleavings {

/// An actor system whose actors move only when they are told to. One for all runs of a search: it takes longer to make
/// than a run takes.
class still_system {
public:
  still_system();
  caf::actor_system& actors() { return system_; }
  caf::scheduler::test_coordinator& scheduler() {
    return dynamic_cast<caf::scheduler::test_coordinator&>(system_.scheduler());
  }

private:
  class settings : public caf::actor_system_config {
  public:
    settings() { set("scheduler.policy", caf::atom("testing")); }
  };

  settings settings_;
  caf::actor_system system_{settings_};
};

/// Something that happens outside of the actors, once, at some time after it has become possible.
struct happening {
  std::string name;
  /// What it depends on and changes, `possible` too.
  std::vector<std::string> things{};
  /// Looks at nothing but `things`. Once true it stays so: what is pointless by then does nothing in `happen`.
  std::function<bool()> possible;
  std::function<void()> happen;
  bool has_happened = false;
};

/// Actors and happenings as a system for the explorer: a step of an actor is the next message of its mailbox. What an
/// actor sends in one step arrives together.
class actor_stage : public explorable {
public:
  explicit actor_stage(still_system& system) : system_{system} {}
  actor_stage(const actor_stage&) = delete;
  actor_stage& operator=(const actor_stage&) = delete;

  std::vector<std::string> possible() override;
  step take(const std::string& process) override;
  std::optional<std::string> broken() override { return broken_; }
  std::vector<std::pair<std::string, int>> mailed_before() override;

protected:
  caf::actor_system& system() { return system_.actors(); }
  still_system& still() { return system_; }

  /// Names an actor; it ends with the stage.
  template <class Handle>
  Handle enter(std::string name, Handle actor) {
    admit(std::move(name), caf::actor_cast<caf::strong_actor_ptr>(actor));
    return actor;
  }

  /// The running step depends on this, or changes it.
  void touch(std::string thing) { touched_.push_back(std::move(thing)); }

  /// What must not happen has happened. The first counts.
  void fail(std::string why) {
    if (!broken_)
      broken_ = std::move(why);
  }

  void add(happening event) { happenings_.push_back(std::move(event)); }

  /// Ends the actors; for destructors of what they know.
  void leave();

  /// Actors that have just been made do what they do before their first message.
  void settle_newborn();
  /// Before the first step: until nothing is left to do.
  void settle() { system_.scheduler().run(); }
  /// Goes on, always with the first that is possible, until it is so: the orders are run from there.
  void begin_when(const std::function<bool()>& is_so);

  /// Whether time must go by when nothing else is possible. Asked only then, and so often.
  static constexpr std::size_t most_ticks = 20;
  virtual bool is_waiting() const { return false; }

private:
  struct member {
    std::string name;
    caf::strong_actor_ptr actor;
    caf::scheduled_actor* self;
    std::size_t waiting = 0; ///< messages in its mailbox
  };

  void admit(std::string name, caf::strong_actor_ptr actor);
  void turn(caf::scheduled_actor& actor);

  still_system& system_;
  std::vector<member> members_;
  std::list<happening> happenings_;
  std::vector<std::string> touched_;
  std::optional<std::string> broken_;
  std::size_t ticks_ = 0;
};

/// What a message is, in a few words: its type, what it is about, and what it says of it.
std::string words(const caf::type_erased_tuple& message);
std::string words(const dispatch_answer& answer);
std::string words(const job_record& record);
std::string words(const progress_event& event);

} // namespace agent_dispatch::interleavings
