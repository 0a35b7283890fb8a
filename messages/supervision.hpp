#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
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
  caller_context_ptr caller;         ///< memory only
};
using run_spec_ptr = std::shared_ptr<const run_spec>;

/// A request that may start a run, as it was accepted: all ids chosen, everything resolved.
struct accepted_request {
  request_key key;
  run_spec_ptr spec; ///< of its run; without the caller when it was read from disk
  int deaths = 0;    ///< supervisors that have died with it
};
using accepted_request_ptr = std::shared_ptr<const accepted_request>;

using job_record_ptr = std::shared_ptr<const job_record>;

/// What a request was answered with: a result (which may say that the agent failed), or that we could not do it; or,
/// when `job` is set, the record of a job: that was accepted, or waited for.
struct dispatch_answer {
  expected<dispatch_result> value;
  job_record_ptr job{};
  std::optional<job_id> ref{};     ///< where the result is kept
  std::optional<fault> not_kept{}; ///< why it is not, although it should be
};

/// Where a queued run stands.
struct queue_position {
  std::size_t position = 0; ///< 1: the next
  std::string reason;       ///< what it waits for
};

struct agent_figures_row {
  agent_name name;
  int live = 0;
  int queued = 0;
};

/// What `status` shows of admission.
struct admission_figures {
  int live = 0;
  int queued = 0;
  int slots_used = 0;
  int slots_max = 0;
  std::vector<agent_figures_row> agents; ///< those with live or queued runs
};

struct supervisor_status {
  int pid = 0;
  std::string version;
  double uptime_seconds = 0;
  std::filesystem::path socket;
  std::filesystem::path log;
  int frontends = 0; ///< connected, the asking one left out
  admission_figures admission;
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
