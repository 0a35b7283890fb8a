#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "frontends/client/supervisor_link.hpp"

namespace agent_dispatch {

/// Connects on a thread of its own, so that whoever waits can do other things, and leave, meanwhile.
///
/// Used from one thread. An attempt that is under way when this is destroyed is left to itself: it touches nothing but
/// what it shares, and ends with the process. It takes no signals.
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

/// Called at once, and again whenever the time has come that it returned.
using ticker = std::function<std::chrono::steady_clock::time_point()>;

/// Until a ticker is due, for poll: milliseconds.
int milliseconds_until(std::chrono::steady_clock::time_point time);

/// `connect_supervisor`, with `tick` called on this thread meanwhile; may be empty.
expected<supervisor_link> connect_supervisor(const link_request& request, const ticker& tick);

} // namespace agent_dispatch
