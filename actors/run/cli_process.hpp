#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "actors/run/launch_order.hpp"
#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

/// What kept the CLI from being executed.
struct start_failure {
  std::string step; ///< `fork`, `chdir`, `execve`, …
  int error = 0;    ///< errno
};

/// The agent's CLI, as a child of a single-threaded keeper. It runs in a session of its own, dies with the keeper, and
/// has exactly three descriptors.
class cli_process {
public:
  /// Forks and executes. stdin is the keeper's descriptor 0; `output_fd` and `error_fd` become 1 and 2. What fails in
  /// the child is known when it has ended (`start_failed`); a failure to fork at once.
  std::optional<start_failure> start(const launch_order& order, int output_fd, int error_fd);

  /// Signals the CLI's process group, and lets it continue should it be stopped. Nothing once it is reaped.
  void signal_group(int signal_number) const;

  /// Reaps every child that has ended, the CLI among them. Returns whether the CLI is gone.
  bool reap();

  bool gone() const { return gone_; }
  /// As waitpid gives it; meaningful when `gone`.
  int wait_status() const { return status_; }
  /// Once it is gone: what kept it from being executed, or nothing.
  std::optional<start_failure> start_failed() const;

private:
  pid_t pid_ = -1;
  int status_ = 0;
  bool gone_ = true;
  unique_fd failure_pipe_; ///< read end; the write end closes when the CLI is executed
};

} // namespace agent_dispatch
