#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "messages/call_status.hpp"

namespace agent_dispatch {

enum class wait_phase {
  connecting,   ///< to a supervisor, which is started when there is none
  reconnecting, ///< to the next one
  waiting,
  cancelling, ///< the first Ctrl-C
  stopping,   ///< the supervisor itself
};

/// What a command waits for, as far as it is known.
struct waiting_view {
  std::string subject; ///< an agent, two that talk, a job; text of others
  wait_phase phase = wait_phase::connecting;
  call_status status{};
  std::optional<double> spent{}; ///< US dollars, by jobs that have ended while others were waited for
  std::size_t jobs_left = 0;     ///< of several jobs, the one in the line among them; 0: not said
};

/// One line that says what is waited for, how long already, and what it costs: `infra  1:07  Using tool: Bash`. Made
/// fit for a terminal, and cut to `columns`; "" where there is no room for anything.
std::string status_line(const waiting_view& view, std::chrono::seconds elapsed, std::size_t columns);

/// `0:42`, `2:03:04`.
std::string elapsed_text(std::chrono::seconds elapsed);

/// Columns that valid UTF-8 takes on a terminal: wide characters two, those that join the one before none. What
/// terminals do not agree on is counted as more rather than less.
std::size_t display_width(std::string_view text);

/// The beginning of valid UTF-8 that has room in `columns`, with an ellipsis where something is missing.
std::string cut_to_width(std::string_view text, std::size_t columns);

/// Text of others on one line: no control characters, none that change the direction of writing, each run of blanks
/// one space.
std::string one_line(std::string_view text);

} // namespace agent_dispatch
