#include "frontends/views/jobs_view.hpp"

#include <algorithm>
#include <array>

#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t task_characters = 120;

template <class T>
void add_if_set(ordered_json& json, const char* key, const std::optional<T>& value) {
  if (value)
    json[key] = *value;
}

/// Repaired first: characters of text that is no UTF-8 cannot be counted.
std::string shortened(std::string_view text, std::size_t characters) {
  const auto valid = to_valid_utf8(text);
  return std::string{first_characters(valid, characters)};
}

/// The members of a DispatchResult that a ref shows as well.
constexpr std::array ref_members{"session_id", "cost_usd",     "duration_ms", "num_turns",    "error",
                                 "error_type", "denied_tools", "hint",        "parsed_result"};

} // namespace

ordered_json job_row_json(const job_record& record) {
  ordered_json json;
  json["id"] = record.id.value;
  json["agent"] = record.agent.value;
  json["status"] = to_string(record.status);
  json["task"] = shortened(record.task, task_characters);
  json["created_at"] = record.created_at;
  add_if_set(json, "started_at", record.started_at);
  add_if_set(json, "completed_at", record.completed_at);
  if (record.result) {
    json["success"] = record.result->success;
    add_if_set(json, "cost_usd", record.result->cost_usd);
  }
  if (!record.progress.empty())
    json["last_progress"] = record.progress.back();
  if (record.result && record.result->error_type)
    json["error_type"] = to_string(*record.result->error_type);
  return json;
}

ordered_json job_rows_json(std::span<const job_record> records) {
  auto rows = ordered_json::array();
  for (const auto& record : records)
    rows.push_back(job_row_json(record));
  return rows;
}

ordered_json job_json(const job_record& record) { return to_json(record); }

ordered_json waited_job_json(const job_record& record) {
  auto json = to_json(record);
  if (!is_terminal(record.status))
    json["timed_out_waiting"] = true;
  return json;
}

ordered_json cancel_json(const cancel_report& report) {
  ordered_json json;
  json["job_id"] = report.id.value;
  json["outcome"] = to_string(report.outcome);
  json["status"] = to_string(report.status);
  if (!report.message.empty())
    json["message"] = report.message;
  return json;
}

ordered_json accepted_job_json(const job_record& record) {
  ordered_json json;
  json["job_id"] = record.id.value;
  json["status"] = to_string(record.status);
  json["agent"] = record.agent.value;
  return json;
}

ordered_json gc_json(std::size_t purged, double max_age_days) {
  ordered_json json;
  json["purged"] = purged;
  json["max_age_days"] = max_age_days;
  return json;
}

dispatch_result result_of_job(const job_record& record) {
  if (record.result)
    return *record.result;
  dispatch_result result;
  result.agent = record.agent;
  result.success = record.status == job_status::done;
  result.session = record.session;
  if (!result.success) {
    result.error = record.error.value_or("");
    result.error_type = record.status == job_status::cancelled ? error_type::cancelled : error_type::cli_error;
  }
  return result;
}

ordered_json fetched_result_json(const job_record& record, std::int64_t max_chars) {
  if (!is_terminal(record.status))
    return to_json(record);
  auto result = result_of_job(record);
  result.result = to_valid_utf8(result.result);
  const auto size = count_characters(result.result);
  if (max_chars <= 0 || size <= static_cast<std::uint64_t>(max_chars))
    return to_json(result);
  result.result = first_characters(result.result, static_cast<std::size_t>(max_chars));
  auto json = to_json(result);
  json["truncated"] = true;
  json["full_size"] = size;
  return json;
}

ordered_json ref_json(const job_id& ref, const dispatch_result& result, std::int64_t summary_chars) {
  const auto text = to_valid_utf8(result.result);
  const auto size = count_characters(text);
  const auto asked = static_cast<std::size_t>(std::clamp(summary_chars, std::int64_t{0}, limits::summary_characters));
  ordered_json json;
  json["ref"] = ref.value;
  json["agent"] = result.agent.value;
  json["success"] = result.success;
  json["size"] = size;
  json["summary_chars"] = std::min(size, asked);
  json["summary"] = first_characters(text, asked);
  const auto whole = to_json(result);
  for (const auto* member : ref_members)
    if (const auto found = whole.find(member); found != whole.end())
      json[member] = *found;
  return json;
}

} // namespace agent_dispatch
