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
///                            └──cancel──▶ (none)     ├─cancel─▶ live, being ended
///                                                    └─its actor dies─▶ resting ──pause over──▶ live
///                                                                          └──the third time──▶ swept ──▶ (none)
///
/// A live run that has lost its actor goes on: the next actor takes it over as it would another supervisor's. It keeps
/// seat and slot for so long.
///
/// A cancel that crosses its grant finds the run live and ends it there: admission has the last word on what is queued.
struct agent_state {
  explicit agent_state(agent_actor::pointer own) : self{own} {}

  struct entry {
    run_spec_ptr spec;
    run_listener listener;
    run_actor run;                          ///< null while queued, and while it rests
    bool cancelled = false;                 ///< while queued: admission has been asked to let it go
    bool granted = false;                   ///< has seat and slot, but may still have to ask whether its job may start
    std::optional<run_key> borrowed_from{}; ///< the run whose slot it uses
    int deaths = 0;                         ///< of its actors
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
  /// A run's actor died without a word: it gets another one, or what is left of it is ended and it is answered here.
  void run_died(const caf::down_msg& down);
  void revive(const run_key& run, const recovered_request& found);
  void give_up(const run_key& run);
  void lose(const run_key& run);

  agent_actor::pointer self;
  admission_actor admission;
  jobs_actor jobs;
  launcher_actor launcher;
  run_spawner spawn_run;
  std::map<run_key, entry> runs;

  static inline const char* name = "agent";
};

agent_actor::behavior_type agent(agent_actor::stateful_pointer<agent_state> self, const admission_actor& admission,
                                 const jobs_actor& jobs, const launcher_actor& launcher, run_spawner spawn_run);

} // namespace agent_dispatch
