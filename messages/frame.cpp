#include "messages/frame.hpp"

#include <algorithm>
#include <charconv>

#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// Consumed bytes are moved out of the buffer in pieces of at least this, so that many short lines cost one move.
constexpr std::size_t worth_moving = 64u << 10;

} // namespace

std::string encode_frame(std::string_view verb, std::uint64_t number, std::string_view payload) {
  std::string line;
  line.reserve(verb.size() + payload.size() + 24);
  line.append(verb).append(" ").append(std::to_string(number));
  if (!payload.empty())
    line.append(" ").append(payload);
  line += '\n';
  return line;
}

expected<frame> decode_frame(std::string_view line) {
  const auto broken = [] {
    return failure(fault_kind::protocol, "a line on the socket is not of the form VERB NUMBER PAYLOAD");
  };
  const auto space = line.find(' ');
  if (space == 0 || space == std::string_view::npos)
    return broken();
  frame result{.verb = line.substr(0, space), .number = 0, .payload = {}};
  if (!std::all_of(result.verb.begin(), result.verb.end(), [](char c) { return c >= 'a' && c <= 'z'; }))
    return broken();
  line.remove_prefix(space + 1);
  const auto [end, problem] = std::from_chars(line.data(), line.data() + line.size(), result.number);
  if (problem != std::errc{})
    return broken();
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (line.empty())
    return result;
  if (line.front() != ' ')
    return broken();
  result.payload = line.substr(1);
  return result;
}

void line_splitter::drop_consumed() {
  if (start_ == buffer_.size()) {
    buffer_.clear();
    if (buffer_.capacity() > limits::idle_buffer_bytes)
      std::string{}.swap(buffer_); // assigning an empty one keeps the memory
  } else if (start_ >= worth_moving) {
    buffer_.erase(0, start_);
  } else {
    return;
  }
  scanned_ -= std::min(scanned_, start_);
  start_ = 0;
}

std::optional<expected<std::string_view>> line_splitter::next() {
  drop_consumed();
  scanned_ = std::max(scanned_, start_);
  const auto newline = buffer_.find('\n', scanned_);
  if (newline == std::string::npos) {
    scanned_ = buffer_.size();
    if (skipping_) {
      start_ = buffer_.size();
      return std::nullopt;
    }
    if (buffer_.size() - start_ <= limit_)
      return std::nullopt;
    skipping_ = true;
    start_ = buffer_.size();
    return failure(fault_kind::protocol, "a line is longer than " + std::to_string(limit_) + " bytes");
  }
  const auto from = start_;
  start_ = scanned_ = newline + 1;
  if (std::exchange(skipping_, false))
    return next();
  if (newline - from > limit_)
    return failure(fault_kind::protocol, "a line is longer than " + std::to_string(limit_) + " bytes");
  return std::string_view{buffer_}.substr(from, newline - from);
}

} // namespace agent_dispatch
