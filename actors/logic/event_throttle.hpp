#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "messages/run.hpp"

namespace agent_dispatch {

/// Lets what a run does through at once, up to `limits::events_at_once` events in each `limits::event_window`. Of what
/// is more it keeps the last ones for the next window, and says in a note how many were left out, so that a run that
/// floods costs its listeners no more than one that talks. A plain value; the clock is given.
class event_throttle {
public:
  using clock = std::chrono::steady_clock;

  void offer(progress_event event);

  /// What may be told now, in order.
  std::vector<progress_event> take(clock::time_point now);

  /// What is left: the run has ended.
  std::vector<progress_event> take_rest();

  /// When there is more to take; absent: nothing is kept.
  std::optional<clock::time_point> next() const;

private:
  void note_what_was_left_out(std::vector<progress_event>& told);

  std::deque<progress_event> kept_;
  std::size_t left_out_ = 0;
  std::size_t told_ = 0; ///< in this window
  std::optional<clock::time_point> window_;
};

} // namespace agent_dispatch
