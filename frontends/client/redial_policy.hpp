#pragma once

#include <chrono>
#include <optional>

#include "frontends/client/kept_requests.hpp"

namespace agent_dispatch {

/// When a frontend connects to a supervisor. The clock is a value.
///
///     due ──trying──▶ trying ──connected──▶ connected ──lost──▶ due
///      ▲                 └──failed──▶ content ◀──planned end, nothing waits──┘
///      └──────────────wanted─────────────┘
///
/// The pause before an attempt doubles with each connection that came to nothing, and is forgotten after one that lived
/// for a while or answered something.
class redial_policy {
public:
  using clock = std::chrono::steady_clock;
  using time = clock::time_point;

  static constexpr std::chrono::milliseconds first_pause{100};
  static constexpr std::chrono::seconds longest_pause{30};
  /// A connection that lived for so long was a good one, whatever came over it.
  static constexpr std::chrono::seconds good_life{10};

  /// The first attempt is due at once.
  explicit redial_policy(time now) : next_{now} {}

  /// When the next attempt is due. Absent: none is.
  std::optional<time> next() const { return now_ == phase::due ? std::optional{next_} : std::nullopt; }

  /// No attempt will be made before `wanted`.
  bool is_content() const { return now_ == phase::content; }

  void trying() { now_ = phase::trying; }
  void connected(time now);
  /// The present supervisor has answered a request.
  void heard() { pause_ = {}; }
  /// The connection is gone. `waits`: something is kept that it has not answered. After a death an attempt is always
  /// due: a job in a queue may need this frontend's environment.
  void lost(time now, supervisor_end how, bool waits);
  /// The attempt has failed, and another one would too.
  void failed() { now_ = phase::content; }
  /// The client has said something.
  void wanted(time now);

private:
  enum class phase { due, trying, connected, content };

  void lengthen_pause();

  phase now_ = phase::due;
  time next_;
  time since_; ///< of the present connection
  clock::duration pause_{};
};

} // namespace agent_dispatch
