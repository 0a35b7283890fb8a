#pragma once

#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

/// What asking for a lock came to.
enum class lock_state {
  free,  ///< nobody holds it; from `try_lock`: it is ours now
  held,  ///< somebody holds it
  error, ///< it cannot be told; errno says why
};

/// Takes the open-file-description lock on the whole file. It belongs to the open file, not to the process: it is
/// released when the last descriptor that shares it is closed, by exit and kill too, and by nothing else. `fd` must be
/// open for writing, and CLOEXEC: a child that kept it would keep the lock.
lock_state try_lock(int fd);

/// Whether somebody else holds such a lock on the file. Takes nothing; `fd` may be read-only.
lock_state probe_lock(int fd);

} // namespace agent_dispatch
