#include "frontends/mcp/mcp_dialect.hpp"

#include <algorithm>
#include <array>

#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tools.hpp"
#include "frontends/session/answer_json.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

/// Newest first: the one that is offered to a client which asks for one we do not speak.
constexpr std::array<std::string_view, 4> revisions{"2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"};

const nlohmann::json* member(const nlohmann::json& json, const char* name) {
  if (!json.is_object())
    return nullptr;
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

ordered_json initialize_result(const nlohmann::json& params) {
  auto revision = revisions.front();
  if (const auto* asked = member(params, "protocolVersion"); asked != nullptr && asked->is_string())
    if (const auto known = std::find(revisions.begin(), revisions.end(), asked->get_ref<const std::string&>());
        known != revisions.end())
      revision = *known;
  ordered_json result;
  result["protocolVersion"] = revision;
  result["capabilities"]["tools"] = ordered_json::object();
  result["serverInfo"]["name"] = "agent-dispatch";
  result["serverInfo"]["version"] = program_version;
  result["instructions"] = texts::instructions;
  return result;
}

nlohmann::json progress_token(const nlohmann::json& params) {
  const auto* meta = member(params, "_meta");
  const auto* token = meta == nullptr ? nullptr : member(*meta, "progressToken");
  return token != nullptr && (token->is_string() || token->is_number()) ? *token : nlohmann::json{};
}

} // namespace

void mcp_dialect::request(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  if (message.method == "initialize")
    services.reply(line, message.id, initialize_result(message.params));
  else if (message.method == "ping")
    services.reply(line, message.id, ordered_json::object());
  else if (message.method == "tools/list")
    services.reply(line, message.id, list_tools());
  else if (message.method == "tools/call")
    call_tool(services, line, message);
  else
    services.reject(line, message.id, jsonrpc::code::method_not_found, "there is no method '" + message.method + "'");
}

void mcp_dialect::call_tool(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto* name = member(message.params, "name");
  if (name == nullptr || !name->is_string()) {
    services.reject(line, message.id, jsonrpc::code::invalid_params, "tools/call needs the name of a tool, a string");
    return;
  }
  const auto* arguments = member(message.params, "arguments");
  if (arguments != nullptr && !arguments->is_object()) {
    services.reject(line, message.id, jsonrpc::code::invalid_params, "the arguments of tools/call must be an object");
    return;
  }
  const auto* tool = find_tool(name->get_ref<const std::string&>());
  if (tool == nullptr) {
    services.reject(line, message.id, jsonrpc::code::invalid_params, "Unknown tool: " + name->get<std::string>());
    return;
  }
  tool->run(services, {.line = line,
                       .what = {message.id, progress_token(message.params)},
                       .arguments = arguments == nullptr ? nlohmann::json{} : *arguments});
}

void mcp_dialect::notification(session_services& services, const jsonrpc::notification& message) {
  if (message.method != "notifications/cancelled")
    return;
  if (const auto* id = member(message.params, "requestId"))
    services.cancel(*id);
}

std::string mcp_dialect::progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const {
  ordered_json params;
  params["progressToken"] = call.progress_token;
  params["progress"] = count;
  params["message"] = text;
  return jsonrpc::notification_line("notifications/progress", params);
}

std::optional<std::string> mcp_dialect::answer_line(const pending_call& call, const dispatch_answer& answer,
                                                    bool cancelled) const {
  if (cancelled)
    return std::nullopt;
  return jsonrpc::result_line(call.id, tool_result(answer_json(call, answer)));
}

} // namespace agent_dispatch
