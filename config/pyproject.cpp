#include <cstdint>

#include "config/discovery.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view blank = " \t\r";

std::string_view trim(std::string_view text) {
  const auto begin = text.find_first_not_of(blank);
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(blank) - begin + 1);
}

void append_utf8(std::string& out, std::uint32_t c) {
  const auto byte = [&](std::uint32_t value) { out += static_cast<char>(static_cast<unsigned char>(value)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xc0U | (c >> 6U));
    byte(0x80U | (c & 0x3fU));
  } else if (c < 0x10000) {
    byte(0xe0U | (c >> 12U));
    byte(0x80U | ((c >> 6U) & 0x3fU));
    byte(0x80U | (c & 0x3fU));
  } else {
    byte(0xf0U | (c >> 18U));
    byte(0x80U | ((c >> 12U) & 0x3fU));
    byte(0x80U | ((c >> 6U) & 0x3fU));
    byte(0x80U | (c & 0x3fU));
  }
}

/// `\u` with four and `\U` with eight digits; absent when they are no character.
std::optional<std::uint32_t> code_point(std::string_view digits, std::size_t count) {
  if (digits.size() < count)
    return std::nullopt;
  std::uint32_t value = 0;
  for (const char c : digits.substr(0, count)) {
    const auto place = std::string_view{"0123456789abcdef0123456789ABCDEF"}.find(c);
    if (place == std::string_view::npos)
      return std::nullopt;
    value = (value << 4U) | static_cast<std::uint32_t>(place % 16);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  return surrogate || value > 0x10ffff ? std::nullopt : std::optional{value};
}

/// Takes one escape off the front of `text`, which begins after the backslash.
void unescape(std::string& out, std::string_view& text) {
  const char c = text.empty() ? '\\' : text.front();
  text.remove_prefix(text.empty() ? 0 : 1);
  if (c == 'u' || c == 'U') {
    const std::size_t count = c == 'u' ? 4 : 8;
    if (const auto value = code_point(text, count)) {
      append_utf8(out, *value);
      text.remove_prefix(count);
    }
  } else if (c == 'n' || c == 't' || c == 'r') {
    out += ' ';
  } else {
    out += c;
  }
}

/// The text up to the closing quote, or to the end of the line.
std::string quoted(std::string_view text, char quote) {
  std::string out;
  while (!text.empty() && text.front() != quote) {
    const char c = text.front();
    text.remove_prefix(1);
    if (c == '\\' && quote == '"')
      unescape(out, text);
    else
      out += c;
  }
  return out;
}

/// `rest` are the lines after the one with the key.
std::optional<std::string> value_of(std::string_view value, std::string_view rest) {
  for (const std::string_view fence : {"\"\"\"", "'''"}) {
    if (!value.starts_with(fence))
      continue;
    value.remove_prefix(fence.size());
    if (trim(value).empty()) // TOML drops a line end right after the fence
      value = trim(rest.substr(0, rest.find('\n')));
    return quoted(value.substr(0, value.find(fence)), fence.front() == '"' ? '\0' : '\'');
  }
  if (!value.starts_with('"') && !value.starts_with('\''))
    return std::nullopt;
  return quoted(value.substr(1), value.front());
}

} // namespace

std::optional<std::string> pyproject_description(std::string_view toml) {
  std::optional<std::string> poetry;
  std::string_view section;
  while (!toml.empty()) {
    const auto end = std::min(toml.find('\n'), toml.size());
    const auto line = trim(toml.substr(0, end));
    toml.remove_prefix(std::min(toml.size(), end + 1));
    if (line.starts_with('['))
      section = line.substr(0, line.find(']') + 1);
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || trim(line.substr(0, equals)) != "description")
      continue;
    if (section == "[project]")
      return value_of(trim(line.substr(equals + 1)), toml);
    if (section == "[tool.poetry]")
      poetry = value_of(trim(line.substr(equals + 1)), toml);
  }
  return poetry;
}

} // namespace agent_dispatch
