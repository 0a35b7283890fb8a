#pragma once

#include <caf/all.hpp>

#include "config/file.hpp"
#include "messages/hello.hpp"
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

// --- run
// ---------------------------------------------------------------------------------------------------------------

/// A piece of a run's stdout, in order and without gaps.
struct output_chunk {
  std::string bytes;
};

/// Nobody reads the run's control FIFO any more: its keeper is gone. All output up to now has been sent before.
struct keeper_gone {};

struct cancel_run {
  run_key run;
};

class run_handles;

/// Why a run was not started.
enum class launch_problem {
  none,
  refused,           ///< a value of the request or the configuration cannot be given to the CLI
  cli_missing,       ///< no `claude` on the caller's PATH
  directory_missing, ///< the agent's directory is not there
  system,            ///< an operation of ours failed
};

/// A keeper has been started, or why not. The handles are the descriptors of a live run, for the watch.
struct launch_result {
  std::shared_ptr<run_handles> handles; ///< null when there is a problem
  launch_problem problem = launch_problem::none;
  std::string reason; ///< a sentence, when there is a problem
};

/// What is on disk when a keeper is gone.
struct exit_report {
  expected<std::optional<exit_record>> record; ///< absent: the keeper died before it could write one
  std::string stderr_head;                     ///< at most limits::stderr_bytes
};

/// How a run is executed: a second attempt is made only for a CLI that rejected --session-id before it did anything.
enum class attempt { first, without_session_id };

struct begin_run {
  std::optional<run_key> borrowed_from; ///< the run whose slot it uses
};

/// Instead of `begin_run`: a run that another supervisor has started, and that may have ended since.
struct resume_run {
  std::shared_ptr<run_handles> handles; ///< without a control end when nobody is alive
  attempt which = attempt::first;
  std::uint64_t seen_bytes = 0; ///< of its output: progress up to here was the other supervisor's to tell
};

using run_actor =
    caf::typed_actor<takes<begin_run>, takes<resume_run>, takes<output_chunk>, takes<keeper_gone>, takes<cancel_run>>;

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

/// The keeper has confirmed the end of the run (or it was never started); its seat and slot are free.
struct run_finished {
  run_key run;
  dispatch_answer answer;
};

using run_listener = caf::typed_actor<takes<run_progress>, takes<run_finished>>;

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
    takes<run_progress>, takes<run_finished>>;

// --- admission
// -----------------------------------------------------------------------------------------------------------

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
};

struct get_queued_descendants {
  run_key run;
};

using queue_position_ptr = std::shared_ptr<const queue_position>;
using run_keys = std::vector<run_key>;

using admission_actor =
    caf::typed_actor<takes<admit_run>, takes<readmit_run>, takes<release_run>, asks<withdraw_run>::with<bool>,
                     takes<set_max_concurrency>, asks<get_admission>::with<admission_figures>,
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

/// Ends, by its mark, what a run left behind whose keeper is gone. The reply is the number of processes that stay.
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
};
using recovered_state_ptr = std::shared_ptr<const recovered_state>;

struct is_frontend_alive {
  frontend_id frontend;
};

/// Answered when everything that was asked before is done.
struct finish_discarding {};

/// Ends and removes what is in the runs directory and belongs to no request.
struct clear_strays {};

/// Blocks on the file system, and therefore has a thread of its own.
using launcher_actor = caf::typed_actor<
    /// Makes the run directory and starts the keeper.
    asks<launch_run>::with<launch_result>, asks<read_exit>::with<exit_report>, asks<sweep_run>::with<int>,
    /// Renames the run directory into the trash, then deletes it.
    takes<discard_run>, asks<record_request>::with<write_outcome>, takes<discard_request>,
    asks<recover_state>::with<recovered_state_ptr>,
    /// Whether somebody holds the frontend's lock.
    asks<is_frontend_alive>::with<bool>, asks<finish_discarding>::with<bool>,
    /// Looks again until nothing is left.
    takes<clear_strays>>;

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

struct dispatch_call {
  request_key request;
  std::shared_ptr<const caller_context> caller;
  run_request run;
  requester waiting;
  bool cancelled = false; ///< the client has cancelled it already: it must not start, and is ended if it runs
};

struct cancel_request {
  request_key request;
};

/// A frontend has said hello, for the first time or again.
struct frontend_arrived {
  frontend_id frontend;
  std::shared_ptr<const caller_context> caller;
};

/// The frontend's connection is closed. Its requests are ended when its lock is free.
struct frontend_disconnected {
  frontend_id frontend;
};

/// The frontend has the answer whole: nothing of the request is needed any more.
struct request_acknowledged {
  request_key request;
};

struct recheck_frontend {
  frontend_id frontend;
};

struct drain_requests {
  stop_mode mode = stop_mode::drain;
};

/// Executes what earlier supervisors have accepted and not finished. Before anything else; the reply says how much.
struct recover_requests {};

/// No session is left: what nobody can acknowledge any more is forgotten. Replies when all is removed.
struct finish_requests {};

struct get_request_position {
  request_key request;
};

using requests_actor = caf::typed_actor<
    /// The caller gets `request_progress` and exactly one `request_answered`.
    takes<dispatch_call>, takes<cancel_request>, takes<request_acknowledged>, takes<frontend_arrived>,
    takes<frontend_disconnected>, takes<recheck_frontend>, asks<recover_requests>::with<int>,
    /// Takes no more work; replies when none is left (at once, when runs are kept), with what had to be ended.
    asks<drain_requests>::with<stop_report>, asks<finish_requests>::with<bool>,
    /// Null when the request's run is not queued.
    asks<get_request_position>::with<queue_position_ptr>,
    /// From the agents.
    takes<run_progress>, takes<run_finished>>;

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
};

/// Makes the session for a frontend that has said hello; given to the supervisor by main, so that actors/ does not know
/// frontends/.
using session_factory = std::function<session_actor(caf::actor_system&, const core_actors&, connection_ptr,
                                                    std::shared_ptr<const frontend_hello>)>;

} // namespace agent_dispatch

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_config)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::config_snapshot_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::output_chunk)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::keeper_gone)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::launch_result)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::exit_report)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::begin_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_finished)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::execute_run)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::run_granted)
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
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::clear_strays)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::finish_discarding)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_progress)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_answered)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::dispatch_call)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::cancel_request)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::frontend_disconnected)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::request_acknowledged)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::recheck_frontend)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::drain_requests)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(agent_dispatch::get_request_position)
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
