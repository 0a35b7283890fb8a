#include <algorithm>
#include <array>

#include "messages/json.hpp"
#include "messages/member_reader.hpp"

namespace agent_dispatch {

namespace {

template <class T>
void add(ordered_json& json, const char* key, const std::optional<T>& value) {
  if (value)
    json[key] = *value;
}

void add_text(ordered_json& json, const char* key, const std::string& value) {
  if (!value.empty())
    json[key] = value;
}

constexpr std::array<std::string_view, 18> record_members{
    "id",         "agent",      "task",         "context", "caller", "goal",     "status",
    "created_at", "started_at", "completed_at", "result",  "error",  "progress", "progress_updated_at",
    "owner",      "session_id", "retry_of",     "request"};

void read_identity(member_reader& reader, job_record& record) {
  std::string status;
  reader.require("id", record.id.value);
  reader.require("agent", record.agent.value);
  reader.require("task", record.task);
  reader.require("status", status);
  reader.require("created_at", record.created_at);
  reader.read("context", record.context);
  reader.read("caller", record.caller);
  reader.read("goal", record.goal);
  if (!is_job_id(record.id.value))
    reader.refuse("id");
  if (const auto known = job_status_from(status))
    record.status = *known;
  else
    reader.refuse("status");
}

void read_progress(member_reader& reader, job_record& record) {
  const auto* lines = reader.find("progress");
  if (lines == nullptr)
    return;
  if (!lines->is_array())
    return reader.refuse("progress");
  for (const auto& line : *lines) {
    if (!line.is_string())
      return reader.refuse("progress");
    record.progress.push_back(line.get<std::string>());
  }
}

void read_course(member_reader& reader, job_record& record) {
  reader.read("started_at", record.started_at);
  reader.read("completed_at", record.completed_at);
  reader.read("error", record.error);
  reader.read("progress_updated_at", record.progress_updated_at);
  read_progress(reader, record);
  const auto* result = reader.find("result");
  if (result == nullptr)
    return;
  if (auto known = dispatch_result_from(*result))
    record.result = std::move(*known);
  else
    reader.refuse("result");
}

void read_request(member_reader& reader, job_record& record) {
  const auto* request = reader.find("request");
  if (request == nullptr)
    return;
  if (!request->is_object())
    return reader.refuse("request");
  job_request known;
  std::string format;
  std::int64_t timeout = 0;
  member_reader members{*request};
  members.read("response_format", format);
  members.read("timeout_seconds", timeout);
  members.read("clamp_timeout", known.clamp_timeout);
  members.read("group", known.group);
  if (!members.wrong().empty())
    return reader.refuse("request");
  known.format = format == "json" ? response_format::json : response_format::text;
  known.timeout = std::chrono::seconds{timeout};
  record.request = std::move(known);
}

void read_marks(member_reader& reader, job_record& record) {
  std::optional<std::string> session;
  std::optional<std::string> retry_of;
  reader.read("owner", record.owner);
  reader.read("session_id", session);
  reader.read("retry_of", retry_of);
  read_request(reader, record);
  if (session)
    record.session = session_id{std::move(*session)};
  if (retry_of)
    record.retry_of = job_id{std::move(*retry_of)};
}

} // namespace

ordered_json to_json(const job_record& record) {
  ordered_json json;
  json["id"] = record.id.value;
  json["agent"] = record.agent.value;
  json["task"] = record.task;
  add_text(json, "context", record.context);
  add_text(json, "caller", record.caller);
  add_text(json, "goal", record.goal);
  json["status"] = to_string(record.status);
  json["created_at"] = record.created_at;
  add(json, "started_at", record.started_at);
  add(json, "completed_at", record.completed_at);
  if (record.result)
    json["result"] = to_json(*record.result);
  add(json, "error", record.error);
  if (!record.progress.empty())
    json["progress"] = record.progress;
  add(json, "progress_updated_at", record.progress_updated_at);
  add_text(json, "owner", record.owner);
  if (record.session)
    json["session_id"] = record.session->value;
  if (record.retry_of)
    json["retry_of"] = record.retry_of->value;
  if (record.request)
    json["request"] = to_json(*record.request);
  // Past the search for duplicates: there are none, and it would take for ever in a file of a million members.
  auto& members = json.get_ref<ordered_json::object_t&>();
  for (const auto& [key, value] : record.unknown.items())
    members.push_back({key, value});
  return json;
}

ordered_json to_json(const job_request& request) {
  ordered_json json;
  json["response_format"] = request.format == response_format::json ? "json" : "text";
  json["timeout_seconds"] = request.timeout.count();
  json["clamp_timeout"] = request.clamp_timeout;
  add_text(json, "group", request.group);
  return json;
}

expected<job_record> job_record_from(const nlohmann::json& json) {
  if (!json.is_object())
    return failure(fault_kind::protocol, "a job's record is not a JSON object");
  job_record record;
  member_reader reader{json};
  read_identity(reader, record);
  read_course(reader, record);
  read_marks(reader, record);
  if (!reader.wrong().empty())
    return failure(fault_kind::protocol,
                   "member '" + reader.wrong() +
                       "' of a job's record is missing or has a value that does not belong there");
  for (const auto& [key, value] : json.items())
    if (std::find(record_members.begin(), record_members.end(), key) == record_members.end())
      record.unknown[key] = value;
  return record;
}

} // namespace agent_dispatch
