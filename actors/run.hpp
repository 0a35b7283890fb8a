#pragma once

#include "actors/logic/event_throttle.hpp"
#include "actors/logic/output_parser.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Whom a run needs.
struct run_services {
  launcher_actor launcher;
  admission_actor admission;
  run_watcher* watcher; ///< owned by main; outlives every actor
};

/// One run, from its launch to its answer:
///
///            resumed ─────────┐
///     launching ──handles──▶ live ──keeper gone──▶ reading ──exit.json──▶ answered
///         │                                           ├──none──▶ sweeping ─▶ answered (lost)
///         └──fault──▶ answered                        └──--session-id rejected──▶ launching (once)
///
/// A cancel while launching is kept and told to the keeper as soon as there is one. The answer goes out only when the
/// keeper is gone, so that the slot is not given back before.
struct run_state {
  explicit run_state(run_actor::pointer own) : self{own} {}

  void launch();
  void resume(const resume_run& order);
  /// A run that cannot be opened, for want of a descriptor say, is one all the same.
  void look_later();
  void look();
  void found(const recovered_request& found);
  void launched(const launch_result& result);
  void cancel();
  void read(const output_chunk& chunk);
  void replay(std::string_view bytes);
  /// Tells what was collected in `replayed`, once.
  void finish_replay();
  /// What the run does is told as fast as its listeners can take it.
  void tell_events();
  void tick(const run_tick& tick);
  void read_exit_file(const keeper_gone& event);
  /// Tells admission what the API makes of this run.
  void report_api(const parsed_output& output, const dispatch_answer& given);
  void ended(const exit_report& report);
  void sweep();
  void answer(dispatch_answer answer);

  run_actor::pointer self;
  run_spec_ptr spec;
  run_listener listener;
  run_services services{};
  std::shared_ptr<run_watch> watch;
  std::unique_ptr<output_parser> parser;
  attempt which = attempt::first;
  std::optional<run_key> borrowed_from;
  std::uint64_t read_bytes = 0;        ///< of the output
  std::uint64_t quiet_bytes = 0;       ///< progress up to here was another supervisor's to tell
  std::deque<progress_event> replayed; ///< the last of it
  event_throttle events;
  std::uint64_t current_tick = 0;
  int failed_reads = 0; ///< of exit.json, or of the whole directory
  std::chrono::steady_clock::time_point begun;
  bool cancelled = false;

  static inline const char* name = "run";
};

/// `listener` gets the run's progress and its end.
run_actor::behavior_type run(run_actor::stateful_pointer<run_state> self, run_spec_ptr spec,
                             const run_listener& listener, run_services services);

} // namespace agent_dispatch
