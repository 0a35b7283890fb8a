#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "actors/storage/supervisor_lock.hpp"

namespace agent_dispatch {

/// What is found where a supervisor would be.
enum class supervisor_presence {
  none,          ///< nobody holds the lock, and nothing is left of an earlier one
  stale_socket,  ///< nobody holds the lock; the socket of one that was killed is still there
  not_listening, ///< somebody holds the lock and nobody listens: it is coming up, leaving, or stuck
  hanging,       ///< it listens, and does not answer in time
  other_user,    ///< who listens is another user
  not_ours,      ///< what answers is no supervisor
  refusing,      ///< it does not take this version's protocol
  serving,
};

/// A look at a supervisor that changes nothing and starts none.
struct supervisor_probe {
  supervisor_presence presence = supervisor_presence::none;
  std::optional<supervisor_entry> entry; ///< what its lock's file says
  std::filesystem::path socket;          ///< where it was looked for
  int pid = 0;                           ///< of who listens; 0: nobody, or not known
  std::string version;                   ///< as it says itself, else as its entry does
  int live_runs = 0;
  int queued = 0;
};

/// False when the peer of a supervisor's socket is none. Where systemd listens it is systemd, or a supervisor that is
/// gone and whose pid may be another process's: nobody is to kill that.
bool may_be_ended(const supervisor_entry& entry, int peer);

/// Looks at `lock_file`, and at `usual_socket` when that names none. Greets whoever listens as a frontend without any
/// environment, and leaves again. Takes at most `limit`.
supervisor_probe probe_supervisor(const std::filesystem::path& lock_file, const std::filesystem::path& usual_socket,
                                  std::chrono::milliseconds limit);

} // namespace agent_dispatch
