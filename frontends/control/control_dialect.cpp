#include "frontends/control/control_dialect.hpp"

#include "messages/run_request_json.hpp"

namespace agent_dispatch {

namespace {

ordered_json status_json(const supervisor_status& status) {
  ordered_json json;
  json["running"] = true;
  json["pid"] = status.pid;
  json["version"] = status.version;
  json["uptime_seconds"] = status.uptime_seconds;
  json["socket"] = status.socket.native();
  json["log"] = status.log.native();
  json["frontends"] = status.frontends;
  json["live_runs"] = status.admission.live;
  json["queued"] = status.admission.queued;
  json["slots"]["used"] = status.admission.slots_used;
  json["slots"]["max"] = status.admission.slots_max;
  json["agents"] = ordered_json::array();
  for (const auto& row : status.admission.agents) {
    ordered_json agent;
    agent["name"] = row.name.value;
    agent["live"] = row.live;
    agent["queued"] = row.queued;
    json["agents"].push_back(std::move(agent));
  }
  return json;
}

ordered_json stop_json(const stop_report& report) {
  ordered_json json;
  json["stopped"] = true;
  json["ended"] = ordered_json::array();
  for (const auto& run : report.ended) {
    ordered_json row;
    row["run"] = run.key.value;
    row["agent"] = run.agent.value;
    row["session_id"] = run.session.value;
    json["ended"].push_back(std::move(row));
  }
  return json;
}

void start_dispatch(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  auto run = run_request_from(message.params);
  if (run)
    services.dispatch(line, {message.id, message.id}, std::move(*run));
  else
    services.reject(line, message.id, jsonrpc::code::invalid_params, run.error().message);
}

void stop(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto now = message.params.is_object() && message.params.value("now", nlohmann::json{}) == true;
  services.with_stop(
      line, message.id, now ? stop_mode::now : stop_mode::drain,
      [&services, line, id = message.id](const stop_report& report) { services.reply(line, id, stop_json(report)); });
}

} // namespace

void control_dialect::request(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  if (message.method == "dispatch")
    start_dispatch(services, line, message);
  else if (message.method == "status")
    services.with_status(line, message.id, [&services, line, id = message.id](const supervisor_status& status) {
      services.reply(line, id, status_json(status));
    });
  else if (message.method == "stop")
    stop(services, line, message);
  else
    services.reject(line, message.id, jsonrpc::code::method_not_found, "there is no method '" + message.method + "'");
}

void control_dialect::notification(session_services& services, const jsonrpc::notification& message) {
  if (message.method == "cancel" && message.params.is_object() && message.params.contains("id"))
    services.cancel(message.params["id"]);
}

std::string control_dialect::progress_line(const pending_call& call, std::uint64_t, std::string_view text) const {
  ordered_json params;
  params["id"] = call.id;
  params["text"] = text;
  return jsonrpc::notification_line("progress", params);
}

std::optional<std::string> control_dialect::answer_line(const pending_call& call, const dispatch_answer& answer,
                                                        bool) const {
  if (answer.value)
    return jsonrpc::result_line(call.id, to_json(*answer.value));
  ordered_json refusal;
  refusal["error"] = answer.value.error().message;
  return jsonrpc::result_line(call.id, refusal);
}

} // namespace agent_dispatch
