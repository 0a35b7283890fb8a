#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

namespace agent_dispatch {

/// One process as /proc shows it at one moment.
struct process_entry {
  pid_t pid = 0;
  pid_t parent = 0;
  unsigned long long start_time = 0; ///< clock ticks since boot; with the pid it names one process for ever
  std::string name;                  ///< at most 15 bytes, chosen by the process itself
  bool ended = false;                ///< a zombie: nothing of it runs any more
  bool ours = false;                 ///< its effective user is ours, as far as /proc tells
};

/// Calls `visit` with each process that /proc shows, in the order of their numbers, right after it was looked at. The
/// list is read in small pieces, so that a process that has just been made is met and not missed. What ends meanwhile
/// is left out.
void visit_processes(const std::function<void(const process_entry&)>& visit);

/// All of them, as `visit_processes` gives them. Empty when /proc is not there.
std::vector<process_entry> read_process_table();

/// One process; nothing when it is gone.
std::optional<process_entry> read_process(pid_t pid);

/// The children of this single-threaded process, zombies included. Nothing when the kernel does not tell.
std::optional<std::vector<pid_t>> read_own_children();

/// Whether the process was started with `entry` ("NAME=value", exactly) in its environment. False when it cannot be
/// read: another user's, or one that is not dumpable.
bool has_in_environment(pid_t pid, std::string_view entry);

/// Whether the process has an open-file-description lock, or does not let us look. False when it has none.
bool may_hold_lock(pid_t pid);

/// Sends a signal to exactly that process: nothing happens when the pid belongs to another one by now. Returns false
/// when it is gone or may not be signalled.
bool signal_process(const process_entry& process, int signal_number);

} // namespace agent_dispatch
