#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "messages/ids.hpp"

namespace agent_dispatch {

/// A run that asks to start.
struct admission_ticket {
  run_key run;
  agent_name agent;
  int max_parallel = 1;          ///< of the agent, ≥ 1; the last ticket's word counts for all of the agent's runs
  std::optional<run_key> parent; ///< the live run this one is nested in; one that is not live counts as none
  bool waits = true;             ///< the parent waits for it (synchronous); false: a nested job
};

/// Leave to start, from now on a live run.
struct admission_grant {
  run_key run;
  std::optional<run_key> borrowed_from; ///< the run whose own slot it uses (alive or not); absent: a slot of its own
  bool past_max_parallel = false;       ///< the agent has more live runs than its max_parallel with this one

  bool operator==(const admission_grant&) const = default;
};

/// What became of a ticket that was withdrawn.
enum class withdrawal {
  was_queued, ///< gone
  was_live,   ///< nothing changed: a live run holds what it has until it is released
  unknown,    ///< neither queued nor live
};

/// Who may start now: seats (per agent, max_parallel), slots (of everything, max_concurrency), queues, and the graph of
/// who waits for whom. A plain value without clock or thread; whoever owns it calls `grant` after every change.
///
///              enqueue             grant                     release
///     (unknown) ─────▶ queued ────────────────▶ live ──────────────────▶ (unknown)
///                        │ withdraw               ▲ adopt
///                        └──────▶ (unknown)       └───── (unknown), queued
///
/// **Slots.** A slot is a stack of live runs and has the name of the run that got it, also when that one has ended. A
/// nested run borrows its parent's slot by going on top of it, which is possible while the parent is the top:
///
///     slot a1 │ a1 ◀─ b1 ◀─ c1      a1 waits for b1, b1 for c1; only c1 can lend; when b1 ends first: a1 ◀─ c1
///     slot d1 │ d1                  d1 can lend
///
/// The slot is free when the stack is empty. Each run of a stack is nested in the one below it, so no more than slots ×
/// depth runs are live. A synchronous child borrows when it can and takes a slot of its own otherwise; a nested job,
/// whose parent goes on working, does it the other way round. It may borrow although its parent waits for nothing that
/// is known here: a parent that asks for the job's status again and again is not known to wait, and would wait for
/// ever.
///
/// **Seats.** A run may start when its agent has fewer live runs than max_parallel, or when an ancestor that waits for
/// it (all links between them synchronous) is a run of the same agent: that one lends its seat, to one descendant at a
/// time.
///
/// **Order.** A free slot goes to the agent that has waited longest since its last one, and there to the oldest ticket
/// that can start. A ticket without a slot does not hold up one behind it that can borrow; when an agent's oldest
/// ticket has been overtaken so a few times, the next free slot is kept for it until there is a seat.
///
/// **Cycles.** What is left in the queues may be waiting for itself. "Ends eventually" is the least set in which
/// - a live run ends when everything it waits for ends (synchronous children, `add_wait`; nothing: it ends),
/// - a queued run ends when runs that end leave it a seat and a slot.
/// The queued run outside this set that came last, that a live run waits for, and that can be reached from itself over
/// what blocks it is let in past max_parallel; it borrows from its parent or from a run that waits for it. One at a
/// time per agent: the next one is looked at when it has ended. Only if no such run has a lender at the top of its
/// stack does one go on top of a sibling that waits, too.
///
/// Invariants: a key is queued or live, never both; every live run is in exactly one stack; no stack is empty; with
/// unchanged limits and without `adopt`, there are never more stacks than max_concurrency.
class admission_policy {
public:
  /// `max_concurrency`: slots, ≥ 1; what is less counts as 1.
  explicit admission_policy(int max_concurrency);

  /// For later grants; live runs keep what they have.
  void set_max_concurrency(int max_concurrency);

  /// Queues a run. Ignored when the key is queued or live already.
  void enqueue(const admission_ticket& ticket);

  /// Everything that may start now, or the first of it, in order; live from here on. With the queues unchanged it costs
  /// no more when they are long: it looks at agents, live runs and who dispatched what is queued.
  std::vector<admission_grant> grant(std::size_t at_most = std::numeric_limits<std::size_t>::max());

  /// A live run has ended, which its keeper has confirmed. Any other key is ignored. Queued children of the run stay,
  /// as if they had no parent.
  void release(const run_key& run);

  /// Takes a run out of the queue.
  withdrawal withdraw(const run_key& run);

  /// `waiter` waits for `target` until `remove_wait` (as many of them as there were `add_wait`) or the end of either.
  /// Either may be unknown yet; such a wait blocks nothing.
  void add_wait(const run_key& waiter, const run_key& target);
  void remove_wait(const run_key& waiter, const run_key& target);

  /// True when `run` cannot end before `other` has: it waits for it, or for one that does. A run depends on itself.
  bool depends(const run_key& run, const run_key& other) const;

  /// True when `waiter` would wait for itself if it waited for `target`: when that one depends on `waiter`, or on a run
  /// that `waiter` is nested in, over links of any kind. (A job's parent may wait for it in ways that are not known
  /// here.)
  bool would_wait_for_itself(const run_key& waiter, const run_key& target) const;

  /// Queued or live.
  bool knows(const run_key& run) const { return queued_.contains(run) || live_.contains(run); }

  /// A run is done for others than the parent that its ticket named: that one waits for it no more. What it has
  /// borrowed it keeps.
  void leave_parent(const run_key& run);

  /// Makes a run live that was started by a predecessor, also past the limits. `borrowed_from` is what its grant said.
  /// Runs may come in any order, but all of them before the next `grant`. Ignored when the run is live.
  void adopt(const admission_ticket& ticket, const std::optional<run_key>& borrowed_from);

  /// Queued runs that a run waits for: below it in the call tree over synchronous links, and by `add_wait`; no jobs.
  /// Those to cancel with it, unless others want them too. Oldest first. Answers also shortly after the run's release.
  std::vector<run_key> queued_descendants(const run_key& run) const;

  enum class obstacle { seat, slot, turn };

  struct queue_place {
    std::size_t position; ///< among the queued runs of its agent, by age; 1 = oldest
    std::string reason;   ///< "agent 'b' is busy (1 of 1)", "all 5 slots are in use", …
    obstacle waits_for;   ///< `turn`: nothing but those that go first
  };
  /// Absent when the run is not queued. Costs a look at the agent's queue.
  std::optional<queue_place> place(const run_key& run) const;

  struct holder {
    run_key run;
    agent_name agent;
  };
  /// The live runs that have what a queued one waits for, by key: those of its agent, or all that work (those that lend
  /// their slot to others wait themselves). None when it is not queued, or waits for neither seat nor slot.
  std::vector<holder> holders(const run_key& run) const;

  struct agent_figures {
    agent_name agent;
    int live;
    int queued;
  };
  /// Agents with a live or queued run, by name.
  std::vector<agent_figures> agents() const;
  int live() const;
  int queued() const;
  int slots_used() const; ///< may be over max_concurrency after it was lowered, or after `adopt`
  int max_concurrency() const;
  /// Nothing is known here any more: no run and no wait.
  bool idle() const;

private:
  using sequence = std::uint64_t;

  /// Queued runs of one agent with the same prospects: those of one live parent that waits or not, or of none.
  struct lane_key {
    std::optional<run_key> parent; ///< live
    bool waits = false;            ///< false without a parent

    auto operator<=>(const lane_key&) const = default;
  };
  using lane_queue = std::map<sequence, run_key>; ///< never empty

  struct queued_run {
    agent_name agent;
    std::optional<run_key> parent; ///< as given, live or not
    bool waits = true;             ///< as given
    sequence order = 0;
    lane_key lane;
    std::vector<run_key> above{}; ///< the parent and all above it, as they were when it came, whatever becomes of them
  };
  struct live_run {
    agent_name agent;
    std::optional<run_key> parent; ///< as given, live or not
    bool waits = true;
    run_key slot;                   ///< name of its stack
    std::optional<run_key> through; ///< nearest ancestor of the same agent that waits for it
    std::vector<run_key> above{};
    int inside = 0; ///< live runs whose `through` is this one
    bool past_max_parallel = false;
  };
  struct agent_state {
    int max_parallel = 1;
    int live = 0;
    int queued = 0;
    std::map<lane_key, lane_queue> lanes;
    sequence slot_turn = 0;   ///< when it last got a slot, or joined the queue
    sequence borrow_turn = 0; ///< the same for borrowed slots
    int overtaken = 0;        ///< grants in a row that were not for its oldest ticket
  };
  struct opening {
    run_key run;
    std::optional<run_key> lender; ///< absent: a slot of its own
    bool oldest = true;
  };
  using agent_map = std::map<agent_name, agent_state>;
  using live_map = std::unordered_map<run_key, live_run>;
  using wait_map = std::unordered_map<run_key, std::map<run_key, int>>;
  struct candidate {
    const agent_map::value_type* agent;
    const queued_run* ticket;
    run_key run;
  };
  class outlook;

  std::vector<run_key> above(const std::optional<run_key>& parent) const;
  agent_state& agent_of(const admission_ticket& ticket);
  void drop_agent_if_unused(const agent_name& agent);
  void join_lane(const run_key& run, queued_run& ticket);
  void leave_lane(const queued_run& ticket);
  void remove_queued(const run_key& run);
  void renew_lanes_below(const run_key& parent);
  void forget_child(const std::optional<run_key>& parent, const run_key& run);
  void forget_waits(const run_key& run);

  const live_map::value_type* find_live(const std::optional<run_key>& run) const;
  const live_map::value_type* waiting_ancestor(const agent_name& agent, const std::optional<run_key>& parent,
                                               bool waits) const;
  bool is_top(const run_key& live) const;
  int free_slots() const;
  bool has_seat(const agent_map::value_type& agent, const lane_key& lane) const;
  std::optional<opening> best_opening(const agent_map::value_type& agent, int free_slots) const;

  bool grant_round(std::vector<admission_grant>& granted, std::size_t at_most);
  bool keeps_slot_aside(const agent_map::value_type& agent, int kept) const;
  bool break_cycle(std::vector<admission_grant>& granted);
  std::vector<candidate> awaited() const;
  std::optional<opening> way_in(const candidate& blocked) const;
  std::vector<run_key> lenders(const candidate& blocked) const;
  void start(agent_state& state, const opening& way, std::vector<admission_grant>& granted);
  void enter(const run_key& run, live_run live);
  void relink();

  int max_concurrency_;
  sequence clock_ = 0; ///< counts arrivals and turns
  agent_map agents_;   ///< those with a live or queued run
  std::unordered_map<run_key, queued_run> queued_;
  live_map live_;
  std::unordered_map<run_key, std::vector<run_key>> stacks_;          ///< by slot; bottom first
  std::unordered_map<run_key, std::unordered_set<run_key>> children_; ///< queued and live ones, by parent as given
  wait_map waits_;                                                    ///< waiter → target → how often
  wait_map waiters_;                                                  ///< the same, the other way round
  bool relink_ = false; ///< after `adopt`: stacks may be out of order, `through` may be missing
};

} // namespace agent_dispatch
