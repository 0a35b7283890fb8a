#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "actors/logic/request_load.hpp"
#include "actors/logic/result_cache.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Makes the actor of one agent.
using agent_spawner = std::function<agent_actor(caf::actor_system&)>;

/// Accepted requests by their key, and the runs that are done for them:
///
///     (none) ──dispatch──▶ resolving ──▶ recording ──▶ executing ──run finished──▶ answered ──acknowledged──▶ (none)
///                              └─cancel, fault─┴──▶ answered          ▲
///     (none) ──recover──▶ executing (its run is there)                │ asked for again
///            └─────────▶ waiting (for its caller's environment) ──────┘
///
///     of a job: recording ──▶ creating (its record; then its caller is answered) ──▶ executing ──▶ concluding (its
///     record again) ──▶ answered
///
/// A cancel in `executing` ends the run, whose end is the answer. A request of a frontend that is gone is cancelled,
/// and forgotten when it has ended. `recording`: its file is being written; nothing is started before it is there.
/// Asked for again, a request goes on as it is, and an answer is given once more: a key is never executed twice.
///
///     answered from the result cache: resolving ──▶ answered, with no file and no run
///
/// Requests that ask for the same at the same time share one run: each has a file of its own, which names that run, and
/// the first whose file is there starts it. A cancel takes one of them off; that of the last one ends the run. The run
/// directory goes with the last file.
///
///     of a request that consists of others: recording ──▶ executing (each part is a request of its own, asked for by
///     its driver) ──all are answered──▶ answered. Its file goes before those of its parts.
struct requests_state {
  explicit requests_state(requests_actor::pointer own) : self{own} {}

  enum class phase { resolving, recording, creating, waiting, executing, concluding, answered };

  struct entry {
    dispatch_call call; ///< `caller` and `waiting` are null until somebody has asked for a recovered one
    phase now = phase::resolving;
    bool cancelled = false;
    bool started = false;
    bool orphaned = false;       ///< nobody will acknowledge the answer
    bool is_adopting = false;    ///< of a job: what its record says is not known yet
    bool is_recovered = false;   ///< an earlier supervisor has accepted it
    bool is_job = false;         ///< its record is there; its caller has been answered, or will be when it asks again
    bool acknowledged = false;   ///< of a job: its caller knows it
    bool unwritten = false;      ///< of a job: its end could not be recorded yet
    std::string never_started{}; ///< of a job that has failed without a run: why

    bool has_wait = false;         ///< admission knows that the run it is nested in waits for its run
    accepted_request_ptr accepted; ///< null until recorded
    run_spec_ptr spec;             ///< null while resolving
    composite_actor driver{};      ///< of a request that consists of others, while executing; null while it rests
    int driver_deaths = 0;
    request_load::share share{}; ///< what it takes of `load`; parts take none, the whole has it
    std::optional<dispatch_answer> answer;

    /// Somebody waits for the answer of its run.
    bool wants_run() const { return !cancelled && now != phase::answered; }

    /// Will be a job, or is one.
    bool spec_is_job() const { return call.kind == call_kind::job; }
  };

  /// A run, and the requests that it is done for.
  struct shared_run {
    std::set<request_key> members{}; ///< their files name it
    agent_actor agent{};             ///< null until it is executed
    bool started = false;
    bool ending = false;                  ///< because nobody waits for it any more
    std::optional<request_key> starter{}; ///< the member whose ticket admission has
    std::optional<cache_key> question{};  ///< by which others find it; absent: it is shared with nobody
    std::optional<dispatch_answer> answer{};
  };

  void accept(const dispatch_call& call);
  void accept_part(const dispatch_call& call);
  void take_up(entry& request, const dispatch_call& call);
  bool may_begin(const entry& recovered) const;
  void resolve(const request_key& key, const config_snapshot_ptr& snapshot);
  void apply_limits(const config_snapshot& snapshot);
  /// Takes what the request asks for, unless that is too much: then it is answered so, and this is false.
  bool is_taken(entry& request, request_load::share share);
  /// Answers from the cache, joins a run that does the same, or records the request for a run of its own.
  void find_run(entry& request, run_spec_ptr spec);
  void find_run(entry& request, run_spec_ptr spec, const cache_key& question);
  /// The run in flight that answers a question, unless it is being ended.
  std::optional<run_key> run_for(const cache_key& question) const;
  /// A request that is nested in a run has it wait for another's run, unless that one waits for it.
  void ask_to_wait(entry& request, const run_spec_ptr& spec, const run_key& run, const cache_key& question);
  void may_wait(const request_key& key, const run_spec_ptr& spec, const run_key& run, const cache_key& question,
                bool allowed);
  void join(entry& request, const run_spec_ptr& spec, const run_key& run);
  void answer_known(entry& request, run_spec_ptr spec, const dispatch_result& known);
  /// Of a part: it is answered by what was written down for it, now and after a restart.
  void give_known(entry& request, const dispatch_result& known);
  bool is_wanted(const shared_run& run) const;
  /// Whether anybody but this request waits for its run.
  bool others_want_run_of(const entry& request) const;
  /// Ends a run that lives and that nobody waits for.
  void end_if_unwanted(const run_key& key);
  /// Admission hears that the run which a request is nested in waits for a run that another one has started, and that
  /// it does not any more.
  void wait_from_parent(entry& request);
  void stop_waiting(entry& request);
  /// Recovered, and asked for again: others may join its run.
  void let_others_join(const entry& request);
  /// True when the directory of its run is nobody's any more. That of a live one goes with the end of the run.
  bool leave_run(entry& request);
  void drop(std::map<run_key, shared_run>::iterator run);
  /// A cancel came while its file was written.
  void end_recorded(entry& request);
  void record(entry& request, run_spec_ptr spec);
  void recorded(const request_key& key, const write_outcome& outcome);
  void create_job_of(entry& request);
  void job_created(const request_key& key, const write_outcome& outcome);
  /// No next supervisor finds it.
  void withdraw(entry& request);
  void tell_acceptance(const entry& request);

  void execute(entry& request);
  void record(entry& request, composite_plan_ptr plan);
  void write(entry& request, accepted_request accepted);
  /// Asks for the parts of a request that consists of others.
  void drive(entry& request);
  /// After a pause, the driver having died. What its parts have come to is found by their keys.
  void drive_again(const request_key& key);
  /// A driver gets a successor, or its request is given up. Without an agent's actor, what it knew of its runs is lost:
  /// that ends this one too, and with it the process, and the next supervisor has it all from disk.
  void actor_died(const caf::down_msg& down);
  void pass_on(const composite_progress& event);
  void cancel_parts(const request_key& key);
  /// Nobody wants them: the request that they are parts of is gone.
  void drop_parts(const request_key& key);
  std::vector<request_key> parts_of(const request_key& key) const;
  caf::result<int> recover();
  void look_at_occupants();
  caf::result<cache_report> report_cache();
  caf::result<cache_cleared> clear_results();
  void recovered(const recovered_state& state);
  void take_over(const recovered_request& found);
  void take_over_job(const recovered_request& found);
  void job_adopted(const recovered_request& found, const job_record& record);
  void adopt(entry& request, const recovered_request& found);
  void finish_recovery_if_done();
  /// Of a job, the record is cancelled first: else it would end as one whose run has failed.
  void cancel_for_caller(const request_key& key);
  void cancel(const request_key& key);
  void cancel_children(const run_key& run);
  /// True when the request is nested in the run, or in one that is done for nobody but such requests.
  bool hangs_on(const entry& request, const run_key& run) const;
  void pass_on(const run_progress& progress);
  void pass_on(const run_replayed& replayed);
  void finish(const run_finished& event);
  /// What becomes of a request whose run has ended.
  void conclude(entry& request, const dispatch_answer& answer);
  void answer(const request_key& key, dispatch_answer answer);
  void keep_result_of(entry& request, const dispatch_answer& answer);
  void conclude_job(entry& request, const dispatch_answer& answer);
  void job_concluded(const request_key& key, const dispatch_answer& answer, const write_outcome& outcome);
  void conclude_again(const request_key& key);
  void never_start(entry& request, std::string why);
  void acknowledge(const request_key& key);
  void acknowledge_others(const requests_kept& kept);
  void forget(const request_key& key);
  void arrive(const frontend_arrived& event);
  void depart(const frontend_id& frontend);
  void check_frontend(const frontend_id& frontend);
  void frontend_gone(const frontend_id& frontend);
  caf::result<stop_report> drain(stop_mode mode);
  /// In whose name jobs wait for their turn.
  note_handover handover() const;
  void end_all(stop_mode mode);
  void end_failed(const entry& request);
  bool is_busy() const;
  void finish_drain_if_idle();
  caf::result<bool> finish_all();
  void finish_frontend(const frontend_id& frontend, bool alive);
  void finish_if_all_are_looked_at();
  caf::result<queue_position_ptr> position(const get_request_position& order);
  caf::result<queue_position_ptr> place_of(const run_key& run, bool with_holders);
  /// Absent when somebody waits for its answer.
  std::optional<job_id> job_of(const run_key& run) const;
  agent_actor agent_for(const agent_name& agent);
  /// Ends, and the agents' actors with it.
  void end(const caf::exit_msg& order);

  requests_actor::pointer self;
  config_actor config;
  admission_actor admission;
  launcher_actor launcher;
  jobs_actor jobs;
  agent_spawner spawn_agent;
  request_load load;
  std::map<request_key, entry> requests;
  std::map<run_key, shared_run> runs;
  std::map<cache_key, run_key> in_flight; ///< what may be joined; an entry may be out of date, see `run_for`
  result_cache cache;
  std::vector<run_key> occupants; ///< live runs of a newer program, which hold their slots
  std::map<agent_name, agent_actor> agents;
  std::map<frontend_id, caller_context_ptr> callers; ///< handed over by the supervisor before this one
  std::map<frontend_id, int> connections;            ///< of frontends that have any
  std::uint64_t limits_generation = 0;
  bool draining = false;
  bool ending_all = false;   ///< by a stop that waits for nothing
  bool keeping_runs = false; ///< by a stop that leaves everything as it is
  stop_report ended;
  std::vector<caf::typed_response_promise<stop_report>> drained;
  std::size_t adopting = 0; ///< jobs of earlier supervisors
  std::vector<caf::typed_response_promise<int>> recoveries;
  int recovered_count = 0;
  bool knows_all = true;      ///< nothing was left alone of what earlier supervisors have accepted
  std::size_t looking_at = 0; ///< frontends, on the way out
  std::vector<caf::typed_response_promise<bool>> finished;

  static inline const char* name = "requests";
};

requests_actor::behavior_type requests(requests_actor::stateful_pointer<requests_state> self,
                                       const config_actor& config, const admission_actor& admission,
                                       const launcher_actor& launcher, const jobs_actor& jobs,
                                       agent_spawner spawn_agent);

} // namespace agent_dispatch
