#include "frontends/mcp/mcp_dialect.hpp"

#include "frontends/mcp/methods.hpp"
#include "frontends/mcp/task_methods.hpp"
#include "frontends/mcp/tasks.hpp"
#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tools.hpp"
#include "frontends/session/answer_json.hpp"

namespace agent_dispatch {

namespace {

/// What agents say and do.
constexpr auto level_of_events = log_level::info;

answer_form form_in(const era& spoken, std::optional<log_level> from) {
  return {.revision = spoken.revision, .is_logged = from && *from <= level_of_events};
}

/// Whether a client's user can be asked by a form.
bool has_forms(const nlohmann::json& capabilities) {
  const auto* elicitation = member_of(capabilities, "elicitation");
  return elicitation != nullptr && elicitation->is_object() && (elicitation->empty() || elicitation->contains("form"));
}

bool knows_tasks(const nlohmann::json& capabilities) {
  const auto* extensions = member_of(capabilities, "extensions");
  return extensions != nullptr && member_of(*extensions, tasks_extension) != nullptr;
}

std::string unknown_level_sentence() {
  std::string names;
  for (const auto name : log_level_names)
    names.append(names.empty() ? "" : ", ").append(name);
  return "a log level is one of: " + names;
}

} // namespace

void mcp_dialect::request(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto* revision = meta_member_of(message.params, meta_key::revision);
  if (message.method == "initialize")
    initialize({*handshake_, services, line, message});
  else if (revision != nullptr)
    answer_stateless(services, line, message, *revision);
  else if (message.method == "server/discover")
    answer_method({eras().front(), services, line, message}, form_in(eras().front(), std::nullopt));
  else
    answer_handshake({*handshake_, services, line, message});
}

void mcp_dialect::initialize(const mcp_request& request) {
  handshake_ = &newest_handshake();
  if (const auto asked = text_member_of(request.message.params, "protocolVersion"))
    if (const auto* known = find_era(*asked); known != nullptr && !known->is_stateless)
      handshake_ = known;
  const auto* capabilities = member_of(request.message.params, "capabilities");
  may_ask_ = handshake_->has_elicitation && capabilities != nullptr && has_forms(*capabilities);
  ordered_json result;
  result["protocolVersion"] = handshake_->revision;
  result["capabilities"] = server_capabilities(*handshake_);
  result["serverInfo"] = server_info();
  result["instructions"] = texts::instructions;
  request.services.reply(request.line, request.message.id, result);
}

void mcp_dialect::set_log_level(const mcp_request& request) {
  const auto named = text_member_of(request.message.params, "level");
  const auto level = named ? log_level_from(*named) : std::nullopt;
  if (!level)
    return reject(request, jsonrpc::code::invalid_params, unknown_level_sentence());
  log_from_ = level;
  request.services.reply(request.line, request.message.id, ordered_json::object());
}

void mcp_dialect::answer_stateless(session_services& services, std::uint64_t line, const jsonrpc::request& message,
                                   const nlohmann::json& revision) {
  const auto* spoken = revision.is_string() ? find_era(revision.get_ref<const std::string&>()) : nullptr;
  const mcp_request request{spoken == nullptr ? eras().front() : *spoken, services, line, message};
  if (spoken == nullptr) {
    ordered_json data;
    data["supported"] = revision_names();
    data["requested"] = repeated(revision.is_string() ? revision.get<std::string>() : dump(revision));
    return reject(request, jsonrpc::code::unsupported_revision,
                  "revision " + data["requested"].get<std::string>() + " of MCP is not spoken here", data);
  }
  if (!spoken->is_stateless)
    return answer_handshake(request);
  const auto* declared = meta_member_of(message.params, meta_key::capabilities);
  if (declared == nullptr || !declared->is_object())
    return reject(request, jsonrpc::code::invalid_params,
                  std::string{"_meta needs "} + meta_key::capabilities + ", an object");
  std::optional<log_level> from;
  if (const auto* named = meta_member_of(message.params, meta_key::log_level)) {
    from = named->is_string() ? log_level_from(named->get_ref<const std::string&>()) : std::nullopt;
    if (!from)
      return reject(request, jsonrpc::code::invalid_params,
                    std::string{meta_key::log_level} + ": " + unknown_level_sentence());
  }
  auto form = form_in(*spoken, from);
  form.takes_tasks = knows_tasks(*declared);
  form.asks = spoken->has_elicitation && has_forms(*declared) ? asking::by_result : asking::never;
  answer_method(request, form);
}

void mcp_dialect::answer_handshake(const mcp_request& request) {
  if (request.message.method == "logging/setLevel")
    set_log_level(request);
  else {
    auto form = form_in(request.spoken, std::nullopt);
    form.asks = may_ask_ ? asking::by_request : asking::never;
    answer_method(request, form);
  }
}

void mcp_dialect::notification(session_services& services, const jsonrpc::notification& message) {
  if (message.method != "notifications/cancelled")
    return;
  if (const auto* id = member_of(message.params, "requestId"))
    services.cancel(*id);
}

nlohmann::json mcp_dialect::unknown_id() const {
  return handshake_->may_lack_id ? nlohmann::json(nlohmann::json::value_t::discarded) : nlohmann::json(nullptr);
}

std::string mcp_dialect::progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const {
  const auto* spoken = find_era(call.form.revision);
  ordered_json params;
  params["progressToken"] = call.progress_token;
  params["progress"] = count;
  if (spoken == nullptr || spoken->has_progress_text)
    params["message"] = text;
  return jsonrpc::notification_line("notifications/progress", params);
}

std::optional<std::string> mcp_dialect::log_line(const pending_call& call, std::string_view text) const {
  // What a session has set holds for what is under way as well.
  const auto* spoken = find_era(call.form.revision);
  const bool is_logged =
      spoken != nullptr && spoken->is_stateless ? call.form.is_logged : log_from_ && *log_from_ <= level_of_events;
  if (!is_logged)
    return std::nullopt;
  ordered_json params;
  params["level"] = log_level_names.at(static_cast<std::size_t>(level_of_events));
  params["logger"] = "agent-dispatch";
  params["data"]["requestId"] = call.id;
  params["data"]["message"] = text;
  return jsonrpc::notification_line("notifications/message", params);
}

std::optional<std::string> mcp_dialect::answer_line(const pending_call& call, const dispatch_answer& answer,
                                                    bool cancelled) const {
  if (cancelled)
    return std::nullopt;
  if (call.view == answer_view::task && answer.job)
    return jsonrpc::result_line(call.id, created_task(*answer.job, call.remark));
  return jsonrpc::result_line(call.id, tool_result(answer_json(call, answer), call.form));
}

std::string mcp_dialect::subscribed_line(const job_subscription& what) const {
  return agent_dispatch::subscribed_line(what);
}

std::string mcp_dialect::changed_line(const job_subscription& what, const job_id& id) const {
  return agent_dispatch::changed_line(what, id);
}

std::string mcp_dialect::task_line(const job_subscription& what, const job_record& record) const {
  return agent_dispatch::task_line(what, record);
}

std::string mcp_dialect::unsubscribed_line(const job_subscription& what) const {
  return agent_dispatch::unsubscribed_line(what);
}

} // namespace agent_dispatch
