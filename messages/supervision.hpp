#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "messages/agent.hpp"
#include "messages/fault.hpp"
#include "messages/ids.hpp"
#include "messages/job.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// Everything a run needs, fixed when its request was accepted: a later edit of agents.yaml does not change it.
struct run_spec {
  run_key key;
  run_request request;
  resolved_agent agent;
  session_id session; ///< chosen before the start when the request does not resume one
  bool resumed = false;
  std::chrono::seconds timeout{300}; ///< as it applies, counted from the run's start
  int depth = 1;                     ///< AGENT_DISPATCH_DEPTH of the child
  std::optional<run_key> parent;     ///< the run whose agent asked for this one
  std::optional<job_id> job;         ///< an asynchronous request: the job is the request
  std::optional<job_id> retry_of;    ///< the job that this one runs again
  std::optional<job_id> ref;         ///< a synchronous request whose result is kept under this id
  std::string shared_context{};      ///< of the group, with its heading; before the request's own context
  caller_context_ptr caller;         ///< memory only
};
using run_spec_ptr = std::shared_ptr<const run_spec>;

/// One item of a parallel request: what is to run, or the answer that it has without running.
struct planned_item {
  run_spec_ptr spec;
  std::optional<dispatch_result> refused{};
  std::int64_t summary_chars = 0; ///< of a ref: characters that the aggregator sees
};

/// Several runs side by side, and one after them that makes one answer of theirs.
struct parallel_plan {
  std::vector<planned_item> items;
  run_spec_ptr aggregator; ///< its task and context are written when the items are there; null: none
};

/// Two agents that answer each other, each in a session of its own. The specs are of their first turns; the responder
/// speaks first.
struct dialogue_plan {
  run_spec_ptr requester;
  run_spec_ptr responder;
  std::string topic;
  int most_rounds = 3;
};

using composite_plan = std::variant<parallel_plan, dialogue_plan>;
using composite_plan_ptr = std::shared_ptr<const composite_plan>;

/// A request that may start runs, as it was accepted: all ids chosen, everything resolved.
struct accepted_request {
  request_key key;
  run_spec_ptr spec;         ///< of its run; without the caller when it was read from disk. Null when there is a plan
  int deaths = 0;            ///< supervisors that have died with it
  composite_plan_ptr plan{}; ///< of a request that consists of others
  /// Of a part: the answer that an earlier run has given, so that this one's is never made.
  std::optional<dispatch_result> known{};
};
using accepted_request_ptr = std::shared_ptr<const accepted_request>;

using job_record_ptr = std::shared_ptr<const job_record>;

struct parallel_answer;
struct dialogue_answer;

/// What a request was answered with: a result (which may say that the agent failed), or that we could not do it; or,
/// when `job` is set, the record of a job: that was accepted, or waited for. Of a request that consists of others one
/// of the last two members is set, and the result says nothing.
struct dispatch_answer {
  expected<dispatch_result> value;
  job_record_ptr job{};
  std::optional<job_id> ref{};     ///< where the result is kept
  std::optional<fault> not_kept{}; ///< why it is not, although it should be
  bool is_cached = false;          ///< an earlier answer to the same question
  std::shared_ptr<const parallel_answer> parallel{};
  std::shared_ptr<const dialogue_answer> dialogue{};
};

struct parallel_answer {
  std::vector<dispatch_answer> items; ///< in the order of the request
  std::optional<dispatch_answer> aggregated;
};

enum class dialogue_role { requester, responder };

struct dialogue_turn {
  agent_name agent;
  dialogue_role role = dialogue_role::responder;
  int round = 1;
  std::string message; ///< what the agent said; of a failed turn what there is of it
  std::optional<double> cost_usd;
  std::optional<std::string> error;
  std::optional<agent_dispatch::error_type> error_type;
};

struct dialogue_answer {
  bool resolved = false; ///< somebody said so
  double total_cost_usd = 0;
  std::int64_t total_duration_ms = 0;
  std::string final_answer; ///< the last message, without the marker; of a failed turn its error
  std::vector<dialogue_turn> conversation;
};

/// A live run that another one waits for.
struct queue_holder {
  run_key run;
  agent_name agent;
  std::optional<job_id> job{}; ///< absent: somebody waits for its answer
};

/// Where a queued run stands.
struct queue_position {
  std::size_t position = 0;            ///< 1: the next
  std::string reason;                  ///< what it waits for
  std::vector<queue_holder> holders{}; ///< who has that; only when it was asked for
};

struct agent_figures_row {
  agent_name name;
  int live = 0;
  int queued = 0;

  bool operator==(const agent_figures_row&) const = default;
};

/// The API turns requests away, so runs start one after the other.
struct overload_figures {
  std::optional<std::int64_t> status;          ///< of HTTP, of the last one; absent: the API did not answer at all
  std::chrono::milliseconds start_interval{0}; ///< between two starts
  std::chrono::milliseconds next_start{0};     ///< from now
};

/// What `status` shows of admission.
struct admission_figures {
  int live = 0;
  int queued = 0;
  int slots_used = 0;
  int slots_max = 0;
  std::vector<agent_figures_row> agents;      ///< those with live or queued runs
  std::optional<overload_figures> overload{}; ///< absent: runs start as soon as there is room
};

/// What `cache_stats` shows.
struct cache_figures {
  std::size_t size = 0; ///< entries
  int max_size = 0;
  std::uint64_t hits = 0; ///< since the start, or since it was cleared; as the next two
  std::uint64_t misses = 0;
  std::uint64_t evictions = 0; ///< for want of room
  double ttl = 0;              ///< seconds
};

struct supervisor_status {
  int pid = 0;
  std::string version;
  double uptime_seconds = 0;
  std::filesystem::path socket;
  std::filesystem::path log;
  int frontends = 0; ///< connected, the asking one left out
  admission_figures admission;
  std::optional<cache_figures> cache; ///< absent: it is off
};

enum class stop_mode {
  drain,         ///< take no more work, wait for what is accepted
  now,           ///< end the live runs, refuse the queued ones
  with_frontend, ///< the same, for an embedded supervisor whose frontend is gone: its jobs have failed
  keep_runs,     ///< leave everything to the next supervisor: live runs go on, accepted requests stay on disk
};

/// A run that a stop ended.
struct ended_run {
  run_key key;
  agent_name agent;
  session_id session;
};

struct stop_report {
  std::vector<ended_run> ended;
};

} // namespace agent_dispatch
