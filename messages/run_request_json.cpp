#include "messages/run_request_json.hpp"

namespace agent_dispatch {

ordered_json run_request_json(const run_request& run) {
  ordered_json json;
  json["agent"] = run.agent.value;
  json["task"] = run.task;
  json["context"] = run.context;
  json["caller"] = run.caller;
  json["goal"] = run.goal;
  json["format"] = run.format == response_format::json ? "json" : "text";
  json["session_id"] = run.resume ? run.resume->value : "";
  json["timeout_seconds"] = run.timeout.count();
  json["group"] = run.group;
  json["clamp_timeout"] = run.clamp_timeout;
  return json;
}

expected<run_request> run_request_from(const nlohmann::json& json) {
  run_request run;
  std::string wrong;
  const auto text = [&](const char* name) -> std::string {
    const auto found = json.is_object() ? json.find(name) : json.end();
    if (found != json.end() && found->is_string())
      return found->get<std::string>();
    wrong = name;
    return {};
  };
  run.agent = {text("agent")};
  run.task = text("task");
  run.context = text("context");
  run.caller = text("caller");
  run.goal = text("goal");
  if (json.is_object() && json.contains("group")) // not in what version 0.1 wrote
    run.group = text("group");
  run.format = text("format") == "json" ? response_format::json : response_format::text;
  if (auto session = text("session_id"); !session.empty())
    run.resume = session_id{std::move(session)};
  if (!wrong.empty())
    return failure(fault_kind::protocol, "member '" + wrong + "' of a dispatch must be a string");
  const auto timeout = json.find("timeout_seconds");
  const auto clamp = json.find("clamp_timeout");
  if (timeout == json.end() || !timeout->is_number_integer() || clamp == json.end() || !clamp->is_boolean())
    return failure(fault_kind::protocol, "a dispatch needs timeout_seconds (a number) and clamp_timeout (a bool)");
  run.timeout = std::chrono::seconds{timeout->get<std::int64_t>()};
  run.clamp_timeout = clamp->get<bool>();
  return run;
}

} // namespace agent_dispatch
