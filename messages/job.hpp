#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/run.hpp"

namespace agent_dispatch {

/// State machine of a job:
///
///     pending ──start──▶ running ──result──▶ done | failed
///        └──cancel──▶ cancelled ◀──cancel──┘
///
/// done, failed and cancelled are final.
enum class job_status { pending, running, done, failed, cancelled };

/// The words of the interface: `pending`, `running`, …
std::string_view to_string(job_status status);
std::optional<job_status> job_status_from(std::string_view text);

constexpr bool is_terminal(job_status status) {
  return status == job_status::done || status == job_status::failed || status == job_status::cancelled;
}

/// A job's record, as `<jobs>/<id>.json` has it. Times are Unix seconds with a fraction.
struct job_record {
  job_id id;
  agent_name agent;
  std::string task;
  std::string context;
  std::string caller;
  std::string goal;
  job_status status = job_status::pending;
  double created_at = 0;
  std::optional<double> started_at;
  std::optional<double> completed_at;
  std::optional<dispatch_result> result;
  std::optional<std::string> error;
  std::vector<std::string> progress; ///< the last 20 lines, each at most 300 characters
  std::optional<double> progress_updated_at;
  std::string owner; ///< "" in records of another program
  std::optional<session_id> session;
  std::optional<job_id> retry_of;
};

} // namespace agent_dispatch
