#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/types.h>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"
#include "messages/ids.hpp"

/// The directory of one run, `<state>/runs/RUNKEY/`, as the supervisor and the keeper share it.
///
/// | file      | written by           | what it says                                                             |
/// |-----------|----------------------|--------------------------------------------------------------------------|
/// | run.json  | launcher             | whose run it is; never the environment                                   |
/// | control   | launcher (FIFO)      | commands to the keeper (control.hpp)                                     |
/// | stdout    | CLI, O_APPEND        | its output, whole                                                        |
/// | stderr    | CLI, O_APPEND        | the same                                                                 |
/// | lock      | launcher             | locked: a keeper lives. The file alone says nothing                      |
/// | started   | keeper or supervisor | O_EXCL: `keeper`: the CLI may have been started; `void`: it never will  |
/// | exit.json | keeper, by rename    | how the run ended; nothing of it that must end is left (exit_file.hpp)   |
///
/// No pid is ever read from here. All access is relative to a descriptor of the directory and follows no symlink.
namespace agent_dispatch {

namespace run_file {
inline constexpr const char* record = "run.json";
inline constexpr const char* control = "control";
inline constexpr const char* output = "stdout";
inline constexpr const char* errors = "stderr";
inline constexpr const char* lock = "lock";
inline constexpr const char* started = "started";
inline constexpr const char* exit = "exit.json";
/// Allocated before the start, so that a full disk cannot keep the end of a run from being written down.
inline constexpr const char* exit_draft = "exit.json.part";
} // namespace run_file

/// Opens the directory; a symlink in its place is refused. CLOEXEC.
expected<unique_fd> open_run_directory(const char* path);

/// openat with O_CLOEXEC and O_NOFOLLOW. Empty on failure: errno says why.
unique_fd open_run_file(int directory, const char* name, int flags, mode_t mode = 0600);

/// How `started` came out for the one who tried to create it.
enum class claim {
  won, ///< it is there now, with our content
  lost ///< somebody was first
};

/// Creates `started` with O_EXCL. At most one caller ever wins, whatever the order. When it cannot be created, errno
/// says why as well.
expected<claim> claim_start(int directory, std::string_view content);

/// Content of `started`.
inline constexpr std::string_view started_by_keeper = "keeper\n";
inline constexpr std::string_view started_void = "void\n";

enum class start_state {
  absent, ///< nobody has claimed the start
  keeper, ///< a keeper has: the CLI may have run (also when the content is unknown)
  voided, ///< a supervisor has: the CLI never ran and never will
};

expected<start_state> read_start(int directory);

/// Removes a run directory, which nobody looks for any more, with all that is in it. `exit.json.part` goes first, and
/// when it stays, so does all else: a keeper that wakes while the names go finds `started` gone at most after the
/// draft, and begins nothing without that. Does nothing when the directory is not there; fails with `io`.
expected<void> remove_run_directory(const std::filesystem::path& path);

/// Whether a keeper holds the run's lock. True also when that cannot be told (out of descriptors, say): a run that is
/// called dead by mistake would be paid for twice.
bool is_keeper_alive(int directory);

} // namespace agent_dispatch
