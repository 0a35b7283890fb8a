#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <variant>
#include <vector>

#include <caf/all.hpp>

#include "actors/logic/job_rules.hpp"
#include "actors/logic/overload_policy.hpp"
#include "config/agent_form.hpp"
#include "config/discovery.hpp"
#include "config/file.hpp"
#include "messages/hello.hpp"
#include "messages/json.hpp"
#include "messages/process.hpp"
#include "messages/supervision.hpp"

/// The typed interfaces of all actors of the supervisor. Actors know each other through this header alone. Messages
/// never leave the process, so none has a wire form. What takes long is answered by a message of its own, not by a
/// reply: a reply cannot be told from silence when the one who owes it has died.
namespace agent_dispatch {

template <class... Args>
struct asks {
  template <class Result>
  using with = typename caf::replies_to<Args...>::template with<Result>;
};

template <class... Args>
using takes = caf::reacts_to<Args...>;

// --- config
// -----------------------------------------------------------------------------------------------------------

struct get_config {};

using config_snapshot_ptr = std::shared_ptr<const config_snapshot>;

using config_actor = caf::typed_actor<
    /// The configuration as the file has it now; re-read only when the file has changed.
    asks<get_config>::with<config_snapshot_ptr>>;

// --- viewer
// -----------------------------------------------------------------------------------------------------------

/// Shows what is in directories of agents. It takes as long as their file systems do, and runs on a thread of the
/// viewer's: it holds by value what it needs.
using directory_view = std::function<ordered_json()>;

struct look_at_directories {
  directory_view view;
};

struct directories_seen {
  std::shared_ptr<const ordered_json> value;
};

using viewer_actor = caf::typed_actor<asks<look_at_directories>::with<directories_seen>>;

// --- config editor
// ----------------------------------------------------------------------------------------------------

struct add_agent_order {
  std::string name;
  std::string directory; ///< as the caller wrote it
  agent_form form;
  std::filesystem::path home; ///< the caller's: what `~` stands for
  std::filesystem::path base; ///< the caller's directory, absolute
};

struct update_agent_order {
  agent_name name;
  agent_update update;
};

struct remove_agent_order {
  agent_name name;
};

using agent_order = std::variant<add_agent_order, update_agent_order, remove_agent_order>;

struct edit_agents {
  agent_order order;
  std::chrono::steady_clock::time_point until; ///< for so long the file's lock is waited for
};

/// What became of an edit, for messages: expected in a struct.
struct agents_edited {
  expected<saved_configuration> saved;
  directory_health health = directory_health::healthy; ///< of the directory of an agent that was added
};

/// Changes agents.yaml. Blocks on its lock and on the disk, and therefore has a thread of its own.
using config_editor_actor = caf::typed_actor<asks<edit_agents>::with<agents_edited>>;

// --- run
// ---------------------------------------------------------------------------------------------------------------

/// A piece of a run's stdout, in order and without gaps.
struct output_chunk {
  std::string bytes;
};

/// What is on disk when a keeper is gone.
struct exit_report {
  expected<std::optional<exit_record>> record; ///< absent: the keeper died before it could write one
  std::string stderr_head;                     ///< at most limits::stderr_bytes
};

/// Nobody reads the run's control FIFO any more: its keeper is gone. All output up to now has been sent before.
struct keeper_gone {
  std::shared_ptr<const exit_report> report; ///< null: nobody has looked, or it could not be read now
};

/// A run that could not be found a while ago is looked for again.
struct look_for_run {};

struct cancel_run {
  run_key run;
};

/// A late tick, whose number is not the current one, is ignored.
struct run_tick {
  std::uint64_t number = 0;
};

class run_handles;

/// Why a run was not started.
enum class launch_problem {
  none,
  refused,     ///< a value of the request or the configuration cannot be given to the CLI
  cli_missing, ///< no `claude` on the caller's PATH
  system,      ///< an operation of ours failed
};

/// A keeper has been started, or why not. The handles are the descriptors of a live run, for the watch.
struct launch_result {
  std::shared_ptr<run_handles> handles; ///< null when there is a problem
  launch_problem problem = launch_problem::none;
  std::string reason; ///< a sentence, when there is a problem
};

/// How a run is executed: a second attempt is made only for a CLI that rejected --session-id before it did anything.
enum class attempt { first, without_session_id };

struct begin_run {
  std::optional<run_key> borrowed_from; ///< the run whose slot it uses
};

/// Instead of `begin_run`: a run that another supervisor has started, and that may have ended since.
struct resume_run {
  /// Without a control end when nobody is alive; null: the run directory could not be opened, and is to be found again.
  std::shared_ptr<run_handles> handles;
  attempt which = attempt::first;
  std::uint64_t seen_bytes = 0; ///< of its output: progress up to here was the other supervisor's to tell
};

using run_actor = caf::typed_actor<takes<begin_run>, takes<resume_run>, takes<output_chunk>, takes<run_tick>,
                                   takes<keeper_gone>, takes<look_for_run>, takes<cancel_run>>;

/// The I/O side of one live run: sends `output_chunk` and at the end `keeper_gone` to the run's actor. At most one
/// chunk is on its way at a time. Every member function may be called from any thread and returns at once.
class run_watch {
public:
  virtual ~run_watch() = default;
  /// The last chunk has been dealt with.
  virtual void want_output() = 0;
  /// Tells the keeper to end the run.
  virtual void cancel() = 0;
};

/// Starts to watch a live run; owned by main, implemented on the I/O thread, a fake in tests.
class run_watcher {
public:
  virtual ~run_watcher() = default;
  virtual std::shared_ptr<run_watch> watch(std::shared_ptr<run_handles> handles, const run_actor& actor) = 0;
};

// --- agent
// -------------------------------------------------------------------------------------------------------------

struct run_progress {
  run_key run;
  progress_event event;
};

/// What a run has done before this supervisor came, its last lines as a job keeps them: once, when it is adopted.
struct run_replayed {
  run_key run;
  std::vector<progress_event> events;
};

/// The keeper has confirmed the end of the run (or it was never started); its seat and slot are free.
struct run_finished {
  run_key run;
  dispatch_answer answer;
};

using run_listener = caf::typed_actor<takes<run_progress>, takes<run_replayed>, takes<run_finished>>;

struct execute_run {
  run_spec_ptr spec;
  run_listener listener;
};

struct run_granted {
  run_key run;
  std::optional<run_key> borrowed_from; ///< the run whose slot it uses; absent: one of its own
  bool past_max_parallel = false;
};

/// A run that another supervisor has started, as it is now. Its seat and slot have been taken already.
struct adopt_run {
  run_spec_ptr spec;
  run_listener listener;
  resume_run how;
};

using agent_actor = caf::typed_actor<
    /// Queues the run; the listener gets `run_progress` and at the end exactly one `run_finished`.
    takes<execute_run>,
    /// The same for one that is live, or has ended unseen.
    takes<adopt_run>,
    /// Ends a live run, forgets a queued one; the listener gets `run_finished` all the same.
    takes<cancel_run>,
    /// From admission.
    takes<run_granted>,
    /// From the agent's own runs.
    takes<run_progress>, takes<run_replayed>, takes<run_finished>>;

// --- admission
// -----------------------------------------------------------------------------------------------------------

/// A live run waits for another one (by `dispatch_wait`), so that the two may be in a cycle.
struct add_wait {
  run_key waiter;
  run_key target;
};

struct remove_wait {
  run_key waiter;
  run_key target;
};

/// A run is about to wait for another one, which somebody else asked for. The reply says whether it may; then it waits,
/// as by `add_wait`. It may not when the other one waits for it, or is one that it is nested in, as a job or not.
struct join_wait {
  run_key waiter;
  run_key target;
};

/// Whoever asked for a run from within another one does not want it any more; others do.
struct leave_parent {
  run_key run;
};

struct admit_run {
  run_spec_ptr spec;
  agent_actor agent; ///< is told `run_granted` once the run has its seat and slot
};

/// A run that lives already takes its seat and slot, also past the limits. Before any `admit_run`.
struct readmit_run {
  run_spec_ptr spec;
  std::optional<run_key> borrowed_from;
};

struct release_run {
  run_key run;
};

/// A queued run leaves the queue. The reply says whether it was still queued.
struct withdraw_run {
  run_key run;
};

struct set_max_concurrency {
  int slots = 1;
};

struct get_admission {};

struct get_queue_position {
  run_key run;
  bool with_holders = false;
};

/// The API has turned a request of a run away, or did not answer it.
struct api_troubled {
  api_trouble what;
};

/// A run has ended well.
struct api_answered {
  std::chrono::steady_clock::time_point begun; ///< when the run was started
};

/// A late tick, whose number is not the current one, is ignored.
struct admission_tick {
  std::uint64_t number = 0;
};

struct get_queued_descendants {
  run_key run;
};

using queue_position_ptr = std::shared_ptr<const queue_position>;
using run_keys = std::vector<run_key>;

using admission_actor =
    caf::typed_actor<takes<admit_run>, takes<readmit_run>, takes<release_run>, takes<add_wait>, takes<remove_wait>,
                     asks<join_wait>::with<bool>, takes<leave_parent>, asks<withdraw_run>::with<bool>,
                     takes<set_max_concurrency>, takes<api_troubled>, takes<api_answered>, takes<admission_tick>,
                     asks<get_admission>::with<admission_figures>,
                     /// Null when the run is not queued.
                     asks<get_queue_position>::with<queue_position_ptr>,
                     /// Queued runs that a run, or one below it, waits for.
                     asks<get_queued_descendants>::with<run_keys>>;

// --- launcher
// ------------------------------------------------------------------------------------------------------------

struct launch_run {
  run_spec_ptr spec;
  attempt which = attempt::first;
  std::optional<run_key> borrowed_from; ///< whose slot it uses, for the next supervisor
};

struct read_exit {
  run_key run;
  attempt which = attempt::first;
};

/// How does a run stand whose actor has died? One that has not been started is claimed, so that it may be started anew.
/// The reply's request holds the spec alone.
struct find_run {
  run_spec_ptr spec;
};

/// Ends what is left of a run that has no actor any more, or whose keeper is gone: what has not begun never does. The
/// reply comes when its keeper is gone, or does not end it in time: the number of processes that stay. The run
/// directory stays as well, until the request is discarded.
struct sweep_run {
  run_key run;
};

struct discard_run {
  run_key run;
};

/// Writes the request's file; no run of it is started before the reply.
struct record_request {
  accepted_request_ptr request;
};

/// What became of something that had to be written.
struct write_outcome {
  std::optional<fault> problem; ///< absent: it is written
};

/// Nothing of a request is needed any more: its file goes first, then its run directory. In the other order a
/// supervisor that dies in between would leave a request without a run, which the next one would start.
struct discard_request {
  accepted_request_ptr request;
  bool keeps_run = false; ///< others wait for its run: the directory stays
};

/// This supervisor leaves on purpose: its requests have not been with it when it died. The next one is told in whose
/// name those wait that nobody asks for again.
struct note_handover {
  std::vector<std::pair<frontend_id, caller_context_ptr>> callers;
};

/// Reads what earlier supervisors have left, and claims what has not been started, so that no keeper can come late.
/// Once, before anything else.
struct recover_state {};

/// What has become of the run of a request that was found on disk.
enum class run_condition {
  not_started, ///< and cannot start any more by itself
  live,        ///< its keeper is there
  ended,       ///< with an exit.json, or lost
};

struct recovered_request {
  accepted_request_ptr request;
  run_condition condition = run_condition::not_started;
  resume_run how;                       ///< unless it was not started
  std::optional<run_key> borrowed_from; ///< of a live one
};

struct recovered_state {
  std::vector<recovered_request> requests;
  std::vector<run_spec_ptr> occupants;               ///< live runs of a newer program: a key and an agent's name alone
  std::map<frontend_id, caller_context_ptr> callers; ///< that the supervisor before this one has handed over
  bool is_whole = true;                              ///< false: what a newer program has accepted was left alone
};
using recovered_state_ptr = std::shared_ptr<const recovered_state>;

struct is_frontend_alive {
  frontend_id frontend;
};

/// Which of these runs have a live keeper?
struct find_live_runs {
  std::vector<run_key> runs;
};

/// Answered when everything that was asked before is done.
struct finish_discarding {};

/// Ends and removes what is in the runs directory and belongs to no request.
struct clear_strays {};

/// Makes a directory for a run to come, unless enough wait.
struct prepare_run {};

/// Removes the next of what lies in the trash.
struct empty_trash {};

/// Blocks on the file system, and therefore has a thread of its own.
using launcher_actor = caf::typed_actor<
    /// Makes the run directory and starts the keeper.
    asks<launch_run>::with<launch_result>, asks<read_exit>::with<exit_report>, asks<sweep_run>::with<int>,
    asks<find_run>::with<recovered_request>,
    /// Renames the run directory into the trash, then deletes it.
    takes<discard_run>, asks<record_request>::with<write_outcome>, takes<discard_request>, takes<note_handover>,
    asks<recover_state>::with<recovered_state_ptr>,
    /// Whether somebody holds the frontend's lock.
    asks<is_frontend_alive>::with<bool>, asks<find_live_runs>::with<run_keys>, asks<finish_discarding>::with<bool>,
    /// Looks again until nothing is left.
    takes<clear_strays>, takes<empty_trash>, takes<prepare_run>>;

// --- requests
// ------------------------------------------------------------------------------------------------------------

struct request_progress {
  request_key request;
  progress_event event;
};

struct request_answered {
  request_key request;
  dispatch_answer answer;
};

/// Whoever waits for a request: a session.
using requester = caf::typed_actor<takes<request_progress>, takes<request_answered>>;

struct begin_composite {};

/// Nothing more is asked for. Parts that were asked for are cancelled by themselves.
struct cancel_composite {};

/// Drives a request that consists of others.
using composite_actor =
    caf::typed_actor<takes<begin_composite>, takes<cancel_composite>, takes<request_progress>, takes<request_answered>>;

/// What a part of a request does.
struct composite_progress {
  request_key request;
  progress_event event;
};

/// All parts are done.
struct composite_done {
  request_key request;
  dispatch_answer answer;
};

/// What a caller wants back.
enum class call_kind {
  answer, ///< the result
  ref,    ///< the result, kept under an id
  job,    ///< a job, at once
};

struct parallel_item {
  run_request run;
  call_kind kind = call_kind::answer;
  std::int64_t summary_chars = 0; ///< of a ref
};

struct parallel_order {
  std::vector<parallel_item> items;
  agent_name aggregator; ///< "": none
};

struct dialogue_order {
  agent_name requester;
  agent_name responder;
  std::string topic;
  int most_rounds = 3;
};

using composite_order = std::variant<parallel_order, dialogue_order>;

struct dispatch_call {
  request_key request;
  caller_context_ptr caller;
  run_request run;
  requester waiting;
  bool cancelled = false; ///< the client has cancelled it already: it must not start, and is ended if it runs
  call_kind kind = call_kind::answer;
  std::optional<job_id> retry_of{};                   ///< of a job: the one that it runs again
  std::shared_ptr<const composite_order> composite{}; ///< instead of `run`
  run_spec_ptr prepared{};                            ///< of a part: accepted with the whole, instead of `run`
  /// An earlier answer to the same question will do, or that of a run in flight.
  bool is_shareable = false;
};

/// From its caller; or from the registry, which has cancelled the record of its job.
struct cancel_request {
  request_key request;
  bool is_recorded = false;
};

/// A frontend has said hello, for the first time or again.
struct frontend_arrived {
  frontend_id frontend;
  caller_context_ptr caller;
};

/// The frontend's connection is closed. Its requests are ended when its lock is free.
struct frontend_disconnected {
  frontend_id frontend;
};

/// The frontend has the answer whole: nothing of the request is needed any more.
struct request_acknowledged {
  request_key request;
};

/// What a frontend says that has had another supervisor before: of its lines up to `through`, all but these are
/// acknowledged.
struct requests_kept {
  frontend_id frontend;
  std::uint64_t through = 0;
  std::shared_ptr<const std::set<std::uint64_t>> lines;
};

struct recheck_frontend {
  frontend_id frontend;
};

struct retry_conclusion {
  request_key request;
};

/// Whoever drove a request that consists of others has died a while ago.
struct drive_again {
  request_key request;
};

struct drain_requests {
  stop_mode mode = stop_mode::drain;
};

/// Executes what earlier supervisors have accepted and not finished. Before anything else; the reply says how much.
struct recover_requests {};

/// No session is left: what nobody can acknowledge any more is forgotten. Replies when all is removed.
struct finish_requests {};

/// Whether a request has been accepted, by this supervisor or one before: then it is too late for a question about it.
struct is_request_known {
  request_key request;
};

struct get_request_position {
  request_key request;
  bool with_holders = false;
};

/// How the result cache does, by the configuration as it is now.
struct get_cache_report {};

struct cache_report {
  std::optional<cache_figures> figures; ///< absent: it is off
};

/// Removes what the result cache holds, and counts anew.
struct clear_cache {};

struct cache_cleared {
  std::optional<std::size_t> entries; ///< absent: it is off
};

/// Looks whether runs have ended that are not ours.
struct recheck_occupants {};

using requests_actor = caf::typed_actor<
    /// The caller gets `request_progress` and exactly one `request_answered`.
    takes<dispatch_call>, takes<cancel_request>, takes<request_acknowledged>, takes<requests_kept>,
    takes<frontend_arrived>, takes<frontend_disconnected>, takes<recheck_frontend>, asks<recover_requests>::with<int>,
    takes<retry_conclusion>, takes<drive_again>,
    /// Takes no more work; replies when none is left (at once, when runs are kept), with what had to be ended.
    asks<drain_requests>::with<stop_report>, asks<finish_requests>::with<bool>,
    /// Null when the request's run is not queued.
    asks<get_request_position>::with<queue_position_ptr>, asks<is_request_known>::with<bool>,
    asks<get_cache_report>::with<cache_report>, asks<clear_cache>::with<cache_cleared>, takes<recheck_occupants>,
    /// From the agents.
    takes<run_progress>, takes<run_replayed>, takes<run_finished>,
    /// From who drives a request that consists of others.
    takes<composite_progress>, takes<composite_done>>;

// --- jobs
// ----------------------------------------------------------------------------------------------------------------

/// A change to a record, made from what is on disk under the directory's lock. Plain function: it runs in the thread of
/// the store.
using job_change = std::function<expected<job_record>(const job_record& on_disk)>;

struct store_job {
  job_record_ptr record;
};

struct change_job {
  job_id id;
  job_change change;
  durability safety = durability::disk;
};

/// A terminal record as a cancelled job's run has left it, with its result.
struct settle_job {
  job_record_ptr record;
};

struct cancel_stored_job {
  job_id id;
};

struct touch_jobs {
  std::vector<job_id> ids;
};

/// `text`: an id, or the beginning of one that no other has.
struct find_stored_job {
  std::string text;
};

struct list_stored_jobs {
  std::optional<job_status> status;
  std::size_t limit = 0;
};

struct collect_stored_jobs {
  bool all = false;
  std::chrono::duration<double> age{0};
};

/// Our own records that are not terminal.
struct find_unfinished_jobs {};

/// What is due once, some time after the start: remains of killed writers, records that other programs have abandoned,
/// retention (0: keep).
struct maintain_jobs {
  int retention_days = 0;
};

/// What became of a record, for messages: expected in a struct.
struct job_change_reply {
  expected<job_record> record; ///< as it is on disk now
  bool written = false;        ///< false: it was terminal already, or is gone
};

struct job_found {
  expected<job_record> record;
};

struct job_cancelled {
  expected<cancel_report> report;
  job_record_ptr record; ///< as it is now; null when it could not be read or written
};

struct jobs_found {
  expected<std::vector<job_record>> records;
};

struct jobs_collected {
  expected<std::size_t> purged;
};

/// The job records; blocks on the disk, and therefore has a thread of its own. There are two: one writes, the other
/// reads what takes long.
using job_store_actor =
    caf::typed_actor<asks<store_job>::with<write_outcome>, asks<change_job>::with<job_change_reply>,
                     asks<settle_job>::with<job_change_reply>, asks<cancel_stored_job>::with<job_cancelled>,
                     takes<touch_jobs>, asks<find_stored_job>::with<job_found>,
                     asks<list_stored_jobs>::with<jobs_found>, asks<collect_stored_jobs>::with<jobs_collected>,
                     asks<find_unfinished_jobs>::with<jobs_found>, takes<maintain_jobs>>;

/// A job is accepted. The reply says whether its record is on disk.
struct create_job {
  request_key request;
  run_spec_ptr spec;
};

/// May the run of a job start? Asked when it has its seat and slot; the reply comes when the record says `running`.
struct start_job {
  job_id id;
};

struct job_progressed {
  job_id id;
  progress_event event;
};

/// What the run of an adopted job has done so far, its last lines. Those that its record has not are progress.
struct job_replayed {
  job_id id;
  std::vector<progress_event> events;
};

/// The run of a job has ended. The reply comes when the record on disk is terminal, whoever made it so.
struct finish_job {
  job_id id;
  dispatch_answer answer;
};

/// A job that an earlier supervisor has accepted. The reply is its record as it is now: made anew when it is missing.
struct adopt_job {
  request_key request;
  run_spec_ptr spec;
};

/// All jobs of earlier supervisors have been adopted: what else is unfinished and ours is lost.
struct jobs_adopted {
  int retention_days = 0;
  bool knows_all = true; ///< false: some unfinished records are of requests that were left alone
};

/// A job of ours can never start, or was lost without a run.
struct fail_job {
  job_id id;
  std::string sentence;
  bool has_session = true; ///< false: its session was never begun, whatever the record says
};

/// Keeps the result of a synchronous request as a job that is done.
struct keep_result {
  run_spec_ptr spec;
  dispatch_result result;
};

struct find_job_record {
  std::string text; ///< an id, or the beginning of one
};

struct cancel_job {
  std::string text; ///< an id, or the beginning of one
};

/// The asker gets `request_progress` for what the job does, and one `request_answered` with the record: when it is
/// terminal, or the time is over (as it is then). A fault in the answer: there is no such job.
struct watch_job {
  request_key request;
  std::string text; ///< an id, or the beginning of one
  requester asker;
  std::optional<std::chrono::milliseconds> patience; ///< absent: for ever
  std::optional<run_key> waiter;                     ///< the run that asks
};

struct unwatch_job {
  request_key request;
};

/// The asker died before it could say so of its waits; nobody hears of them any more.
struct unwatch_all {
  caf::actor_addr asker;
};

/// How does the job stand that this request waits for?
struct get_watched_job {
  request_key request;
};

struct job_standing {
  bool is_running = false;  ///< else it has not been started
  queue_position_ptr place; ///< null when it is not queued
};
using job_standing_ptr = std::shared_ptr<const job_standing>;

/// Why does a job wait?
struct explain_job {
  std::string text; ///< an id, or the beginning of one
};

/// The job, and where it stands, with those that are in its way; null when it is not queued here.
struct job_explained {
  job_found job;
  queue_position_ptr place;
};

struct watch_timeout {
  request_key request;
  std::uint64_t number = 0;
};

struct job_tick {};

/// Where the cancel of a job goes to end its run. Once, at the start.
struct serve_requests {
  requests_actor requests;
};

/// The only one that changes a job. Holds those that are not terminal; all others are on disk alone.
using jobs_actor =
    caf::typed_actor<asks<create_job>::with<write_outcome>, asks<start_job>::with<bool>, takes<job_progressed>,
                     takes<job_replayed>, asks<finish_job>::with<write_outcome>, asks<adopt_job>::with<job_found>,
                     takes<jobs_adopted>, asks<fail_job>::with<write_outcome>, asks<keep_result>::with<write_outcome>,
                     asks<find_job_record>::with<job_found>, asks<cancel_job>::with<job_cancelled>,
                     asks<list_stored_jobs>::with<jobs_found>, asks<collect_stored_jobs>::with<jobs_collected>,
                     takes<watch_job>, takes<unwatch_job>, takes<unwatch_all>,
                     /// Null when nothing is known: the job is another program's, or is not waited for.
                     asks<get_watched_job>::with<job_standing_ptr>, asks<explain_job>::with<job_explained>,
                     takes<watch_timeout>, takes<job_tick>, takes<serve_requests>>;

// --- session
// -------------------------------------------------------------------------------------------------------------

/// A frame from the frontend: `number` is the line's, or 0.
struct frame_received {
  std::string verb;
  std::uint64_t number = 0;
  std::string payload;
};

/// The connection is gone; nothing can be sent any more.
struct connection_closed {};

/// A late tick, whose number is not the current one, is ignored.
struct session_tick {
  std::uint64_t number = 0;
};

/// The supervisor asks a session to end. The frontend is told; the connection is closed when it has all its answers
/// whole, or at once when runs are kept.
struct end_session {
  stop_mode mode = stop_mode::drain;
};

using session_actor =
    requester::extend<takes<frame_received>, takes<connection_closed>, takes<session_tick>, takes<end_session>>;

// --- supervisor
// ----------------------------------------------------------------------------------------------------------

/// Whether a message may be left out when the frontend reads too slowly.
enum class importance { droppable, must_arrive };

/// A frontend's connection, as its session sees it. Every member function may be called from any thread and returns at
/// once.
class connection {
public:
  virtual ~connection() = default;
  /// Frames go to this actor from now on, and `connection_closed` at the end.
  virtual void start(const session_actor& session) = 0;
  virtual void send(std::string_view verb, std::uint64_t number, std::string_view payload, importance rank) = 0;
  /// The session has dealt with a frame: the next one may be read.
  virtual void consumed() = 0;
  /// Closes once everything that must arrive is written, or the frontend does not read for 2 s.
  virtual void close() = 0;
};
using connection_ptr = std::shared_ptr<connection>;

/// A frontend has said hello on a connection.
struct frontend_connected {
  connection_ptr link;
  std::shared_ptr<const frontend_hello> hello;
};

struct get_status {};

struct stop_supervisor {
  stop_mode mode = stop_mode::drain;
};

/// A late tick, whose number is not the current one, is ignored.
struct supervisor_tick {
  std::uint64_t number = 0;
};

struct leave_timeout {};

/// The process must end: a signal, the lifeline of an embedded supervisor, a lost lock.
struct shut_down {
  std::string why;
  stop_mode mode = stop_mode::now;
};

using supervisor_actor = caf::typed_actor<takes<frontend_connected>, asks<get_status>::with<supervisor_status>,
                                          /// Replies when all work has ended; the process exits soon after.
                                          asks<stop_supervisor>::with<stop_report>, takes<shut_down>,
                                          takes<supervisor_tick>, takes<leave_timeout>>;

/// The actors that a session talks to.
struct core_actors {
  supervisor_actor supervisor;
  config_actor config;
  requests_actor requests;
  jobs_actor jobs;
  config_editor_actor editor;
  viewer_actor viewer;
};

/// Makes the session for a frontend that has said hello; given to the supervisor by main, so that actors/ does not know
/// frontends/.
using session_factory = std::function<session_actor(caf::actor_system&, const core_actors&, connection_ptr,
                                                    std::shared_ptr<const frontend_hello>)>;

} // namespace agent_dispatch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_config)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::config_snapshot_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::look_at_directories)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::directories_seen)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::edit_agents)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::agents_edited)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::output_chunk)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::keeper_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::look_for_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::launch_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::exit_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::begin_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_replayed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_finished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::execute_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_granted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::join_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::leave_parent)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_cache_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cache_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::clear_cache)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cache_cleared)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::admit_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::release_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::withdraw_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::set_max_concurrency)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_admission)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_queue_position)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_queued_descendants)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::queue_position_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_keys)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::admission_figures)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::launch_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::read_exit)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::sweep_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::discard_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::is_frontend_alive)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::find_live_runs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recheck_occupants)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::clear_strays)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::empty_trash)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::prepare_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::finish_discarding)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::dispatch_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::frontend_disconnected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_acknowledged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::begin_composite)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_composite)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::composite_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::composite_done)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::requests_kept)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recheck_frontend)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::drain_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_request_position)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::is_request_known)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::stop_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::frame_received)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::connection_closed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::session_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::end_session)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::frontend_connected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::supervisor_status)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::stop_supervisor)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::supervisor_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::leave_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::shut_down)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::resume_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::adopt_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::readmit_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::record_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::write_outcome)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::discard_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recover_state)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recovered_state_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::frontend_arrived)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recover_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::finish_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::add_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::remove_wait)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::store_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::change_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::settle_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_stored_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::touch_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::find_stored_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::list_stored_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::collect_stored_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::find_unfinished_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::maintain_jobs)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_change_reply)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_cancelled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::jobs_found)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::jobs_collected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::create_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::start_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_progressed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_replayed)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::finish_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::adopt_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::jobs_adopted)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::fail_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::keep_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::find_job_record)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::watch_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::unwatch_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::unwatch_all)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_watched_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_standing_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::watch_timeout)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::note_handover)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::retry_conclusion)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::drive_again)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::find_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recovered_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::serve_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::api_troubled)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::api_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::admission_tick)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::explain_job)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::job_explained)
