#pragma once

#include <string>
#include <string_view>

/// Every sentence of the commands about the configuration.
namespace agent_dispatch::config_text {

inline constexpr std::string_view init_help = "Make the configuration and register the MCP server with Claude Code";
inline constexpr std::string_view add_help = "Add a project directory as an agent";
inline constexpr std::string_view list_help = "List the agents and whether their directories can be used";
inline constexpr std::string_view describe_help = "Show all that is known of one agent";
inline constexpr std::string_view update_help = "Change an agent; \"none\" clears a value, a budget of 0 too";
inline constexpr std::string_view remove_help = "Remove an agent; its directory stays as it is";
inline constexpr std::string_view group_help = "Groups of agents that work together";
inline constexpr std::string_view group_add_help = "Make a group of agents";
inline constexpr std::string_view group_list_help = "List the groups and their members";
inline constexpr std::string_view group_inspect_help = "Show one group in full";
inline constexpr std::string_view group_update_help = "Change a group's texts; \"\" clears one";
inline constexpr std::string_view group_remove_help = "Remove a group; its agents stay";
inline constexpr std::string_view json_help = "Answer in JSON";

inline constexpr std::string_view restart_note =
    "Sessions of Claude Code that are open now know it after their next start.";
inline constexpr std::string_view list_empty = "No agents yet. Add one with: agent-dispatch add NAME DIRECTORY";
inline constexpr std::string_view no_members =
    "The group has no members yet. Add them in agents.yaml: `- agent: NAME` lines below its `members:`.";
inline constexpr std::string_view has_shared_context = "has a shared context";

/// `help`: the command that shows what can be given.
inline std::string nothing_to_update(std::string_view help) {
  return "There is nothing to update: no option is given. See what there is with: " + std::string{help};
}

inline std::string timeout_too_small(long given) {
  return "--timeout is " + std::to_string(given) + ". Give seconds, 1 or more.";
}

inline std::string budget_refused() { return "--max-budget must be a finite number of at least 0, in US dollars."; }

} // namespace agent_dispatch::config_text
