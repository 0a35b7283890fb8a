#pragma once

#include <chrono>

namespace agent_dispatch {

/// When something that has died is begun anew. The pause doubles from death to death, and is forgotten after a good
/// life. The clock is a value.
class restart_policy {
public:
  using clock = std::chrono::steady_clock;

  /// As a frontend's before it starts a supervisor (`redial_policy`).
  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::seconds longest_pause{30};
  /// Whoever lived for so long did not die of what it was asked first.
  static constexpr std::chrono::seconds good_life{10};
  /// Of one piece of work: whoever does it dies for the last time then, and the work is given up. As the relay counts
  /// supervisors.
  static constexpr int most_deaths = 3;

  void began(clock::time_point now) { began_ = now; }

  /// It has died. Returns when it may begin again.
  clock::time_point died(clock::time_point now);

  /// The pause after so many deaths in a row, from 1.
  static clock::duration pause_after(int deaths);

private:
  clock::time_point began_{};
  int deaths_ = 0; ///< in a row
};

} // namespace agent_dispatch
