#pragma once

#include <chrono>

#include "actors/run/unique_fd.hpp"
#include "frontends/daemon_options.hpp"

namespace agent_dispatch {

struct started_supervisor {
  bool is_ours = false; ///< false: another process won the race, and its supervisor is coming up
  unique_fd lifeline;   ///< of an embedded one
};

/// Starts agent-dispatchd, which lies beside this program, and waits until it serves, has found another, or has failed.
/// Faults: `supervisor_missing`, with what the supervisor said; `lost`: it ended without a word.
expected<started_supervisor> start_supervisor(daemon_options options, std::chrono::steady_clock::time_point until);

/// Becomes the supervisor, in the foreground. Returns only when that fails.
fault become_supervisor(daemon_options options);

} // namespace agent_dispatch
