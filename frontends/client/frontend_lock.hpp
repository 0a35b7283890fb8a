#pragma once

#include <filesystem>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"
#include "messages/ids.hpp"

namespace agent_dispatch {

/// The lock on `<state>/frontends/<uuid>`: while it is held, this frontend lives, and its requests are not orphaned. It
/// outlives connections, so that there is no gap between two supervisors. Used by one thread at a time.
class frontend_lock {
public:
  /// Takes the lock in that state directory; does nothing when it is held there already. On a fault the lock that was
  /// held stays so. Fault `io`.
  expected<void> hold(const std::filesystem::path& state, const frontend_id& frontend);

private:
  std::filesystem::path path_;
  unique_fd file_;
};

} // namespace agent_dispatch
