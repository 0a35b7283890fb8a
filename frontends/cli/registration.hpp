#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// How the MCP server is made known to Claude Code.
namespace agent_dispatch {

/// The arguments for `claude` that register this program for all sessions of the user.
std::vector<std::string> registration_arguments(const std::filesystem::path& executable);

/// The same as a line for a shell.
std::string registration_command(const std::filesystem::path& executable);

/// A line for a shell that removes the registration. `scope`: `user` or `local`.
std::string remove_registration_command(std::string_view scope);

} // namespace agent_dispatch
