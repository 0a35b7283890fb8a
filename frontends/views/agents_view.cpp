#include "frontends/views/agents_view.hpp"

#include <algorithm>

#include "config/discovery.hpp"

namespace agent_dispatch {

namespace {

constexpr int most_preview_lines = 200;

ordered_json health_json(directory_health health) {
  if (health == directory_health::unreadable)
    return "UNREADABLE";
  return health == directory_health::healthy;
}

template <class T>
void add_if_set(ordered_json& json, const char* key, const T& value) {
  if (value)
    json[key] = *value;
}

void add_unless_empty(ordered_json& json, const char* key, const std::vector<std::string>& values) {
  if (!values.empty())
    json[key] = values;
}

void add_permissions(ordered_json& json, const agent_config& agent) {
  add_if_set(json, "permission_mode", agent.permission_mode);
  add_if_set(json, "allowed_tools", agent.allowed_tools);
  add_if_set(json, "disallowed_tools", agent.disallowed_tools);
}

void add_capabilities(ordered_json& json, const agent_config& agent) {
  add_unless_empty(json, "capabilities", agent.capabilities);
  add_unless_empty(json, "risky_capabilities", agent.risky_capabilities);
}

ordered_json identity_json(const agent_config& agent) {
  ordered_json json;
  json["name"] = agent.name.value;
  json["directory"] = agent.directory.native();
  json["description"] = agent.description;
  return json;
}

ordered_json entry_json(const agent_config& agent) {
  ordered_json json = identity_json(agent);
  const auto health = health_of(agent.directory);
  const auto facts = health == directory_health::healthy ? scan_project(agent.directory) : project_facts{};
  json["healthy"] = health_json(health);
  json["has_claude_md"] = facts.has_claude_md;
  json["has_mcp_config"] = facts.has_mcp_config;
  add_unless_empty(json, "mcp_servers", facts.mcp_servers);
  add_unless_empty(json, "stacks", facts.stacks);
  add_unless_empty(json, "dbs", facts.dbs);
  add_permissions(json, agent);
  add_capabilities(json, agent);
  return json;
}

void add_preview(ordered_json& json, const std::string& key, const std::filesystem::path& file, int lines) {
  const auto preview = lines > 0 ? preview_of(file, lines) : std::nullopt;
  if (!preview)
    return;
  json[key + "_preview"] = preview->text;
  if (preview->truncated)
    json[key + "_truncated"] = true;
}

void add_project(ordered_json& json, const agent_config& agent, int preview_lines) {
  const auto facts = scan_project(agent.directory);
  json["mcp_servers"] = facts.mcp_servers;
  json["stacks"] = facts.stacks;
  json["dbs"] = facts.dbs;
  json["has_claude_md"] = facts.has_claude_md;
  json["has_readme"] = facts.has_readme;
  json["has_mcp_config"] = facts.has_mcp_config;
  add_preview(json, "claude_md", agent.directory / "CLAUDE.md", preview_lines);
  add_preview(json, "readme", agent.directory / "README.md", preview_lines);
  add_if_set(json, "scan_error", facts.scan_error);
}

} // namespace

ordered_json error_json(std::string_view sentence) {
  ordered_json json;
  json["error"] = sentence;
  return json;
}

ordered_json health_json(const std::filesystem::path& directory) { return health_json(health_of(directory)); }

std::string_view no_agents_sentence() {
  return "No agents are configured. Add one with: agent-dispatch add NAME DIRECTORY";
}

ordered_json list_agents_json(const configuration& config) {
  if (config.agents.empty())
    return error_json(no_agents_sentence());
  auto list = ordered_json::array();
  for (const auto& agent : config.agents)
    list.push_back(entry_json(agent));
  return list;
}

ordered_json inspect_agent_json(const configuration& config, std::string_view name, int preview_lines) {
  const auto* agent = config.find_agent(agent_name{std::string{name}});
  if (agent == nullptr)
    return error_json(unknown_agent_sentence(config, name));
  ordered_json json = identity_json(*agent);
  json["timeout"] = agent->timeout;
  add_if_set(json, "model", agent->model);
  add_if_set(json, "max_budget_usd", agent->max_budget_usd);
  add_permissions(json, *agent);
  add_capabilities(json, *agent);
  if (agent->max_parallel != 1)
    json["max_parallel"] = agent->max_parallel;
  const auto health = health_of(agent->directory);
  json["healthy"] = health_json(health);
  if (health == directory_health::healthy)
    add_project(json, *agent, std::clamp(preview_lines, 0, most_preview_lines));
  return json;
}

ordered_json added_agent_json(const agent_config& agent) {
  ordered_json json;
  json["added"] = agent.name.value;
  json["directory"] = agent.directory.native();
  json["description"] = agent.description;
  add_permissions(json, agent);
  add_capabilities(json, agent);
  return json;
}

ordered_json updated_json(std::string_view name, const std::vector<std::string_view>& fields) {
  ordered_json json;
  json["updated"] = name;
  json["fields"] = fields;
  return json;
}

ordered_json removed_json(std::string_view name) {
  ordered_json json;
  json["removed"] = name;
  return json;
}

} // namespace agent_dispatch
