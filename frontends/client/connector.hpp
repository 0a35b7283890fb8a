#pragma once

#include <memory>
#include <optional>

#include "frontends/client/supervisor_link.hpp"

namespace agent_dispatch {

/// Connects on a thread of its own, so that whoever waits can do other things, and leave, meanwhile.
///
/// Used from one thread. An attempt that is under way when this is destroyed is left to itself: it touches nothing but
/// what it shares, and ends with the process. Signals that must not end up on it have to be blocked before `start`.
class connector {
public:
  explicit connector(link_request request);

  /// Begins an attempt, unless one is under way.
  void start();
  bool is_busy() const { return busy_; }
  /// Readable once an attempt has ended.
  int descriptor() const;
  /// How the attempt ended; absent: it has not yet.
  std::optional<expected<supervisor_link>> take();

private:
  struct shared;

  std::shared_ptr<shared> shared_;
  bool busy_ = false;
};

} // namespace agent_dispatch
