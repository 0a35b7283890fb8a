#include "actors/storage/places.hpp"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "actors/storage/private_directory.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// Not in linux/magic.h: from the file systems' own sources in the kernel.
constexpr std::uint32_t cifs_magic = 0xff534d42;
constexpr std::uint32_t smb2_magic = 0xfe534d42;

/// XDG base directories must be absolute; others are to be ignored (XDG Base Directory Specification).
std::optional<fs::path> absolute_variable(const environment_lookup& environment, const std::string& name) {
  const auto value = environment(name);
  if (!value || value->empty() || value->front() != '/')
    return std::nullopt;
  return fs::path{*value};
}

bool is_network_kind(const struct statfs& system) {
  const auto kind = static_cast<std::uint32_t>(system.f_type);
  return kind == NFS_SUPER_MAGIC || kind == SMB_SUPER_MAGIC || kind == cifs_magic || kind == smb2_magic;
}

expected<void> check_file_system(const fs::path& directory) {
  struct statfs system {};
  if (::statfs(directory.c_str(), &system) != 0)
    return io_failure("looking at the file system of", directory.native(), errno);
  if (is_network_kind(system))
    return failure(fault_kind::io,
                   directory.native() +
                       " is on a network file system, where locks promise too little; set XDG_STATE_HOME and "
                       "AGENT_DISPATCH_JOBS_DIR to directories on a local disk");
  return {};
}

} // namespace

bool is_on_network(const fs::path& path) {
  struct statfs system {};
  return ::statfs(path.c_str(), &system) == 0 && is_network_kind(system);
}

std::string name_of(const fs::path& path) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : path.native())
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4)
    text += digits[(hash >> static_cast<unsigned>(shift)) & 0x0fU];
  return text;
}

expected<places> find_places(const fs::path& config, const fs::path& jobs, const environment_lookup& environment) {
  // Whoever may write there can name a socket of their own in the lock's file, and frontends would tell it all they
  // have.
  const auto real_jobs = make_private_way(jobs, "AGENT_DISPATCH_JOBS_DIR");
  if (!real_jobs)
    return tl::unexpected(real_jobs.error());
  return name_places(config, *real_jobs, environment);
}

expected<places> name_places(const fs::path& config, const fs::path& real_jobs, const environment_lookup& environment) {
  places where{.config = config, .jobs = real_jobs, .state = {}, .socket = {}};
  const auto name = name_of(where.jobs);
  auto state = absolute_variable(environment, "XDG_STATE_HOME");
  if (!state) {
    const auto home = absolute_variable(environment, "HOME");
    if (!home)
      return failure(fault_kind::invalid_argument,
                     "neither XDG_STATE_HOME nor HOME is set to an absolute path; set one of them");
    state = *home / ".local" / "state";
  }
  where.state = *state / "agent-dispatch" / name;
  const auto runtime = absolute_variable(environment, "XDG_RUNTIME_DIR");
  where.socket = runtime ? *runtime / "agent-dispatch" / (name + ".sock") : where.state / "socket";
  return where;
}

expected<void> make_state_directories(const places& where) {
  const auto socket_variable = where.socket.parent_path() == where.state ? "XDG_STATE_HOME" : "XDG_RUNTIME_DIR";
  const std::array ways{
      std::pair{where.jobs, "AGENT_DISPATCH_JOBS_DIR"}, std::pair{where.state.parent_path(), "XDG_STATE_HOME"},
      std::pair{where.state, "XDG_STATE_HOME"}, std::pair{where.socket.parent_path(), socket_variable}};
  for (const auto& [directory, variable] : ways)
    if (auto made = make_private_way(directory, variable); !made)
      return tl::unexpected(made.error());
  for (const auto& directory : {where.runs(), where.requests(), where.frontends(), where.spares(), where.trash()})
    if (auto made = make_private_child(directory); !made)
      return made;
  if (auto checked = check_file_system(where.state); !checked)
    return checked;
  return check_file_system(where.jobs);
}

} // namespace agent_dispatch
