#pragma once

#include <functional>

#include "frontends/jsonrpc/message.hpp"
#include "messages/actors.hpp"
#include "messages/call_status.hpp"

namespace agent_dispatch {

class session_services;

/// What an answer shows.
enum class answer_view {
  result, ///< the DispatchResult
  ref,    ///< where it is kept, and its beginning
  job,    ///< `job_id, status, agent` of the job that was accepted
  record, ///< the record of the job that was waited for
  task,   ///< the job that was accepted, as a task; the DispatchResult when it was known
};

/// What one item of a parallel call shows.
struct item_view {
  answer_view view = answer_view::result;
  std::int64_t summary_chars = 0; ///< of a ref
};

/// How a client can be asked something.
enum class asking {
  never,
  by_result, ///< the answer asks, and the client sends its request again with what its user said
  by_request ///< a request of ours
};

/// How a protocol of several revisions wants an answer, and what else its client understands.
struct answer_form {
  std::string_view revision{}; ///< of static storage; "": the protocol has but one
  bool is_structured = false;  ///< the answer's value is wanted beside its text
  bool is_logged = false;      ///< what happens meanwhile is told as log messages
  bool takes_tasks = false;    ///< a job is an answer
  asking asks = asking::never;
};

/// A dispatch, or the end of a job, that a frontend waits for.
struct pending_call {
  nlohmann::json id;             ///< of the JSON-RPC request
  nlohmann::json progress_token; ///< null: nobody wants progress
  answer_view view = answer_view::result;
  std::int64_t summary_chars = 0; ///< of a ref
  std::vector<item_view> items{}; ///< of a parallel call
  answer_form form{};
  bool wants_status = false; ///< how it stands is told as soon as it changes
  std::string remark{};      ///< added to the answer's hint; "": none
};

/// What a client wants to hear about a job.
enum class job_news {
  resource, ///< that its record has changed
  task,     ///< its state, as a task
};

struct job_topic {
  job_id id;
  job_news news;
  auto operator<=>(const job_topic&) const = default;
};

/// What a client hears until it has heard enough.
struct job_subscription {
  nlohmann::json id; ///< of the request that opened it; null: it belongs to the session
  answer_form form;
  std::vector<job_topic> topics; ///< those that there are
};

/// What is dispatched, and how.
struct dispatch_order {
  run_request run;
  call_kind kind = call_kind::answer;
  std::optional<job_id> retry_of{};
  std::shared_ptr<const composite_order> composite{}; ///< instead of `run`
  bool is_shareable = false;                          ///< an earlier answer will do, or that of a run in flight
};

/// The language of one kind of frontend: what its JSON-RPC methods mean and what the answers look like. Stateless
/// between messages but for what its protocol negotiates.
class session_dialect {
public:
  virtual ~session_dialect() = default;

  /// Answers through `services`, exactly once for each request: `reply`, `reject` or `dispatch`.
  virtual void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) = 0;
  virtual void notification(session_services& services, const jsonrpc::notification& message) = 0;

  /// What stands for the id of a request that could not be read: JSON-RPC has null, and `discarded` leaves the member
  /// out.
  virtual nlohmann::json unknown_id() const { return nullptr; }
  /// The line for a progress event; `count` grows with each of a call.
  virtual std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const = 0;
  /// The line that logs an event. Absent: the client wants none.
  virtual std::optional<std::string> log_line(const pending_call&, std::string_view) const { return std::nullopt; }
  /// The line for how a call stands that wants to know, with the `text` of an event unless that is "". Never asked of a
  /// dialect whose calls do not.
  virtual std::string status_line(const pending_call&, const call_status&, std::string_view /*text*/) const {
    return {};
  }
  /// The line that begins a subscription: what will be told. Never asked of a dialect that opens none, as the next
  /// three.
  virtual std::string subscribed_line(const job_subscription&) const { return {}; }
  virtual std::string changed_line(const job_subscription&, const job_id&) const { return {}; }
  virtual std::string task_line(const job_subscription&, const job_record&) const { return {}; }
  /// The line that ends one from our side.
  virtual std::string unsubscribed_line(const job_subscription&) const { return {}; }
  /// The line for an answer. Absent: the protocol forbids one (a cancelled MCP request).
  virtual std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                                 bool cancelled) const = 0;
};

/// What a session does for its dialect.
class session_services {
public:
  virtual ~session_services() = default;

  virtual void reply(std::uint64_t line, const nlohmann::json& id, const ordered_json& result) = 0;
  /// `data` of the error: null for none.
  virtual void reject(std::uint64_t line, const nlohmann::json& id, jsonrpc::code code, std::string_view message,
                      const ordered_json& data = nullptr) = 0;
  /// As `with_config`, for a request that is about to dispatch or to ask its client: a cancel that comes meanwhile is
  /// known to `dispatch` and `ask_client`.
  virtual void prepare(std::uint64_t line, const nlohmann::json& id,
                       std::function<void(const config_snapshot_ptr&)> then) = 0;
  /// Starts a dispatch for the request on this line.
  virtual void dispatch(std::uint64_t line, pending_call call, dispatch_order order) = 0;
  /// Waits for the end of a job (an id, or the beginning of one). Absent patience: for ever.
  virtual void watch(std::uint64_t line, pending_call call, const std::string& job,
                     std::optional<std::chrono::milliseconds> patience) = 0;
  virtual void with_job(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                        std::function<void(const job_found&)> then) = 0;
  virtual void with_jobs(std::uint64_t line, const nlohmann::json& id, const list_stored_jobs& order,
                         std::function<void(const jobs_found&)> then) = 0;
  /// Why a job waits; `job` is an id or the beginning of one.
  virtual void with_job_explained(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                                  std::function<void(const job_explained&)> then) = 0;
  virtual void with_job_cancelled(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                                  std::function<void(const job_cancelled&)> then) = 0;
  virtual void with_jobs_collected(std::uint64_t line, const nlohmann::json& id, const collect_stored_jobs& order,
                                   std::function<void(const jobs_collected&)> then) = 0;
  /// Cancels the dispatch with this JSON-RPC id, if it is still in flight.
  virtual void cancel(const nlohmann::json& id) = 0;
  /// Asks for the configuration; `then` gets it and replies.
  virtual void with_config(std::uint64_t line, const nlohmann::json& id,
                           std::function<void(const config_snapshot_ptr&)> then) = 0;
  /// What looks at directories of agents is made where that may take long; `then` gets it and replies. What a session
  /// has been shown is shown again for a moment (`limits::view_age`) to who asks for it by the name that it is known
  /// as;
  /// "": always made.
  virtual void with_view(std::uint64_t line, const nlohmann::json& id, std::string_view known_as, directory_view view,
                         std::function<void(const ordered_json&)> then) = 0;
  /// Changes the agents of the configuration, and waits for its lock as long as anybody does.
  virtual void with_agents_edited(std::uint64_t line, const nlohmann::json& id, agent_order order,
                                  std::function<void(const agents_edited&)> then) = 0;
  virtual void with_status(std::uint64_t line, const nlohmann::json& id,
                           std::function<void(const supervisor_status&)> then) = 0;
  virtual void with_stop(std::uint64_t line, pending_call call, stop_mode mode,
                         std::function<void(const stop_report&)> then) = 0;
  virtual void with_cache_report(std::uint64_t line, const nlohmann::json& id,
                                 std::function<void(const cache_report&)> then) = 0;
  virtual void with_cache_cleared(std::uint64_t line, const nlohmann::json& id,
                                  std::function<void(const cache_cleared&)> then) = 0;
  /// Tells what happens to these jobs, until the request on this line is cancelled.
  virtual void subscribe(std::uint64_t line, job_subscription what) = 0;
  /// The same of one job, until `forget` or the session's end. `then` learns whether there is such a job, and replies.
  virtual void follow(std::uint64_t line, const nlohmann::json& id, const answer_form& form, const job_topic& topic,
                      std::function<void(bool)> then) = 0;
  /// The session's subscription goes on without it.
  virtual void forget(const job_topic& topic) = 0;
  /// Whether the request on this line has been accepted before: then its client has been asked all that there is to
  /// ask.
  virtual void with_known(std::uint64_t line, const nlohmann::json& id, std::function<void(bool)> then) = 0;
  /// Sends a request to the client on behalf of the prepared one on this line, which stays open, and is told that it
  /// waits. `then` gets the response; it is not called when the request is cancelled. `held`: bytes that it keeps
  /// meanwhile.
  virtual void ask_client(std::uint64_t line, const pending_call& call, std::string_view method,
                          const ordered_json& params, std::size_t held,
                          std::function<void(const jsonrpc::response&)> then) = 0;
  virtual const frontend_hello& hello() const = 0;
};

} // namespace agent_dispatch
