#include "config/paths.hpp"

#include <cstdlib>

#include <pwd.h>
#include <unistd.h>

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// Home directory by the user database. `entry` asks for one record with the buffer that it is given.
template <class Ask>
fs::path home_by_database(Ask ask) {
  std::vector<char> buffer(16u << 10);
  passwd record{};
  passwd* found = nullptr;
  if (ask(&record, buffer, &found) != 0 || found == nullptr || record.pw_dir == nullptr)
    return {};
  return record.pw_dir;
}

fs::path home_of_user(const std::string& name) {
  return home_by_database([&](passwd* record, std::vector<char>& buffer, passwd** found) {
    return ::getpwnam_r(name.c_str(), record, buffer.data(), buffer.size(), found);
  });
}

fs::path home_of_this_user() {
  return home_by_database([](passwd* record, std::vector<char>& buffer, passwd** found) {
    return ::getpwuid_r(::getuid(), record, buffer.data(), buffer.size(), found);
  });
}

/// Drops `.` and doubled or trailing slashes, and nothing else.
fs::path tidied(const fs::path& path) {
  fs::path result;
  for (const auto& part : path)
    if (!part.empty() && part != ".")
      result /= part;
  return result;
}

std::optional<std::string> variable(const environment_lookup& environment, std::string_view name) {
  auto value = environment(name);
  return value && !value->empty() ? value : std::nullopt;
}

expected<fs::path> path_from(const std::string& name, const std::string& value, const fs::path& home,
                             const fs::path& directory) {
  auto path = expand_path(value, home, directory);
  if (!path)
    return failure(fault_kind::invalid_argument, name + " is '" + value +
                                                     "', and the home directory in it is not known. Set " + name +
                                                     " to an absolute path.");
  return *std::move(path);
}

} // namespace

environment_lookup process_environment() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string{name}.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>{value};
  };
}

environment_lookup environment_of(std::vector<std::string> entries) {
  return [entries = std::move(entries)](std::string_view name) -> std::optional<std::string> {
    for (const auto& entry : entries)
      if (entry.size() > name.size() && entry[name.size()] == '=' && entry.starts_with(name))
        return entry.substr(name.size() + 1);
    return std::nullopt;
  };
}

fs::path home_directory(const environment_lookup& environment) {
  const auto home = variable(environment, "HOME");
  return home ? fs::path{*home} : home_of_this_user();
}

std::optional<fs::path> expand_path(std::string_view path, const fs::path& home, const fs::path& base) {
  if (!path.starts_with('~'))
    return tidied(base / fs::path{path});
  const auto slash = path.find('/');
  const std::string user{path.substr(1, slash == std::string_view::npos ? slash : slash - 1)};
  const fs::path start = user.empty() ? home : home_of_user(user);
  if (start.empty())
    return std::nullopt;
  // The slash has to go: `start / "/x"` is "/x".
  const auto rest = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
  const auto relative = rest.substr(std::min(rest.size(), rest.find_first_not_of('/')));
  return tidied(base / start / fs::path{relative});
}

expected<config_paths> find_paths(const environment_lookup& environment, const fs::path& directory) {
  config_paths paths;
  paths.home = home_directory(environment);
  const auto config = variable(environment, "AGENT_DISPATCH_CONFIG");
  if (!config && paths.home.empty())
    return failure(fault_kind::invalid_argument, "The home directory is not known, and so neither is the place of "
                                                 "agents.yaml. Set HOME, or AGENT_DISPATCH_CONFIG to the file's path.");
  auto config_path = path_from("AGENT_DISPATCH_CONFIG", config.value_or("~/.config/agent-dispatch/agents.yaml"),
                               paths.home, directory);
  if (!config_path)
    return tl::make_unexpected(config_path.error());
  paths.config = *std::move(config_path);
  const auto jobs = variable(environment, "AGENT_DISPATCH_JOBS_DIR");
  auto jobs_path = path_from("AGENT_DISPATCH_JOBS_DIR", jobs.value_or((paths.config.parent_path() / "jobs").string()),
                             paths.home, directory);
  if (!jobs_path)
    return tl::make_unexpected(jobs_path.error());
  paths.jobs = *std::move(jobs_path);
  return paths;
}

} // namespace agent_dispatch
