#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "actors/storage/private_directory.hpp"
#include "frontends/cli/doctor/gather.hpp"

namespace agent_dispatch::doctor {

namespace {

/// The path, or the nearest above it that is there. A link to nothing is there.
std::filesystem::path nearest_existing(std::filesystem::path path) {
  std::error_code ignored;
  while (path.has_relative_path() && !std::filesystem::exists(std::filesystem::symlink_status(path, ignored)))
    path = path.parent_path();
  return path;
}

/// That names another place of a kind.
const char* variable_for(place_facts::role what) {
  if (what == place_facts::role::jobs)
    return "AGENT_DISPATCH_JOBS_DIR";
  return what == place_facts::role::state ? "XDG_STATE_HOME" : "XDG_RUNTIME_DIR";
}

} // namespace

place_facts gather_place(place_facts::role what, const std::filesystem::path& path) {
  place_facts place{
      .what = what, .path = path, .existing = nearest_existing(path), .exchangeable = {}, .free_bytes = {}};
  struct stat status {};
  place.is_directory = ::stat(place.existing.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
  if (!place.is_directory)
    return place;
  place.is_ours = status.st_uid == ::geteuid();
  place.others_may_write = (status.st_mode & 022) != 0;
  if (::faccessat(AT_FDCWD, place.existing.c_str(), W_OK | X_OK, AT_EACCESS) != 0)
    place.error = errno;
  place.is_on_network = is_on_network(place.existing);
  if (what != place_facts::role::configuration)
    if (const auto checked = check_private_directory(path, variable_for(what)); !checked)
      place.exchangeable = checked.error().message;
  struct statvfs system {};
  if (::statvfs(place.existing.c_str(), &system) == 0 && system.f_blocks > 0)
    place.free_bytes = static_cast<std::uint64_t>(system.f_bavail) * system.f_frsize;
  return place;
}

place_facts gather_state_place(const std::filesystem::path& state) {
  auto above = gather_place(place_facts::role::state, state.parent_path());
  const bool is_there = above.existing == above.path;
  const bool is_bad = !above.is_directory || !above.is_ours || above.others_may_write;
  return is_there && is_bad ? above : gather_place(place_facts::role::state, state);
}

} // namespace agent_dispatch::doctor
