#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/run.hpp"

namespace agent_dispatch {

/// State machine of a job:
///
///     pending ──start──▶ running ──result──▶ done | failed
///        │ └──never started─────────────────────────▲
///        └──cancel──▶ cancelled ◀──cancel── running
///
/// done, failed and cancelled are final. `actors/logic/job_machine.hpp` has the whole table.
enum class job_status { pending, running, done, failed, cancelled };

/// The words of the interface: `pending`, `running`, …
std::string_view to_string(job_status status);
std::optional<job_status> job_status_from(std::string_view text);

constexpr bool is_terminal(job_status status) {
  return status == job_status::done || status == job_status::failed || status == job_status::cancelled;
}

/// What `retry` needs to know beside the texts of the record.
struct job_request {
  response_format format = response_format::text;
  std::chrono::seconds timeout{0}; ///< as it was asked for; ≤ 0: the agent's
  bool clamp_timeout = true;       ///< false: `timeout` is taken as it is
  std::string group;               ///< "": none

  bool operator==(const job_request&) const = default;
};

/// A job's record, as `<jobs>/<id>.json` has it. Times are Unix seconds with a fraction.
struct job_record {
  job_id id{};
  agent_name agent{};
  std::string task{};
  std::string context{};
  std::string caller{};
  std::string goal{};
  job_status status = job_status::pending;
  double created_at = 0;
  std::optional<double> started_at{};
  std::optional<double> completed_at{};
  std::optional<dispatch_result> result{};
  std::optional<std::string> error{};
  std::vector<std::string> progress{}; ///< the last 20 lines, each at most 300 characters
  std::optional<double> progress_updated_at{};
  std::string owner{}; ///< `owner_of` the jobs directory; "" in records of another program
  std::optional<session_id> session{};
  std::optional<job_id> retry_of{};
  std::optional<job_request> request{}; ///< absent in records of another program
  /// An object with the members that are not ours: written back as they were read, after all others.
  nlohmann::json unknown = nlohmann::json::object();

  bool operator==(const job_record&) const = default;
};

} // namespace agent_dispatch
