#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/paths.hpp"

/// What the files of Claude Code say, found without starting it: where they are and what they mean was measured on
/// versions 2.1.197 to 2.1.329. Pure.
namespace agent_dispatch::doctor {

/// How the reading of one of its files went.
enum class file_reading { missing, unreadable, not_json, read };

/// Where a registration counts. A narrower one hides the wider ones.
enum class mcp_scope {
  local, ///< in one directory, for this user
  user,
};

/// The entry of the MCP server `agent-dispatch`.
struct mcp_registration {
  mcp_scope scope = mcp_scope::user;
  std::string command; ///< "" when it is no program (a URL)
  std::vector<std::string> arguments;
  std::vector<std::string> environment; ///< NAME=VALUE

  bool operator==(const mcp_registration&) const = default;
};

/// The directories of Claude Code's own configuration.
struct claude_places {
  std::filesystem::path directory;                ///< settings.json, .credentials.json
  std::vector<std::filesystem::path> state_files; ///< the first that is there counts; when none is, the last
};

/// CLAUDE_CONFIG_DIR is honoured. Touches nothing.
claude_places find_claude_places(const environment_lookup& environment, const std::filesystem::path& home);

/// Those for a session in `directory`, the narrowest first. `json`: text of the state file. Absent: it is not JSON.
std::optional<std::vector<mcp_registration>> read_registrations(std::string_view json,
                                                                const std::filesystem::path& directory);

/// The texts of the files that may hold a login; "" for one that is not there.
struct login_files {
  std::string state{};       ///< .claude.json
  std::string credentials{}; ///< .credentials.json
  std::string settings{};    ///< settings.json
};

/// Where a login is, as in "found in …"; absent: nowhere that is known. Says nothing of whether it is still good.
std::optional<std::string> find_login(const login_files& files, const environment_lookup& environment);

/// The version in what `claude --version` prints: "2.1.329 (Claude Code)". Absent when that is something else.
std::optional<std::string> read_claude_version(std::string_view output);

} // namespace agent_dispatch::doctor
