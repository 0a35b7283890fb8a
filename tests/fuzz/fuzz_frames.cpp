// Bytes as a peer may send them on the socket, in whatever pieces: the same lines come out as when they arrive at once.

#include <cstdint>
#include <string>
#include <vector>

#include "messages/frame.hpp"
#include "tests/fuzz/invariant.hpp"

namespace {

using namespace agent_dispatch;

constexpr std::size_t line_limit = 64;

struct cut_line {
  bool is_whole;
  std::string bytes;

  bool operator==(const cut_line&) const = default;
};

void take_lines(line_splitter& splitter, std::vector<cut_line>& lines) {
  while (const auto line = splitter.next())
    lines.push_back(*line ? cut_line{true, std::string{**line}} : cut_line{false, {}});
}

void check_frame(std::string_view line) {
  const auto decoded = decode_frame(line);
  if (!decoded)
    return;
  const auto again = encode_frame(decoded->verb, decoded->number, decoded->payload);
  INVARIANT(!again.empty() && again.back() == '\n');
  const auto twice = decode_frame(std::string_view{again}.substr(0, again.size() - 1));
  INVARIANT(twice && twice->verb == decoded->verb && twice->number == decoded->number &&
            twice->payload == decoded->payload);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  // The first byte seeds the cuts.
  std::uint32_t state = data[0];
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};

  line_splitter at_once{line_limit};
  at_once.feed(bytes);
  std::vector<cut_line> expected_lines;
  take_lines(at_once, expected_lines);

  line_splitter in_pieces{line_limit};
  std::vector<cut_line> lines;
  for (std::size_t at = 0; at < bytes.size();) {
    state = state * 1664525u + 1013904223u;
    const auto piece = bytes.substr(at, 1 + (state >> 24u) % 40u);
    in_pieces.feed(piece);
    take_lines(in_pieces, lines);
    INVARIANT(in_pieces.pending() <= line_limit + 1);
    at += piece.size();
  }
  INVARIANT(lines == expected_lines);
  for (const auto& line : lines) {
    INVARIANT(line.bytes.size() <= line_limit && line.bytes.find('\n') == std::string::npos);
    if (line.is_whole)
      check_frame(line.bytes);
  }
  return 0;
}
