#include "messages/agent.hpp"

#include <algorithm>

namespace agent_dispatch {

namespace {

std::optional<double> limit_or(const std::optional<double>& own, const std::optional<double>& inherited) {
  if (own && *own > 0)
    return own;
  if (inherited && *inherited > 0)
    return inherited;
  return std::nullopt;
}

std::string unknown_sentence(std::string_view kind, std::string_view name, const std::vector<std::string_view>& known) {
  std::string text = "Unknown ";
  text.append(kind).append(": '").append(name).append("'. Available: ");
  if (known.empty())
    return text.append("none");
  for (std::size_t i = 0; i < known.size(); ++i)
    text.append(i == 0 ? "" : ", ").append(known[i]);
  return text;
}

} // namespace

const agent_config* configuration::find_agent(const agent_name& name) const {
  const auto found = std::find_if(agents.begin(), agents.end(), [&](const auto& a) { return a.name == name; });
  return found == agents.end() ? nullptr : &*found;
}

const group_config* configuration::find_group(std::string_view name) const {
  const auto found = std::find_if(groups.begin(), groups.end(), [&](const auto& g) { return g.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

resolved_agent resolve(const agent_config& agent, const settings& defaults) {
  return {
      .name = agent.name,
      .directory = agent.directory,
      .timeout = std::chrono::seconds{agent.timeout > 0 ? agent.timeout : defaults.default_timeout},
      .max_budget_usd = limit_or(agent.max_budget_usd, defaults.default_max_budget_usd),
      .model = agent.model,
      .permission_mode = agent.permission_mode ? agent.permission_mode : defaults.default_permission_mode,
      .allowed_tools = agent.allowed_tools ? agent.allowed_tools : defaults.default_allowed_tools,
      .disallowed_tools = agent.disallowed_tools ? agent.disallowed_tools : defaults.default_disallowed_tools,
      .max_parallel = agent.max_parallel,
  };
}

std::string unknown_agent_sentence(const configuration& config, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& agent : config.agents)
    names.push_back(agent.name.value);
  return unknown_sentence("agent", name, names);
}

std::string unknown_group_sentence(const configuration& config, std::string_view name) {
  std::vector<std::string_view> names;
  for (const auto& group : config.groups)
    names.push_back(group.name);
  return unknown_sentence("group", name, names);
}

} // namespace agent_dispatch
