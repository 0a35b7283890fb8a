#include "frontends/mcp/tasks.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

#include "frontends/mcp/tools.hpp"
#include "frontends/views/jobs_view.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// A client that polls does so about every second; who wants to know at once subscribes.
constexpr int poll_interval_ms = 1000;

std::string_view task_status(job_status status) {
  switch (status) {
  case job_status::pending:
  case job_status::running:
    return "working";
  case job_status::cancelled:
    return "cancelled";
  case job_status::done:
  case job_status::failed:
    break;
  }
  return "completed";
}

/// ISO 8601 in UTC, with milliseconds. `seconds`: of Unix; a foreign record may have any.
std::string time_text(double seconds) {
  constexpr double last = 253'402'300'799; // of the year 9999
  constexpr std::int64_t thousand = 1000;
  const auto ms = static_cast<std::int64_t>(std::clamp(std::isfinite(seconds) ? seconds : 0.0, 0.0, last) * thousand);
  const auto whole = static_cast<std::time_t>(ms / thousand);
  std::tm parts{};
  ::gmtime_r(&whole, &parts);
  std::string text(sizeof "2026-07-28T00:00:00", '\0');
  text.resize(std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts));
  const auto fraction = std::to_string(thousand + ms % thousand);
  return text + "." + fraction.substr(1) + "Z";
}

double last_change(const job_record& record) {
  return std::max({record.created_at, record.started_at.value_or(0), record.progress_updated_at.value_or(0),
                   record.completed_at.value_or(0)});
}

std::string status_message(const job_record& record) {
  if (record.status == job_status::pending)
    return "waiting for its turn";
  if (record.status == job_status::running)
    return record.progress.empty() ? "running" : to_valid_utf8(record.progress.back());
  return to_valid_utf8(record.error.value_or(""));
}

ordered_json state_json(const job_record& record) {
  ordered_json json;
  json["taskId"] = record.id.value;
  json["status"] = task_status(record.status);
  if (auto message = status_message(record); !message.empty())
    json["statusMessage"] = std::move(message);
  json["createdAt"] = time_text(record.created_at);
  json["lastUpdatedAt"] = time_text(last_change(record));
  json["ttlMs"] = nullptr; // until somebody removes old records
  json["pollIntervalMs"] = poll_interval_ms;
  return json;
}

/// What the call would have been answered with. A result that fills a message is cut: the rest is a resource.
ordered_json result_json(const job_record& record, const era& spoken) {
  constexpr std::size_t longest = limits::frame_bytes / 8;
  constexpr std::size_t kept_characters = 1u << 20;
  auto result = result_of_job(record);
  auto value = to_json(result);
  if (result.result.size() > longest || dump(value).size() > 2 * longest) {
    result.parsed_result.reset();
    result.result = first_characters(to_valid_utf8(result.result), kept_characters);
    result.hint = "The result was too long for one message: this is its beginning. fetch_result gives parts of it.";
    value = to_json(result);
  }
  return tool_result(value, {.revision = spoken.revision, .is_structured = true});
}

} // namespace

ordered_json task_json(const job_record& record, const era& spoken) {
  auto json = state_json(record);
  if (record.status == job_status::done || record.status == job_status::failed)
    json["result"] = result_json(record, spoken);
  return json;
}

ordered_json created_task(const job_record& record, const std::string& remark) {
  auto json = state_json(record);
  if (!remark.empty())
    json["statusMessage"] = remark;
  json["resultType"] = "task";
  json["_meta"][meta_key::server] = server_info();
  return json;
}

ordered_json tasks_capability() {
  ordered_json json;
  json["extensions"][tasks_extension] = ordered_json::object();
  return json;
}

} // namespace agent_dispatch
