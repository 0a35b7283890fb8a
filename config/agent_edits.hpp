#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/save.hpp"

/// Changes of the agents in agents.yaml, each under its lock. All fail as `change_configuration` does.
namespace agent_dispatch {

/// What an update sets. Absent: stays as it is.
struct agent_update {
  std::optional<std::string> description;
  std::optional<int> timeout;                                ///< seconds, ≥ 0
  std::optional<std::optional<double>> max_budget_usd;       ///< absent inside: none of its own
  std::optional<std::optional<std::string>> model;           ///< absent inside: the CLI's own
  std::optional<std::optional<std::string>> permission_mode; ///< absent inside: inherited
  std::optional<tool_list> allowed_tools;
  std::optional<tool_list> disallowed_tools;
  std::optional<std::vector<std::string>> capabilities;
  std::optional<std::vector<std::string>> risky_capabilities;

  bool operator==(const agent_update&) const = default;
};

/// The keys of what is set, in the order of the interface. Empty: there is nothing to update.
std::vector<std::string_view> fields_of(const agent_update& update);

/// What stops an agent from being stored, as a fault; its name is not looked up.
expected<void> check_agent(const agent_config& agent);

/// Adds an agent to the file. `invalid_argument` when its name, a number or its directory's name cannot be stored, or
/// when there is one of that name.
expected<saved_configuration> add_agent(const config_paths& paths, const agent_config& agent,
                                        std::chrono::milliseconds patience = limits::shared_lock);

/// `unknown_agent` when there is none of that name, `invalid_argument` when a number cannot be stored. Keys of others
/// in the agent's entry stay.
expected<saved_configuration> update_agent(const config_paths& paths, const agent_name& name,
                                           const agent_update& update,
                                           std::chrono::milliseconds patience = limits::shared_lock);

/// `unknown_agent` when there is none of that name. Groups that name it keep it as a member: see `groups_naming`.
expected<saved_configuration> remove_agent(const config_paths& paths, const agent_name& name,
                                           std::chrono::milliseconds patience = limits::shared_lock);

/// The groups that have this agent, or had, as a member; each once, in the order of the file.
std::vector<std::string> groups_naming(const configuration& config, const agent_name& name);

} // namespace agent_dispatch
