#include "frontends/cli/doctor/claude_files.hpp"

#include <array>

#include <nlohmann/json.hpp>

namespace agent_dispatch::doctor {

namespace {

using nlohmann::json;

constexpr const char* server_name = "agent-dispatch";

/// Variables that hold a key or token, and those that choose a provider with keys of its own.
constexpr std::array login_variables{
    "ANTHROPIC_API_KEY",       "ANTHROPIC_AUTH_TOKEN",          "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX",        "CLAUDE_CODE_USE_FOUNDRY",
    "CLAUDE_CODE_USE_MANTLE",  "CLAUDE_CODE_USE_ANTHROPIC_AWS", "CLAUDE_CODE_USE_ANTHROPIC_GOOGLE_CLOUD"};

/// The member, or null when there is none or `object` is no object.
const json& member(const json& object, const std::string& name) {
  static const json nothing;
  if (!object.is_object())
    return nothing;
  const auto found = object.find(name);
  return found == object.end() ? nothing : *found;
}

bool is_text(const json& value) { return value.is_string() && !value.get_ref<const std::string&>().empty(); }

std::string text(const json& value) { return value.is_string() ? value.get<std::string>() : std::string{}; }

std::vector<std::string> texts(const json& list) {
  std::vector<std::string> all;
  if (list.is_array())
    for (const auto& item : list)
      all.push_back(text(item));
  return all;
}

std::vector<std::string> pairs(const json& object) {
  std::vector<std::string> all;
  if (object.is_object())
    for (const auto& [name, value] : object.items())
      all.push_back(name + "=" + text(value));
  return all;
}

void add_registration(const json& holder, mcp_scope scope, std::vector<mcp_registration>& found) {
  const auto& server = member(member(holder, "mcpServers"), server_name);
  if (server.is_object())
    found.push_back({.scope = scope,
                     .command = text(member(server, "command")),
                     .arguments = texts(member(server, "args")),
                     .environment = pairs(member(server, "env"))});
}

std::optional<std::string> login_in_environment(const environment_lookup& environment) {
  for (const auto* name : login_variables)
    if (const auto value = environment(name); value && !value->empty())
      return name;
  return std::nullopt;
}

std::optional<std::string> login_in_settings(const json& settings) {
  if (is_text(member(settings, "apiKeyHelper")))
    return "apiKeyHelper";
  for (const auto* name : login_variables)
    if (is_text(member(member(settings, "env"), name)))
      return name;
  return std::nullopt;
}

} // namespace

claude_places find_claude_places(const environment_lookup& environment, const std::filesystem::path& home) {
  const auto given = environment("CLAUDE_CONFIG_DIR");
  const bool is_given = given && !given->empty();
  const auto directory = is_given ? std::filesystem::path{*given} : home / ".claude";
  // The first is of versions before there was the other; while it is there it is still the one that is used.
  return {directory, {directory / ".config.json", (is_given ? directory : home) / ".claude.json"}};
}

std::optional<std::vector<mcp_registration>> read_registrations(std::string_view content,
                                                                const std::filesystem::path& directory) {
  const auto state = json::parse(content, nullptr, false);
  if (!state.is_object())
    return std::nullopt;
  std::vector<mcp_registration> found;
  add_registration(member(member(state, "projects"), directory.native()), mcp_scope::local, found);
  add_registration(state, mcp_scope::user, found);
  return found;
}

std::optional<std::string> find_login(const login_files& files, const environment_lookup& environment) {
  if (const auto name = login_in_environment(environment))
    return "the variable " + *name;
  const auto credentials = json::parse(files.credentials, nullptr, false);
  if (is_text(member(member(credentials, "claudeAiOauth"), "accessToken")))
    return ".credentials.json";
  if (const auto name = login_in_settings(json::parse(files.settings, nullptr, false)))
    return *name + " in settings.json";
  if (is_text(member(json::parse(files.state, nullptr, false), "primaryApiKey")))
    return ".claude.json";
  return std::nullopt;
}

std::optional<std::string> read_claude_version(std::string_view output) {
  constexpr std::string_view mark = "(Claude Code)";
  const auto at = output.find(mark);
  if (at == std::string_view::npos)
    return std::nullopt;
  auto before = output.substr(0, at);
  before = before.substr(0, before.find_last_not_of(' ') + 1);
  const auto begin = before.find_last_of(" \n");
  const auto version = before.substr(begin == std::string_view::npos ? 0 : begin + 1);
  if (version.empty() || version.front() < '0' || version.front() > '9')
    return std::nullopt;
  return std::string{version};
}

} // namespace agent_dispatch::doctor
