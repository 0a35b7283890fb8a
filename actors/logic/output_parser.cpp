#include "actors/logic/output_parser.hpp"

#include <algorithm>
#include <utility>

#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t kept_results = 64;
constexpr std::size_t kept_result_bytes = limits::frame_bytes;
constexpr std::size_t newest_results = 2;
/// What a kept text costs besides its bytes, so that many tiny ones are bounded too.
constexpr std::size_t text_overhead = 64;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n\f\v";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::size_t size_of(const result_event& result) { return result.text ? result.text->size() : 0; }

} // namespace

std::vector<output_event> output_parser::feed(std::string_view bytes) {
  events_.clear();
  while (!bytes.empty()) {
    const std::size_t newline = bytes.find('\n');
    if (newline == std::string_view::npos) {
      keep_incomplete(bytes);
      offset_ += bytes.size();
      break;
    }
    const std::string_view rest = bytes.substr(0, newline);
    const std::uint64_t end = offset_ + newline;
    if (incomplete_.empty() && !overlong_) {
      take_line(rest, end);
    } else {
      keep_incomplete(rest);
      if (!overlong_)
        take_line(incomplete_, end);
      incomplete_.clear();
      overlong_ = false;
    }
    offset_ = end + 1;
    bytes.remove_prefix(newline + 1);
  }
  return std::exchange(events_, {});
}

void output_parser::keep_incomplete(std::string_view bytes) {
  if (overlong_)
    return;
  if (incomplete_.size() + bytes.size() > limits::frame_bytes) {
    overlong_ = true;
    ++dropped_lines_;
    incomplete_ = {};
    return;
  }
  incomplete_.append(bytes);
}

void output_parser::take_line(std::string_view line, std::uint64_t end) {
  if (!take_json(line, end))
    take_plain(line);
}

bool output_parser::take_json(std::string_view text, std::uint64_t end) {
  const auto value = json_span::whole(text);
  if (!value)
    return false;
  bool found = read_event(*value, end, *this);
  if (value->is_array())
    for (json_cursor items{*value}; items.next();)
      found = read_event(items.value(), end, *this) || found;
  has_events_ = has_events_ || found;
  return found;
}

void output_parser::take_plain(std::string_view line) {
  if (plain_.empty() && trimmed(line).empty())
    return;
  const std::size_t room = limits::partial_text_bytes - plain_.size();
  plain_cut_ = plain_cut_ || line.size() > room;
  plain_.append(line.substr(0, room));
  if (plain_.size() < limits::partial_text_bytes)
    plain_ += '\n';
}

void output_parser::on_result(result_event event) {
  if (event.cost_since_last_result)
    own_cost_ = own_cost_.value_or(0) + *event.cost_since_last_result;
  if (event.total_cost_usd)
    total_cost_ = event.total_cost_usd;
  result_bytes_ += size_of(event);
  results_.push_back(std::move(event));
  drop_old_results();
}

void output_parser::drop_old_results() {
  while (results_.size() > kept_results || (results_.size() > newest_results && result_bytes_ > kept_result_bytes)) {
    result_bytes_ -= size_of(results_.front());
    results_.pop_front();
  }
}

void output_parser::on_agent_text(std::string_view escaped) {
  const auto kept = escaped.substr(0, limits::partial_text_bytes);
  if (kept.empty())
    return;
  agent_text_bytes_ += kept.size() + text_overhead;
  agent_texts_.emplace_back(kept);
  while (agent_texts_.size() > 1 && agent_text_bytes_ > limits::partial_text_bytes) {
    agent_text_bytes_ -= agent_texts_.front().size() + text_overhead;
    agent_texts_.pop_front();
  }
}

void output_parser::on_event(output_event event) {
  if (const auto* began = std::get_if<session_began>(&event))
    session_ = began->session;
  else if (const auto* denied = std::get_if<tool_denied>(&event))
    add_denied(denied->tool);
  events_.push_back(std::move(event));
}

void output_parser::add_denied(const std::string& tool) {
  if (!tool.empty() && denied_.size() < limits::denied_tools &&
      std::find(denied_.begin(), denied_.end(), tool) == denied_.end())
    denied_.push_back(tool);
}

void output_parser::take_last_line() {
  if (overlong_ || incomplete_.empty())
    return;
  const std::string line = std::exchange(incomplete_, {});
  // An event that was cut off when the CLI died is no answer.
  const bool torn = has_events_ && trimmed(line).starts_with('{') && !json_span::whole(line);
  if (!torn && !take_json(line, offset_))
    take_plain(line);
}

std::optional<double> output_parser::cost() const { return own_cost_ ? own_cost_ : total_cost_; }

std::string output_parser::agent_text() const {
  std::string text;
  for (const auto& part : agent_texts_) {
    if (!text.empty())
      text += "\n\n";
    text += decode_json_string(part);
  }
  return text;
}

void output_parser::choose_result(const output_marks& marks, parsed_output& output) {
  const auto last_before = [&](const std::optional<std::uint64_t>& mark) {
    return std::find_if(results_.rbegin(), results_.rend(), [&](const auto& r) { return !mark || r.end <= *mark; });
  };
  auto chosen = last_before(marks.at_signal ? marks.at_signal : marks.at_end);
  output.answered_in_time = chosen != results_.rend();
  if (!output.answered_in_time)
    chosen = last_before(marks.at_end);
  if (chosen != results_.rend())
    output.result = std::move(*chosen);
}

parsed_output output_parser::finish(const output_marks& marks) {
  take_last_line();
  // A result may be one JSON value over several lines.
  if (!has_events_ && !plain_cut_ && !plain_.empty() && take_json(plain_, offset_))
    plain_.clear();
  parsed_output output;
  choose_result(marks, output);
  output.cost_usd = cost();
  output.agent_text = agent_text();
  output.plain_text = to_valid_utf8(trimmed(plain_));
  output.session = session_;
  output.denied = denied_;
  output.bytes = offset_;
  output.has_events = has_events_;
  output.plain_text_cut = plain_cut_;
  output.dropped_lines = dropped_lines_;
  return output;
}

} // namespace agent_dispatch
