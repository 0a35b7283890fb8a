#include "messages/frame.hpp"

#include <catch2/catch.hpp>

#include <vector>

#include "messages/limits.hpp"

using namespace agent_dispatch;

namespace {

/// A line that was too long is shown as "!".
std::vector<std::string> drain(line_splitter& lines) {
  std::vector<std::string> found;
  while (const auto line = lines.next())
    found.emplace_back(*line ? std::string{**line} : "!");
  return found;
}

std::vector<std::string> cut(std::string_view bytes, std::size_t piece, std::size_t limit) {
  line_splitter lines{limit};
  std::vector<std::string> found;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    lines.feed(bytes.substr(at, piece));
    for (auto& line : drain(lines))
      found.push_back(std::move(line));
  }
  return found;
}

using lines_of_text = std::vector<std::string>;

} // namespace

TEST_CASE("A frame is a verb, a number and perhaps a payload") {
  CHECK(encode_frame("line", 7, "{\"a\":1}") == "line 7 {\"a\":1}\n");
  CHECK(encode_frame("eof", 0, "") == "eof 0\n");
  CHECK(encode_frame("line", 18446744073709551615U, "x") == "line 18446744073709551615 x\n");
}

TEST_CASE("A frame comes back as it was") {
  const std::string bytes{"  \0\xff\r x", 7};
  for (const std::string_view payload : {std::string_view{}, std::string_view{"{}"}, std::string_view{bytes}})
    for (const std::uint64_t number : {std::uint64_t{0}, std::uint64_t{1}, UINT64_MAX}) {
      auto line = encode_frame("answer", number, payload);
      REQUIRE(line.back() == '\n');
      line.pop_back();
      const auto back = decode_frame(line);
      REQUIRE(back);
      CHECK(back->verb == "answer");
      CHECK(back->number == number);
      CHECK(back->payload == payload);
    }
}

TEST_CASE("The blank behind the number belongs to the form, all others to the payload") {
  CHECK(decode_frame("a 1 ")->payload.empty());
  CHECK(decode_frame("a 1  b ")->payload == " b ");
}

TEST_CASE("What is no frame is a fault of the protocol") {
  for (const auto* line :
       {"", " ", "hello", "hello ", " 1 x", "Hello 1", "hel-lo 1", "hello1 1", "hello x", "hello -1", "hello +1",
        "hello  1", "hello 1x", "hello 1\tx", "hello 18446744073709551616", "{\"a\": 1}", "\xc3\xa4 1"}) {
    CAPTURE(line);
    const auto result = decode_frame(line);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == fault_kind::protocol);
  }
}

TEST_CASE("Lines are the same in whatever pieces their bytes arrive") {
  const std::string_view bytes = "one\n\ntwo two\r\n\n\nfive\nrest";
  const lines_of_text expected_lines{"one", "", "two two\r", "", "", "five"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    CHECK(cut(bytes, piece, 100) == expected_lines);
  }
}

TEST_CASE("A line over the limit is told once and passed over, in whatever pieces it arrives") {
  const std::string_view bytes = "12345\n123456\n1\n12345678901234567890\n\n123456\n1234567\n54321\n";
  const lines_of_text expected_lines{"12345", "!", "1", "!", "", "!", "!", "54321"};
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    CAPTURE(piece);
    CHECK(cut(bytes, piece, 5) == expected_lines);
  }
}

TEST_CASE("A line over the limit is told before its end is there, and its bytes are not kept") {
  line_splitter lines{5};
  lines.feed("12345");
  CHECK(drain(lines).empty());
  CHECK(lines.pending() == 5);
  lines.feed("6");
  const auto told = lines.next();
  REQUIRE(told);
  REQUIRE_FALSE(*told);
  CHECK(told->error().kind == fault_kind::protocol);
  CHECK(lines.pending() == 0);
  for (int i = 0; i < 100; ++i) {
    lines.feed("more and more");
    CHECK(drain(lines).empty());
    CHECK(lines.pending() == 0);
  }
  lines.feed("\nok\n");
  CHECK(drain(lines) == lines_of_text{"ok"});
}

TEST_CASE("The memory of a long line is given back, and that of short ones kept") {
  line_splitter lines{limits::frame_bytes};
  lines.feed("short\n");
  CHECK(drain(lines).size() == 1);
  const auto usual = lines.capacity();
  CHECK(usual > 0);
  lines.feed(std::string(limits::idle_buffer_bytes, 'x') + "\n");
  CHECK(lines.capacity() > limits::idle_buffer_bytes);
  CHECK(drain(lines).size() == 1);
  CHECK(lines.capacity() <= usual);
}

TEST_CASE("A limit of nothing leaves room for empty lines") {
  CHECK(cut("\n\na\n\n", 1, 0) == lines_of_text{"", "", "!", ""});
  CHECK(cut("\n\na\n\n", 5, 0) == lines_of_text{"", "", "!", ""});
}

TEST_CASE("A line may hold any byte but the line feed") {
  const std::string bytes{"a\0b\xff\xfe\x80\n", 7};
  line_splitter lines{10};
  lines.feed(bytes);
  CHECK(drain(lines) == lines_of_text{bytes.substr(0, 6)});
}

TEST_CASE("Many short lines in one piece come out whole, and the bytes behind them are still there") {
  std::string bytes;
  lines_of_text expected_lines;
  for (int i = 0; i < 40000; ++i) {
    expected_lines.push_back("line " + std::to_string(i));
    bytes += expected_lines.back() + '\n';
  }
  line_splitter lines{20};
  lines.feed(bytes + "tail");
  CHECK(drain(lines) == expected_lines);
  CHECK(lines.pending() == 4);
  lines.feed(" end\n");
  CHECK(drain(lines) == lines_of_text{"tail end"});
  CHECK(lines.pending() == 0);
}
