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

/// What a service manager hands to `supervise`, in systemd's environment variables (sd_listen_fds(3), sd_notify(3)).
struct service_sockets {
  int listening = -1; ///< a listening Unix socket; -1: none
  std::string notify; ///< where it is told that the supervisor serves: a path, or `@` and an abstract name; "": nowhere
};

/// Fault `invalid_argument`: more than one socket was handed over.
expected<service_sockets> find_service_sockets(const environment_lookup& environment);

/// Becomes the supervisor, in the foreground. Returns only when that fails.
fault become_supervisor(daemon_options options);

} // namespace agent_dispatch
