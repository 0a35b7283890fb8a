#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace agent_dispatch {

/// Decides when one request's progress is told: each event as it happens, but at most ten a second (those in between
/// are told together), and a sign of life after 15 s of silence. Knows no clock: the time is given.
class progress_pacer {
public:
  using time = std::chrono::steady_clock::time_point;

  static constexpr std::chrono::milliseconds shortest_pause{100};
  static constexpr std::chrono::seconds longest_silence{15};

  explicit progress_pacer(time now) : last_{now - shortest_pause} {}

  /// Of events that wait, so much is kept: the newest.
  static constexpr std::size_t waiting_bytes = 4096;

  /// Takes an event. What is to be told now, if anything; else it waits for `due`.
  std::optional<std::string> offer(std::string_view text, time now);

  /// What has waited long enough, if anything.
  std::optional<std::string> due(time now);

  /// What still waits, whatever the time: the last word before an answer.
  std::optional<std::string> rest();

  /// True when nothing has been told for too long. The teller then says something and calls `told`.
  bool is_silent(time now) const { return now - last_ >= longest_silence; }
  void told(time now) { last_ = now; }

  /// When to ask again.
  time next() const { return waiting_ ? last_ + shortest_pause : last_ + longest_silence; }

private:
  time last_;
  std::optional<std::string> waiting_;
};

} // namespace agent_dispatch
