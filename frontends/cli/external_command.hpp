#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace agent_dispatch {

/// How another program's run ended.
struct command_outcome {
  int start_errno = 0;          ///< not 0: it could not be started, and nothing else here counts
  bool timed_out = false;       ///< it was killed at the limit, with its process group
  std::optional<int> exit_code; ///< absent when it died by a signal
  std::string output;           ///< the first 64 KiB of what it wrote, both outputs together
};

/// Runs a program with its input from /dev/null and waits for it, at most `limit`. What it leaves behind and still
/// holds the outputs is not waited for.
command_outcome run_command(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                            std::chrono::milliseconds limit);

/// The first executable file of that name in the directories of a PATH. Empty parts of it count as nothing: the working
/// directory is nobody's place for programs.
std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view path);

} // namespace agent_dispatch
