#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace agent_dispatch {

/// How the API said that it has too much to do.
struct api_trouble {
  std::optional<std::int64_t> status{}; ///< of HTTP; absent: it did not answer at all
  std::optional<std::chrono::milliseconds>
      pause{}; ///< for which the CLI waits before it asks again; counts up to `longest`
};

/// True when such a status says that the API cannot take more now, not that this one request is wrong: 408, 429, 5xx
/// (Anthropic's 529 among them), or none.
bool is_overload(const std::optional<std::int64_t>& status);

/// How far apart runs may start while the API turns requests away, whoever's they are. The time between two starts is
/// nothing at first, `shortest` after the first trouble, and twice as long after each trouble that comes when the last
/// step has had time to work; all troubles before that are of the same wave and keep the step. It is halved when for
/// `calm_steps` times its length there was no trouble, and when a run that began after the last one has succeeded.
///
///     start_interval │            ┌──8──┐
///                    │      ┌──4──┘     └──4──────┐
///                    │ ┌─2──┘                     └──2──…
///                    └─┴── trouble ── calm, or a run that succeeds ──▶ time
///
/// A plain value; the clock is given.
class overload_policy {
public:
  using clock = std::chrono::steady_clock;

  static constexpr std::chrono::milliseconds shortest{1000};
  static constexpr std::chrono::milliseconds longest{60'000};
  static constexpr int calm_steps = 2;

  void trouble(const api_trouble& what, clock::time_point now);

  /// A run has been started.
  void started(clock::time_point now);

  /// A run that began at `begun` has succeeded.
  void succeeded(clock::time_point begun, clock::time_point now);

  /// When the next run may start; absent: at once.
  std::optional<clock::time_point> next_start(clock::time_point now);

  /// Between two starts; 0: no limit.
  std::chrono::milliseconds start_interval(clock::time_point now);

  /// Of the last trouble.
  const std::optional<std::int64_t>& last_status() const { return last_status_; }

private:
  void relax(clock::time_point now);
  void halve();

  std::chrono::milliseconds interval_{0};
  clock::time_point raised_at_{};
  clock::time_point last_trouble_{};
  clock::time_point quiet_since_{};  ///< the last trouble, or the end of its pause, or the last step down
  clock::time_point spaced_from_{};  ///< the last start, or the last step up
  clock::time_point paused_until_{}; ///< by the CLI's own word
  std::optional<std::int64_t> last_status_;
};

} // namespace agent_dispatch
