#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// A descriptor of ours, and its number in a process that is started.
struct placed_fd {
  int ours = -1;
  int theirs = -1;
};

/// agent-dispatch-run, held open: an upgrade or removal of the file changes nothing for this supervisor.
class keeper_program {
public:
  /// Fails with `io` when there is no executable file at `path`.
  static expected<keeper_program> open(const std::filesystem::path& path);

  /// Starts it in a session of its own with these arguments, the first one being its name, nearly no environment, and
  /// these descriptors (numbers up to 5) beside /dev/null for those of 0 to 2 that are not among them. Returns its pid,
  /// a child of this process.
  expected<pid_t> start(std::vector<std::string> arguments, std::vector<placed_fd> descriptors) const;

  int fd() const noexcept { return fd_.get(); }

private:
  explicit keeper_program(unique_fd fd) : fd_{std::move(fd)} {}
  unique_fd fd_;
};

/// Waits for the end of a process that `start` has started.
void reap_keeper(pid_t keeper);

/// A sealed memfd with `bytes`, at its start.
expected<unique_fd> hold_in_memory(const char* name, std::string_view bytes);

} // namespace agent_dispatch
