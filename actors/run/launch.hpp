#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

#include <sys/types.h>

#include "actors/run/control.hpp"
#include "actors/run/exit_reading.hpp"
#include "actors/run/keeper_program.hpp"
#include "actors/run/launch_order.hpp"
#include "actors/run/prepared_directory.hpp"
#include "actors/run/program_search.hpp"
#include "actors/run/run_directory.hpp"
#include "actors/run/sweep.hpp"
#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"
#include "messages/ids.hpp"
#include "messages/process.hpp"

/// Starting runs and finding them again, from the supervisor's side. Everything here blocks, if only for the disk: it
/// belongs into a detached actor. All functions may be called from any thread.
namespace agent_dispatch {

/// A run whose keeper has been started.
struct launched_run {
  /// Write end of the FIFO, non-blocking, CLOEXEC: for `send_cancel` and `send_extend`. poll and epoll report an error
  /// on it (POLLERR) as soon as the keeper has let go of the run, and not before; exit.json is there by then or never.
  unique_fd control;
  unique_fd output;  ///< the run's stdout, read-only, at its start, CLOEXEC. It grows; it may shrink, when a script
                     ///< truncates it
  pid_t keeper = -1; ///< a child of this process, to be reaped: `reap_keeper`. For nothing else
};

/// Makes the run directory (which must not exist, and whose parent must), of `prepared` where there is one on the same
/// file system, and starts the keeper in it. Returns as soon as the keeper is executed; whether it could start the CLI
/// is in exit.json. On failure nothing was started, nothing ever will be, and the directory is gone again unless it was
/// there before.
expected<launched_run> launch(const keeper_program& program, const std::filesystem::path& run_directory,
                              const launch_order& order, std::string_view prompt, std::string_view run_json,
                              std::optional<prepared_directory> prepared = std::nullopt);

/// A run directory that an earlier supervisor has left.
struct adopted {
  bool alive = false; ///< a keeper holds the lock; `control` and `output` can be used as those of a launched run
  start_state start = start_state::absent; ///< as it was before the lock was looked at; when alive, maybe out of date
  std::optional<exit_record> exit; ///< read after the lock was found free; absent when alive, or malformed: a power
                                   ///< cut leaves such ones
  unique_fd control;               ///< empty when nobody is alive
  unique_fd output;                ///< empty when there is no stdout
};

/// What has become of a run. Changes nothing. Not alive, no exit and
///   start `absent`: claim it (`claim_void`); who wins may start the run anew, in a new directory;
///   start `keeper`: it is lost. Sweep by its mark, never start it again;
///   start `voided`: it never ran.
/// Fails with `io` when the directory cannot be read, with `version_mismatch` when exit.json is a newer program's.
expected<adopted> adopt(const std::filesystem::path& run_directory);

/// Claims the start of a run that has no keeper, so that none can come late. `won`: it never ran and never will.
expected<claim> claim_void(const std::filesystem::path& run_directory);

/// As the function on descriptors: true as well when it cannot be told. False when the directory is not there.
bool is_keeper_alive(const std::filesystem::path& run_directory);

} // namespace agent_dispatch
