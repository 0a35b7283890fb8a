#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "messages/agent.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

/// The names of agents, or of groups, that begin with a text. In the order of the file.
std::vector<std::string> agents_beginning_with(const configuration& config, std::string_view text);
std::vector<std::string> groups_beginning_with(const configuration& config, std::string_view text);

/// Completions of a list that is separated by commas: its last name, those before it kept. No name comes twice.
std::vector<std::string> lists_of_agents_beginning_with(const configuration& config, std::string_view text);

/// The `completion/complete` result; at most 100 values (a limit of MCP's).
ordered_json completion_json(std::span<const std::string> values);

} // namespace agent_dispatch
