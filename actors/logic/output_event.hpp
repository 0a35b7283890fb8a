#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "actors/logic/json_span.hpp"
#include "messages/ids.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// A `result` object of the CLI. Members that are absent or of the wrong type are absent here. All text is valid UTF-8.
struct result_event {
  std::uint64_t end = 0;           ///< offset in stdout just behind the object's line, its newline not counted
  std::optional<std::string> text; ///< `result`; a value that is no string as its JSON text
  bool is_error = false;           ///< without `is_error`: whether the subtype begins with "error"
  std::string subtype;
  std::string terminal_reason;
  std::optional<std::int64_t> api_status; ///< `api_error_status`: of HTTP, when the API refused
  std::optional<session_id> session;
  std::optional<double> total_cost_usd;            ///< of the session or the process; US dollars, ≥ 0
  std::optional<double> cost_since_last_result;    ///< sum over `model_usage_since_last_result`; US dollars, ≥ 0
  std::optional<std::int64_t> duration_ms;         ///< ≥ 0
  std::optional<std::int64_t> num_turns;           ///< ≥ 0
  std::optional<std::vector<std::string>> denials; ///< tool names, each once; bounded as `limits::denied_tools` says
  std::vector<std::string> errors;                 ///< bounded as `limits::errors` says

  bool operator==(const result_event&) const = default;
};

/// The CLI could not reach its API and tries again.
struct api_retry {
  std::optional<std::int64_t> attempt; ///< from 1
  std::optional<std::int64_t> max_retries;
  std::optional<std::chrono::milliseconds> delay;
  std::optional<std::int64_t> status; ///< of HTTP
  std::string error;                  ///< a word of the CLI: "overloaded", "authentication_failed"

  bool operator==(const api_retry&) const = default;
};

/// A tool call was denied; at most `limits::denied_tool_characters`.
struct tool_denied {
  std::string tool;

  bool operator==(const tool_denied&) const = default;
};

/// The CLI has begun, in this session.
struct session_began {
  session_id session;

  bool operator==(const session_began&) const = default;
};

/// What an event says that someone may want to see while the run goes on.
using output_event = std::variant<progress_event, api_retry, tool_denied, session_began>;

/// Who reads a run's output event by event.
class event_sink {
public:
  virtual ~event_sink() = default;

  virtual void on_result(result_event event) = 0;
  /// A text of the agent itself, not of a subagent: a JSON string's inside, still escaped, valid during the call.
  virtual void on_agent_text(std::string_view escaped) = 0;
  virtual void on_event(output_event event) = 0;
};

/// Tells `sink` what an event says; nothing for kinds that nobody asks about. `end` is the offset behind its line.
/// False when `value` is no event: an event is an object with a text `type`.
bool read_event(const json_span& value, std::uint64_t end, event_sink& sink);

} // namespace agent_dispatch
