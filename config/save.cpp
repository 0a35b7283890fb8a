#include "config/save.hpp"

#include <sys/stat.h>

#include "config/atomic_write.hpp"
#include "config/lock.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view empty_configuration =
    R"(# Agents of agent-dispatch. Add one with: agent-dispatch add NAME DIRECTORY
agents: {}

settings:
  default_timeout: 300 # seconds
  max_dispatch_depth: 3
  max_concurrency: 5
  cache:
    enabled: true
    ttl: 300 # seconds
)";

/// Tightens a directory that is ours by its name; another's stays as it is.
expected<void> prepare_directory(const fs::path& directory) {
  if (auto made = make_private_directory(directory); !made)
    return made;
  struct stat status {};
  if (directory.filename() == "agent-dispatch" && ::stat(directory.c_str(), &status) == 0 &&
      (status.st_mode & 077U) != 0)
    static_cast<void>(::chmod(directory.c_str(), 0700)); // somebody else's: the write tells
  return {};
}

expected<file_lock> lock_configuration(const config_paths& paths, std::chrono::milliseconds patience) {
  if (auto ready = prepare_directory(paths.config.parent_path()); !ready)
    return tl::make_unexpected(ready.error());
  auto name = paths.config;
  name += ".lock";
  return file_lock::acquire(name, patience);
}

} // namespace

expected<saved_configuration> change_configuration(const config_paths& paths, const configuration_edit& edit,
                                                   std::chrono::milliseconds patience) {
  const auto lock = lock_configuration(paths, patience);
  if (!lock)
    return tl::make_unexpected(lock.error());
  const auto file = read_configuration(paths.config);
  if (!file)
    return tl::make_unexpected(file.error());
  const std::string old = *file ? (*file)->bytes : std::string{};
  const auto now = parse_configuration(old, paths);
  if (!now)
    return tl::make_unexpected(now.error());
  auto edited = edit(old, now->value);
  if (!edited)
    return tl::make_unexpected(edited.error());
  auto next = parse_configuration(edited->text, paths);
  if (!next)
    return tl::make_unexpected(next.error());
  if (edited->text.size() > greatest_config_bytes)
    return failure(fault_kind::config_write, to_valid_utf8(paths.config.native()) + " would become larger than " +
                                                 std::to_string(greatest_config_bytes >> 20) +
                                                 " MiB. Remove what is not a setting of agent-dispatch.");
  if (auto written = write_file_atomically(paths.config, edited->text); !written)
    return tl::make_unexpected(written.error());
  return saved_configuration{std::move(next->value), edited->lost};
}

expected<creation> create_configuration(const config_paths& paths, std::chrono::milliseconds patience) {
  const auto lock = lock_configuration(paths, patience);
  if (!lock)
    return tl::make_unexpected(lock.error());
  struct stat status {};
  if (::stat(paths.config.c_str(), &status) == 0) {
    if (S_ISREG(status.st_mode) && (status.st_mode & 077U) != 0)
      static_cast<void>(::chmod(paths.config.c_str(), 0600)); // somebody else's stays as it is
    return creation::was_there;
  }
  if (auto written = write_file_atomically(paths.config, empty_configuration); !written)
    return tl::make_unexpected(written.error());
  return creation::made;
}

} // namespace agent_dispatch
