#pragma once

#include <filesystem>
#include <string>

#include "config/paths.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// Where one supervisor has its things. The jobs directory is its identity: all names derive from that directory's real
/// path, so that two configurations with jobs directories of their own have two supervisors.
struct places {
  std::filesystem::path config; ///< agents.yaml, as given
  std::filesystem::path jobs;   ///< real path
  std::filesystem::path state;  ///< `<XDG state>/agent-dispatch/<name>`
  std::filesystem::path socket; ///< `<XDG runtime>/agent-dispatch/<name>.sock`, else in the state directory

  std::filesystem::path lock() const { return jobs / ".supervisor"; }
  std::filesystem::path log() const { return state / "supervisor.log"; }
  std::filesystem::path runs() const { return state / "runs"; }
  std::filesystem::path requests() const { return state / "requests"; }
  std::filesystem::path frontends() const { return state / "frontends"; }
  /// There when the last supervisor has left on purpose.
  std::filesystem::path handed_over() const { return state / "handed-over"; }
  /// Where what the last supervisor leaves to the next one is held, while it is.
  std::filesystem::path handover() const { return state / "handover"; }
  /// Directories of runs to come.
  std::filesystem::path spares() const { return state / "spares"; }
  std::filesystem::path trash() const { return state / "trash"; }
};

/// Makes the jobs directory (0700) when it is missing, and says where everything else belongs; makes nothing else.
/// `jobs` and `config` must be absolute. Refused, with the remedy: a jobs directory of another user, one that others
/// may write to or put another in the place of (private_directory.hpp).
expected<places> find_places(const std::filesystem::path& config, const std::filesystem::path& jobs,
                             const environment_lookup& environment);

/// Where everything belongs for a jobs directory that is given by its real path. Touches nothing. Fault
/// `invalid_argument`: no place for the state is known.
expected<places> name_places(const std::filesystem::path& config, const std::filesystem::path& real_jobs,
                             const environment_lookup& environment);

/// Makes the directories of a supervisor, 0700. Refused, with the remedy: a directory of another user, one that others
/// may write to or put another in the place of, a link in the place of one below the state directory, a file system
/// shared over a network (its locks and renames promise less).
expected<void> make_state_directories(const places& where);

/// Whether a file system is shared over a network: NFS, SMB. False when that cannot be told.
bool is_on_network(const std::filesystem::path& path);

/// 16 hexadecimal digits (FNV-1a, 64 bits) of a path.
std::string name_of(const std::filesystem::path& path);

} // namespace agent_dispatch
