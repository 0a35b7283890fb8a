#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/logic/output_event.hpp"

namespace agent_dispatch {

/// Offsets in stdout that decide which result counts; exit.json has them.
struct output_marks {
  std::optional<std::uint64_t> at_signal; ///< stdout's size before the first signal; absent: none was sent
  std::optional<std::uint64_t> at_end;    ///< stdout's size when the CLI was gone; absent: all of it counts
};

/// What a run's whole output says. All text is valid UTF-8.
struct parsed_output {
  /// The last result before the first mark, else the last before the second.
  std::optional<result_event> result;
  /// True when there is a result and it was there before the first signal, or none was sent.
  bool answered_in_time = false;
  /// What the run itself cost, US dollars: `model_usage_since_last_result` over all result events, also those after
  /// a mark; where no event has it, the last `total_cost_usd`.
  std::optional<double> cost_usd;
  /// What the agent itself said, its texts separated by a blank line; the newest when it was too much to keep.
  std::string agent_text;
  /// What stdout held besides events, trimmed; the oldest when it was too much to keep.
  std::string plain_text;
  std::optional<session_id> session; ///< as the CLI announced it when it began
  std::vector<std::string> denied;   ///< tools denied while it ran, each once, bounded like a result's
  std::uint64_t bytes = 0;           ///< fed in all
  bool has_events = false;
  bool plain_text_cut = false;
  std::size_t dropped_lines = 0; ///< lines over 64 MiB, not read
};

/// Reads the CLI's stdout as it grows: one JSON event a line, in `stream-json`; one array of events; or anything else.
///
/// Bytes may come in any cuts. Nothing throws, and nothing grows without bound: a line is kept up to 64 MiB, texts to
/// `limits::partial_text_bytes`, and of the results the last 64, or fewer when they are large, the newest two always.
/// Older ones could only count if as many had followed them after the first signal.
class output_parser : private event_sink {
public:
  output_parser() = default;

  /// Takes the next bytes. The events of all lines that these complete, in order.
  std::vector<output_event> feed(std::string_view bytes);

  /// Takes what is left as the last line and concludes. Once, after the last `feed`.
  parsed_output finish(const output_marks& marks);

  /// As soon as the CLI has announced it.
  const std::optional<session_id>& session() const { return session_; }

private:
  void on_result(result_event event) override;
  void on_agent_text(std::string_view escaped) override;
  void on_event(output_event event) override;

  void take_line(std::string_view line, std::uint64_t end);
  bool take_json(std::string_view text, std::uint64_t end);
  void take_plain(std::string_view line);
  void keep_incomplete(std::string_view bytes);
  void take_last_line();
  void drop_old_results();
  void add_denied(const std::string& tool);
  std::optional<double> cost() const;
  std::string agent_text() const;
  void choose_result(const output_marks& marks, parsed_output& output);

  std::string incomplete_; ///< the beginning of a line that has not ended
  bool overlong_ = false;  ///< that line is over the limit and being dropped
  std::uint64_t offset_ = 0;
  std::deque<result_event> results_;
  std::size_t result_bytes_ = 0;
  std::deque<std::string> agent_texts_; ///< still escaped: most are never shown
  std::size_t agent_text_bytes_ = 0;
  std::string plain_;
  bool plain_cut_ = false;
  bool has_events_ = false;
  std::size_t dropped_lines_ = 0;
  std::optional<session_id> session_;
  std::vector<std::string> denied_;
  std::optional<double> own_cost_;
  std::optional<double> total_cost_;
  std::vector<output_event> events_;
};

} // namespace agent_dispatch
