#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// One message on the socket between a frontend and the supervisor, in either direction:
///
///     VERB SP NUMBER [SP PAYLOAD] LF
///
/// VERB is lower-case letters. NUMBER is decimal: the line of the client that the frame carries or speaks of, 0 when it
/// speaks of none. PAYLOAD is bytes without LF, most often JSON. docs/protocol.md lists the verbs.
struct frame {
  std::string_view verb;
  std::uint64_t number = 0;
  std::string_view payload;
};

/// The bytes of a frame, with its LF.
std::string encode_frame(std::string_view verb, std::uint64_t number, std::string_view payload);

/// Reads a line without its LF. Fault `protocol`: it is not a frame. The views point into `line`.
expected<frame> decode_frame(std::string_view line);

/// Cuts a stream of bytes into lines, whatever way they arrive.
class line_splitter {
public:
  /// `limit`: bytes in a line, LF left out.
  explicit line_splitter(std::size_t limit) : limit_{limit} {}

  void feed(std::string_view bytes) { buffer_.append(bytes); }

  /// The next whole line without its LF, or nothing yet. The view is good until the next call of any member. A line
  /// over the limit is given as fault `protocol`, once, and its remaining bytes are passed over.
  std::optional<expected<std::string_view>> next();

  /// Bytes kept that are not yet a line.
  std::size_t pending() const noexcept { return buffer_.size() - start_; }
  /// Bytes of memory for them. None is kept that only a long line needed.
  std::size_t capacity() const noexcept { return buffer_.capacity(); }

private:
  void drop_consumed();

  std::size_t limit_;
  std::string buffer_;
  std::size_t start_ = 0;   ///< of the unread part of buffer_
  std::size_t scanned_ = 0; ///< no LF before this
  bool skipping_ = false;   ///< inside a line over the limit
};

} // namespace agent_dispatch
