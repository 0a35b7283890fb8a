#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// Looks a variable up in somebody's environment: the process's own, or a caller's. Absent when it is not set.
using environment_lookup = std::function<std::optional<std::string>(std::string_view name)>;

/// The environment of this process.
environment_lookup process_environment();

/// An environment as execve takes it ("NAME=value"). Keeps a copy.
environment_lookup environment_of(std::vector<std::string> entries);

/// Where the configuration and the records are. All paths are absolute.
struct config_paths {
  std::filesystem::path home;   ///< of the user: what `~` stands for
  std::filesystem::path config; ///< agents.yaml, as given: a link is not resolved
  std::filesystem::path jobs;   ///< directory of the job records
};

/// AGENT_DISPATCH_CONFIG, else ~/.config/agent-dispatch/agents.yaml; AGENT_DISPATCH_JOBS_DIR, else `jobs` beside the
/// configuration. A variable that is empty counts as not set; relative paths are taken from `directory`. Fails when a
/// home directory is needed and none is known.
expected<config_paths> find_paths(const environment_lookup& environment, const std::filesystem::path& directory);

/// HOME, else what the user database says; empty when neither is known.
std::filesystem::path home_directory(const environment_lookup& environment);

/// Expands a leading `~` or `~user`, makes the path absolute from `base` and drops `.` and doubled slashes. `..` stays,
/// for the directory before it may be a link. Does not touch the file system. Absent when no such user is known, or
/// when
/// `~` stands for an unknown home.
std::optional<std::filesystem::path> expand_path(std::string_view path, const std::filesystem::path& home,
                                                 const std::filesystem::path& base);

} // namespace agent_dispatch
