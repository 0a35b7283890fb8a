#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "messages/ids.hpp"

namespace agent_dispatch {

/// Absent: inherit from settings. Empty: explicitly none. Else: exactly these.
using tool_list = std::optional<std::vector<std::string>>;

/// One agent as agents.yaml has it, before settings are applied.
struct agent_config {
  agent_name name;
  std::filesystem::path directory; ///< absolute, `~` expanded
  std::string description;
  int timeout = 300;                    ///< seconds; 0: settings.default_timeout
  std::optional<double> max_budget_usd; ///< ≥ 0; 0 or absent: settings.default_max_budget_usd
  std::optional<std::string> model;
  std::optional<std::string> permission_mode; ///< absent: settings.default_permission_mode
  tool_list allowed_tools;
  tool_list disallowed_tools;
  std::vector<std::string> capabilities;
  std::vector<std::string> risky_capabilities;
  int max_parallel = 1; ///< runs of this agent at a time, ≥ 1

  bool operator==(const agent_config&) const = default;
};

struct group_member {
  agent_name agent; ///< may name no agent: flagged, never fatal
  std::string use_for;

  bool operator==(const group_member&) const = default;
};

struct group_config {
  std::string name;
  std::string description;
  std::string shared_context;
  std::vector<group_member> members;

  bool operator==(const group_config&) const = default;
};

struct cache_settings {
  bool enabled = true;
  double ttl = 300;    ///< seconds, ≥ 0
  int max_size = 1000; ///< entries, ≥ 1

  bool operator==(const cache_settings&) const = default;
};

struct settings {
  int default_timeout = 300; ///< seconds, ≥ 1
  std::optional<double> default_max_budget_usd;
  std::optional<std::string> default_permission_mode;
  tool_list default_allowed_tools;
  tool_list default_disallowed_tools;
  int max_dispatch_depth = 3;  ///< ≥ 1
  int max_concurrency = 5;     ///< live runs of the whole supervisor, ≥ 1
  int job_retention_days = 0;  ///< 0: keep
  int idle_exit_seconds = 600; ///< 0: never
  bool confirm_risky = false;  ///< a person is asked before an agent with `risky_capabilities` may act
  cache_settings cache;

  bool operator==(const settings&) const = default;
};

/// agents.yaml, whole. Agents and groups in the order of the file.
struct configuration {
  std::vector<agent_config> agents;
  std::vector<group_config> groups;
  agent_dispatch::settings settings;

  /// Null when there is none of that name. The pointer lives as long as this object is unchanged.
  const agent_config* find_agent(const agent_name& name) const;
  const group_config* find_group(std::string_view name) const;

  bool operator==(const configuration&) const = default;
};

/// An agent with settings applied: what a run is started with.
struct resolved_agent {
  agent_name name;
  std::filesystem::path directory;
  std::chrono::seconds timeout{300};
  std::optional<double> max_budget_usd; ///< absent: no limit; never 0
  std::optional<std::string> model;
  std::optional<std::string> permission_mode;
  tool_list allowed_tools;
  tool_list disallowed_tools;
  int max_parallel = 1;

  bool operator==(const resolved_agent&) const = default;
};

/// Applies the inheritance rules of agents.yaml.
resolved_agent resolve(const agent_config& agent, const settings& defaults);

/// "Unknown agent: 'foo'. Available: a, b", with the names in the order of the file; the same for groups.
std::string unknown_agent_sentence(const configuration& config, std::string_view name);
std::string unknown_group_sentence(const configuration& config, std::string_view name);

/// Names the members there are.
std::string not_a_member_sentence(const group_config& group, const agent_name& agent);

} // namespace agent_dispatch
