#include "frontends/jsonrpc/repair.hpp"

#include <charconv>

#include "messages/json.hpp"

namespace agent_dispatch::jsonrpc {

namespace {

constexpr std::size_t escape_length = 6; // \uXXXX

/// The code unit of the escape at `at`, or -1.
int code_unit(std::string_view text, std::size_t at) {
  if (text.size() < at + escape_length || text[at] != '\\' || text[at + 1] != 'u')
    return -1;
  int value = -1;
  const char* digits = text.data() + at + 2;
  const auto [end, problem] = std::from_chars(digits, digits + 4, value, 16);
  return problem == std::errc{} && end == digits + 4 ? value : -1;
}

bool is_high(int unit) { return unit >= 0xd800 && unit <= 0xdbff; }
bool is_low(int unit) { return unit >= 0xdc00 && unit <= 0xdfff; }

} // namespace

std::string repair(std::string_view line) {
  auto text = to_valid_utf8(line);
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      ++at;
      continue;
    }
    const int unit = code_unit(text, at);
    if (is_high(unit) && is_low(code_unit(text, at + escape_length))) {
      at += 2 * escape_length;
    } else if (is_high(unit) || is_low(unit)) {
      text.replace(at, escape_length, "\\ufffd");
      at += escape_length;
    } else {
      at += 2; // the escaped character cannot begin another escape
    }
  }
  return text;
}

} // namespace agent_dispatch::jsonrpc
