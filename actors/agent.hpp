#pragma once

#include <functional>
#include <map>

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Makes the actor of one run; a fake in tests.
using run_spawner = std::function<run_actor(caf::actor_system&, run_spec_ptr, const run_listener&)>;

/// What one agent's actor knows of a run:
///
///     (none) ──adopt──────────────────────┐
///     (none) ──execute──▶ queued ──granted──▶ live ──finished──▶ (none)
///                            └──cancel──▶ (none)     └─cancel─▶ live, being ended
///
/// A cancel that crosses its grant finds the run live and ends it there: admission has the last word on what is queued.
struct agent_state {
  explicit agent_state(agent_actor::pointer own) : self{own} {}

  struct entry {
    run_spec_ptr spec;
    run_listener listener;
    run_actor run;          ///< null while queued
    bool cancelled = false; ///< while queued: admission has been asked to let it go
    bool granted = false;   ///< has seat and slot, but may still have to ask whether its job may start
  };

  void execute(const execute_run& order);
  void adopt(const adopt_run& order);
  void cancel(const run_key& run);
  void start(const run_granted& grant);
  /// The run of a job starts when its record says so, and not at all when that is terminal.
  void ask_to_start(const run_granted& grant, const job_id& job);
  void begin(const run_granted& grant);
  /// It was granted, and is not wanted any more.
  void give_back(const run_key& run);
  void spawn(entry& run);
  void pass_on(const run_progress& progress);
  void pass_on(const run_replayed& replayed);
  void finish(const run_finished& finished);
  /// Ends, and the actors of its runs with it; the runs themselves go on.
  void end(const caf::exit_msg& order);
  /// A run's actor died without a word: that is ours to answer.
  void run_died(const caf::down_msg& down);

  agent_actor::pointer self;
  admission_actor admission;
  jobs_actor jobs;
  run_spawner spawn_run;
  std::map<run_key, entry> runs;

  static inline const char* name = "agent";
};

agent_actor::behavior_type agent(agent_actor::stateful_pointer<agent_state> self, const admission_actor& admission,
                                 const jobs_actor& jobs, run_spawner spawn_run);

} // namespace agent_dispatch
