#include "frontends/mcp/mcp_dialect.hpp"

#include <algorithm>
#include <array>

#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tools.hpp"
#include "frontends/session/answer_json.hpp"

namespace agent_dispatch {

namespace {

/// What a client may keep of us: it changes with our version, and then the client starts us anew.
constexpr std::int64_t hour_ms = 3'600'000;

const nlohmann::json* member(const nlohmann::json& json, const char* name) {
  if (!json.is_object())
    return nullptr;
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json* meta_member(const nlohmann::json& params, const char* name) {
  const auto* meta = member(params, "_meta");
  return meta == nullptr ? nullptr : member(*meta, name);
}

ordered_json capabilities() {
  ordered_json json;
  json["tools"] = ordered_json::object();
  return json;
}

ordered_json revision_names() {
  auto names = ordered_json::array();
  for (const auto& each : eras())
    names.push_back(each.revision);
  return names;
}

ordered_json discovery() {
  ordered_json result;
  result["supportedVersions"] = revision_names();
  result["capabilities"] = capabilities();
  result["instructions"] = texts::instructions;
  return result;
}

nlohmann::json progress_token(const nlohmann::json& params) {
  const auto* token = meta_member(params, "progressToken");
  return token != nullptr && (token->is_string() || token->is_number()) ? *token : nlohmann::json{};
}

void call_tool(const era& spoken, session_services& services, std::uint64_t line, const jsonrpc::request& message) {
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
                       .what = {.id = message.id,
                                .progress_token = progress_token(message.params),
                                .form = form_of(*tool, spoken)},
                       .arguments = arguments == nullptr ? nlohmann::json{} : *arguments});
}

void discover(const era& spoken, session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.reply(line, message.id, finished_for(spoken, discovery(), hour_ms, cache_scope::everybody));
}

void ping(const era&, session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.reply(line, message.id, ordered_json::object());
}

void list_all_tools(const era& spoken, session_services& services, std::uint64_t line,
                    const jsonrpc::request& message) {
  services.reply(line, message.id, finished_for(spoken, list_tools(spoken), hour_ms, cache_scope::everybody));
}

/// In which revisions there is a method.
enum class found_in { all, stateless, handshake };

struct mcp_method {
  std::string_view name;
  found_in where;
  void (*run)(const era&, session_services&, std::uint64_t, const jsonrpc::request&);
};

constexpr std::array methods{
    mcp_method{"server/discover", found_in::stateless, discover},
    mcp_method{"ping", found_in::handshake, ping},
    mcp_method{"tools/list", found_in::all, list_all_tools},
    mcp_method{"tools/call", found_in::all, call_tool},
};

bool has(const era& spoken, const mcp_method& method) {
  return method.where == found_in::all || (method.where == found_in::stateless) == spoken.is_stateless;
}

} // namespace

void mcp_dialect::request(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  if (message.method == "initialize")
    initialize(services, line, message);
  else if (const auto* revision = meta_member(message.params, meta_key::revision))
    answer_stateless(services, line, message, *revision);
  else
    answer_in(message.method == "server/discover" ? eras().front() : *handshake_, services, line, message);
}

void mcp_dialect::initialize(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  handshake_ = &newest_handshake();
  if (const auto* asked = member(message.params, "protocolVersion"); asked != nullptr && asked->is_string())
    if (const auto* known = find_era(asked->get_ref<const std::string&>()); known != nullptr && !known->is_stateless)
      handshake_ = known;
  ordered_json result;
  result["protocolVersion"] = handshake_->revision;
  result["capabilities"] = capabilities();
  result["serverInfo"] = server_info();
  result["instructions"] = texts::instructions;
  services.reply(line, message.id, result);
}

void mcp_dialect::answer_stateless(session_services& services, std::uint64_t line, const jsonrpc::request& message,
                                   const nlohmann::json& revision) {
  const auto* spoken = revision.is_string() ? find_era(revision.get_ref<const std::string&>()) : nullptr;
  if (spoken == nullptr) {
    ordered_json data;
    data["supported"] = revision_names();
    data["requested"] = revision.is_string() ? revision.get<std::string>() : dump(revision);
    services.reject(line, message.id, jsonrpc::code::unsupported_revision,
                    "revision " + data["requested"].get<std::string>() + " of MCP is not spoken here", data);
    return;
  }
  const auto* declared = meta_member(message.params, meta_key::capabilities);
  if (spoken->is_stateless && (declared == nullptr || !declared->is_object())) {
    services.reject(line, message.id, jsonrpc::code::invalid_params,
                    std::string{"_meta needs "} + meta_key::capabilities + ", an object");
    return;
  }
  answer_in(*spoken, services, line, message);
}

void mcp_dialect::answer_in(const era& spoken, session_services& services, std::uint64_t line,
                            const jsonrpc::request& message) {
  const auto found = std::find_if(methods.begin(), methods.end(),
                                  [&](const mcp_method& method) { return method.name == message.method; });
  if (found != methods.end() && has(spoken, *found))
    found->run(spoken, services, line, message);
  else
    services.reject(line, message.id, jsonrpc::code::method_not_found, "there is no method '" + message.method + "'");
}

void mcp_dialect::notification(session_services& services, const jsonrpc::notification& message) {
  if (message.method != "notifications/cancelled")
    return;
  if (const auto* id = member(message.params, "requestId"))
    services.cancel(*id);
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

std::optional<std::string> mcp_dialect::answer_line(const pending_call& call, const dispatch_answer& answer,
                                                    bool cancelled) const {
  if (cancelled)
    return std::nullopt;
  return jsonrpc::result_line(call.id, tool_result(answer_json(call, answer), call.form));
}

} // namespace agent_dispatch
