#pragma once

#include <string>
#include <string_view>

/// Every sentence that `init, add, list` and `describe` say.
namespace agent_dispatch::config_text {

inline constexpr std::string_view init_help = "Make the configuration and register the MCP server with Claude Code";
inline constexpr std::string_view add_help = "Add a project directory as an agent";
inline constexpr std::string_view list_help = "List the agents and whether their directories can be used";
inline constexpr std::string_view describe_help = "Show all that is known of one agent";
inline constexpr std::string_view json_help = "Answer in JSON";

inline constexpr std::string_view restart_note =
    "Sessions of Claude Code that are open now know it after their next start.";
inline constexpr std::string_view list_empty = "No agents yet. Add one with: agent-dispatch add NAME DIRECTORY";
inline constexpr std::string_view comments_lost =
    "The file's layout left no place to insert the agent, so the file was written anew and its comments are gone.";

/// `why` as in "does not exist".
inline std::string not_a_directory(std::string_view path, std::string_view why) {
  return "'" + std::string{path} + "' " + std::string{why} + ". Give the path of the project's directory.";
}

inline std::string unknown_home(std::string_view path) {
  return "The home directory in '" + std::string{path} + "' is not known. Give an absolute path.";
}

inline std::string not_entered(std::string_view path) {
  return "'" + std::string{path} + "' cannot be entered or listed: a dispatch to it will fail until that is changed.";
}

inline std::string timeout_too_small(long given) {
  return "--timeout is " + std::to_string(given) + ". Give seconds, 1 or more.";
}

inline std::string budget_refused() { return "--max-budget must be a finite number of at least 0, in US dollars."; }

} // namespace agent_dispatch::config_text
