#pragma once

#include <filesystem>

/// What ends a process without asking it, in the log's last line: std::terminate with the exception's text, and the
/// signals of a crash with their names. No core file is left in either case.
namespace agent_dispatch::log {

/// The exit code after std::terminate, and where a supervisor cannot go on: EX_SOFTWARE of sysexits.h.
inline constexpr int exit_software = 70;

/// From now on, for the whole process. `file`: the log, which `open` has opened. After a crash by a signal, that signal
/// ends the process as it would have without us.
void tell_fatal_ends(const std::filesystem::path& file);

} // namespace agent_dispatch::log
