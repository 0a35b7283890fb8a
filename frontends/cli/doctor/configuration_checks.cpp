#include <algorithm>

#include "config/shell_quote.hpp"
#include "frontends/cli/doctor/checks.hpp"
#include "frontends/cli/doctor/text.hpp"

namespace agent_dispatch::doctor {

namespace {

using status = finding_status;

std::string edit_command(const facts& seen) { return seen.editor + " " + shell_quote(seen.paths->config.native()); }

/// Of a file that cannot be used.
std::string remedy_for(const facts& seen, const fault& problem) {
  const auto file = seen.paths->config.native();
  if (problem.kind != fault_kind::config_unreadable)
    return edit_command(seen);
  switch (seen.config_file) {
  case config_file_kind::no_file:
    return shell_command({"mv", file, file + ".old"}) + " && " + seen.program + " init";
  case config_file_kind::not_readable:
    return shell_command({"chmod", "u+r", file});
  case config_file_kind::missing:
  case config_file_kind::readable:
    break;
  }
  return {};
}

/// A dangling member is told among the groups.
findings examine_file(const facts& seen, const loaded_configuration& loaded) {
  findings found;
  for (const auto& warning : loaded.warnings)
    if (std::ranges::find(loaded.dangling_members, warning) == loaded.dangling_members.end())
      found.push_back({"config", status::warning, warning, edit_command(seen)});
  if (found.empty())
    found.push_back({"config", status::ok, text::config_good(seen.paths->config.native()), ""});
  return found;
}

/// What of an agent's settings its dispatches are refused for; "" for nothing.
std::string option_like_value(const agent_config& agent) {
  const auto is_option = [](const std::string& value) { return value.starts_with('-'); };
  const auto any = [&](const tool_list& tools) { return tools && std::ranges::any_of(*tools, is_option); };
  if (agent.model && is_option(*agent.model))
    return "a model";
  if (agent.permission_mode && is_option(*agent.permission_mode))
    return "a permission mode";
  return any(agent.allowed_tools) || any(agent.disallowed_tools) ? "a tool" : "";
}

bool bypasses_permissions(const configuration& config, const agent_config& agent) {
  return agent.permission_mode.value_or(config.settings.default_permission_mode.value_or("")) == "bypassPermissions";
}

void examine_directory(const facts& seen, const agent_config& agent, directory_health health, findings& found) {
  const auto& name = agent.name.value;
  const auto directory = agent.directory.native();
  if (health == directory_health::missing)
    found.push_back({"agents", status::failure, text::agent_missing(name, directory, seen.paths->config.native()),
                     seen.program + " " + shell_command({"remove", name})});
  if (health == directory_health::unreadable)
    found.push_back({"agents", status::failure, text::agent_unreadable(name, directory),
                     shell_command({"chmod", "u+rx", directory})});
}

findings examine_agents(const facts& seen, const configuration& config) {
  findings found;
  if (config.agents.empty())
    return {{"agents", status::warning, std::string{text::no_agents}, seen.add_command}};
  for (std::size_t i = 0; i < config.agents.size(); ++i) {
    const auto& agent = config.agents[i];
    examine_directory(seen, agent, seen.agents.at(i), found);
    if (seen.is_root && !seen.is_sandbox && bypasses_permissions(config, agent))
      found.push_back({"agents", status::failure, text::bypass_as_root(agent.name.value), edit_command(seen)});
    if (const auto what = option_like_value(agent); !what.empty())
      found.push_back({"agents", status::failure, text::option_as_value(agent.name.value, what), edit_command(seen)});
  }
  if (found.empty())
    found.push_back({"agents", status::ok, text::agents_good(config.agents.size()), ""});
  return found;
}

findings examine_groups(const facts& seen, const loaded_configuration& loaded) {
  findings found;
  for (const auto& dangling : loaded.dangling_members)
    found.push_back({"groups", status::failure, dangling, edit_command(seen)});
  for (const auto& group : loaded.value.groups)
    if (group.members.empty())
      found.push_back({"groups", status::warning, text::empty_group(group.name, seen.paths->config.native()),
                       seen.program + " " + shell_command({"group", "remove", group.name})});
  if (found.empty() && !loaded.value.groups.empty())
    found.push_back({"groups", status::ok, text::groups_good(loaded.value.groups.size()), ""});
  return found;
}

} // namespace

findings examine_configuration(const facts& seen) {
  if (!seen.paths)
    return {{"config", status::failure, seen.paths.error().message, ""}};
  if (!seen.config)
    return {};
  if (!*seen.config)
    return {{"config", status::failure, seen.config->error().message, remedy_for(seen, seen.config->error())}};
  if (seen.config_file == config_file_kind::missing)
    return {{"config", status::warning, text::no_config(seen.paths->config.native()), seen.program + " init"}};
  const auto& loaded = **seen.config;
  auto found = examine_file(seen, loaded);
  std::ranges::move(examine_agents(seen, loaded.value), std::back_inserter(found));
  std::ranges::move(examine_groups(seen, loaded), std::back_inserter(found));
  return found;
}

} // namespace agent_dispatch::doctor
