#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace agent_dispatch {

/// How safely something is written down.
enum class durability : std::uint8_t {
  page_cache, ///< survives any process; for a synchronous request, whose caller goes with the machine
  disk,       ///< fsynced: survives the machine; for jobs
};

/// Why a keeper ended its run; `none`: the CLI exited by itself.
enum class end_reason {
  none,
  deadline,     ///< the deadline passed
  cancelled,    ///< told to through the control FIFO
  output_limit, ///< stdout and stderr together grew over the limit
};

/// How a run's process ended: exit.json, written by the keeper when nothing of the run is left that must end.
struct exit_record {
  bool started = false;         ///< false: the CLI could not be executed; see `start_errno`
  int start_errno = 0;          ///< errno of the failed step
  std::string start_step;       ///< `chdir`, `execve`, …; "" when started
  std::optional<int> exit_code; ///< absent when it died by a signal or never started
  std::optional<int> signal;    ///< the signal it died by
  end_reason reason = end_reason::none;
  /// Size of stdout, bytes, just before the first signal was sent; absent when none was. The last result before it is
  /// the answer, else the last before `output_end`.
  std::optional<std::uint64_t> output_at_signal;
  std::uint64_t output_end = 0; ///< size of stdout when the CLI was gone
  std::int64_t wall_ms = 0;     ///< CLOCK_MONOTONIC, from start to the end of the CLI
  bool disk_full = false;       ///< when it ended there was no room for more output: what is there may be cut
  int left_over = 0;            ///< processes that could not be ended within the sweep's 5 s

  bool operator==(const exit_record&) const = default;
};

} // namespace agent_dispatch
