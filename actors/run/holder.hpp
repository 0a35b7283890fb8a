#pragma once

#include <chrono>

namespace agent_dispatch {

/// The first argument of an agent-dispatch-run that holds a handover instead of keeping a run. Two more follow: the
/// path of its socket and that of the directory of requests.
inline constexpr const char* holder_argument = "--hold";

/// Descriptors that a holder is started with; no others but 0 to 2.
namespace holder_fd {
inline constexpr int socket = 3;  ///< listens at the path
inline constexpr int content = 4; ///< memfd, read-only: what is held
} // namespace holder_fd

/// Sent by who has read everything: the holder is not needed any more.
inline constexpr char holder_receipt = '+';

/// How a holder's process ends.
enum class holder_exit : int {
  taken = 0,
  not_needed = 10, ///< the socket is gone or another's, or no request waits
};

/// Holds what a supervisor that left on purpose leaves to the next one and what must be on no disk: whoever connects
/// (of the same user) gets all of it, and who has sent the receipt was the last one. Looks every `between` whether
/// there is still something to hold for.
holder_exit hold_until_taken(const char* socket_path, const char* requests, std::chrono::milliseconds between);

} // namespace agent_dispatch
