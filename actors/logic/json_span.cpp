#include "actors/logic/json_span.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <system_error>

#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t none = std::string_view::npos;
constexpr std::string_view replacement = "\xef\xbf\xbd";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::size_t skip_blanks(std::string_view text, std::size_t at) {
  while (at < text.size() && is_blank(text[at]))
    ++at;
  return at;
}

/// `at` is the opening quote. Past the closing one, or `none`.
std::size_t skip_string(std::string_view text, std::size_t at) {
  const std::size_t begin = at + 1;
  for (std::size_t from = begin;;) {
    const std::size_t quote = text.find('"', from);
    if (quote == none)
      return none;
    std::size_t backslashes = 0;
    while (quote - backslashes > begin && text[quote - backslashes - 1] == '\\')
      ++backslashes;
    if (backslashes % 2 == 0)
      return quote + 1;
    from = quote + 1;
  }
}

/// `at` is the opening bracket. Past the closing one, or `none`.
std::size_t skip_container(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  while (at < text.size()) {
    const char c = text[at];
    if (c == '"') {
      at = skip_string(text, at);
      if (at == none)
        return none;
      continue;
    }
    ++at;
    if (c == '{' || c == '[')
      ++depth;
    else if ((c == '}' || c == ']') && --depth == 0)
      return at;
  }
  return none;
}

std::size_t skip_word(std::string_view text, std::size_t at) {
  while (at < text.size() && !is_blank(text[at]) && std::strchr(",]}", text[at]) == nullptr)
    ++at;
  return at;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::size_t skip_digits(std::string_view text, std::size_t at) {
  while (at < text.size() && is_digit(text[at]))
    ++at;
  return at;
}

/// JSON's own grammar of numbers; from_chars alone takes "01" and "1.".
bool is_number(std::string_view word) {
  std::size_t at = word.starts_with('-') ? 1 : 0;
  const std::size_t whole = skip_digits(word, at);
  if (whole == at || (word[at] == '0' && whole > at + 1))
    return false;
  at = whole;
  if (at < word.size() && word[at] == '.') {
    const std::size_t end = skip_digits(word, at + 1);
    if (end == at + 1)
      return false;
    at = end;
  }
  if (at < word.size() && (word[at] == 'e' || word[at] == 'E')) {
    ++at;
    if (at < word.size() && (word[at] == '+' || word[at] == '-'))
      ++at;
    const std::size_t end = skip_digits(word, at);
    if (end == at)
      return false;
    at = end;
  }
  return at == word.size();
}

std::optional<json_kind> kind_of_word(std::string_view word) {
  if (word == "true" || word == "false")
    return json_kind::boolean;
  if (word == "null")
    return json_kind::null;
  if (is_number(word))
    return json_kind::number;
  return std::nullopt;
}

struct found_value {
  json_kind kind;
  std::size_t end;
};

std::optional<found_value> find_value(std::string_view text, std::size_t at) {
  if (at >= text.size())
    return std::nullopt;
  const char c = text[at];
  const bool container = c == '{' || c == '[';
  if (container || c == '"') {
    const std::size_t end = container ? skip_container(text, at) : skip_string(text, at);
    if (end == none)
      return std::nullopt;
    return found_value{c == '{' ? json_kind::object : (c == '[' ? json_kind::array : json_kind::string), end};
  }
  const std::size_t end = skip_word(text, at);
  const auto kind = kind_of_word(text.substr(at, end - at));
  if (!kind)
    return std::nullopt;
  return found_value{*kind, end};
}

void append_utf8(std::string& text, std::uint32_t code) {
  const auto add = [&](std::uint32_t byte) { text += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0U | (code >> 6U));
    add(0x80U | (code & 0x3fU));
  } else if (code < 0x10000) {
    add(0xe0U | (code >> 12U));
    add(0x80U | ((code >> 6U) & 0x3fU));
    add(0x80U | (code & 0x3fU));
  } else {
    add(0xf0U | (code >> 18U));
    add(0x80U | ((code >> 12U) & 0x3fU));
    add(0x80U | ((code >> 6U) & 0x3fU));
    add(0x80U | (code & 0x3fU));
  }
}

/// The four hexadecimal digits at `at`.
std::optional<std::uint32_t> hex4(std::string_view text, std::size_t at) {
  if (at + 4 > text.size())
    return std::nullopt;
  std::uint32_t code = 0;
  const char* const end = text.data() + at + 4;
  const auto read = std::from_chars(text.data() + at, end, code, 16);
  if (read.ec != std::errc{} || read.ptr != end)
    return std::nullopt;
  return code;
}

bool is_high_surrogate(std::uint32_t code) { return code >= 0xd800 && code <= 0xdbff; }
bool is_low_surrogate(std::uint32_t code) { return code >= 0xdc00 && code <= 0xdfff; }

/// Decodes `\uXXXX`, and its low half when it is the high one; `at` is the backslash. Past what was read.
std::size_t append_unicode_escape(std::string& text, std::string_view escaped, std::size_t at) {
  const auto code = hex4(escaped, at + 2);
  if (!code) {
    text += replacement;
    return std::min(at + 2, escaped.size());
  }
  if (is_high_surrogate(*code) && escaped.substr(at + 6).starts_with("\\u")) {
    const auto low = hex4(escaped, at + 8);
    if (low && is_low_surrogate(*low)) {
      append_utf8(text, 0x10000U + ((*code - 0xd800U) << 10U) + (*low - 0xdc00U));
      return at + 12;
    }
  }
  if (is_high_surrogate(*code) || is_low_surrogate(*code))
    text += replacement;
  else
    append_utf8(text, *code);
  return at + 6;
}

char simple_escape(char c) {
  switch (c) {
  case 'b':
    return '\b';
  case 'f':
    return '\f';
  case 'n':
    return '\n';
  case 'r':
    return '\r';
  case 't':
    return '\t';
  default:
    return c;
  }
}

std::string unescape(std::string_view escaped) {
  std::string text;
  text.reserve(escaped.size());
  for (std::size_t at = 0; at < escaped.size();) {
    const std::size_t backslash = std::min(escaped.find('\\', at), escaped.size());
    text.append(escaped.substr(at, backslash - at));
    at = backslash;
    if (at + 1 >= escaped.size())
      break;
    if (escaped[at + 1] == 'u') {
      at = append_unicode_escape(text, escaped, at);
    } else {
      text += simple_escape(escaped[at + 1]);
      at += 2;
    }
  }
  return text;
}

} // namespace

std::optional<json_span> json_span::whole(std::string_view text) {
  const std::size_t begin = skip_blanks(text, 0);
  const auto found = find_value(text, begin);
  if (!found || skip_blanks(text, found->end) != text.size())
    return std::nullopt;
  return json_span{found->kind, text.substr(begin, found->end - begin)};
}

std::string_view json_span::escaped() const {
  return is_string() ? raw_.substr(1, raw_.size() - 2) : std::string_view{};
}

std::optional<std::string> json_span::text() const {
  if (!is_string())
    return std::nullopt;
  return decode_json_string(escaped());
}

bool json_span::is_text(std::string_view expected) const {
  if (!is_string())
    return false;
  return escaped() == expected || (escaped().find('\\') != none && decode_json_string(escaped()) == expected);
}

std::optional<double> json_span::number() const {
  double value = 0;
  if (kind_ != json_kind::number || std::from_chars(raw_.data(), raw_.data() + raw_.size(), value).ec != std::errc{} ||
      !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<bool> json_span::boolean() const {
  if (kind_ != json_kind::boolean)
    return std::nullopt;
  return raw_ == "true";
}

json_cursor::json_cursor(json_span container) : value_{container} {
  if (container.is_object() || container.is_array())
    text_ = container.raw();
  at_ = 1;
}

bool json_cursor::stop(bool broken) {
  broken_ = broken;
  text_ = {};
  return false;
}

bool json_cursor::read_key() {
  if (at_ >= text_.size() || text_[at_] != '"')
    return false;
  const std::size_t end = skip_string(text_, at_);
  if (end == none)
    return false;
  key_ = text_.substr(at_ + 1, end - at_ - 2);
  if (key_.find('\\') != none) {
    decoded_key_ = decode_json_string(key_);
    key_ = decoded_key_;
  }
  at_ = skip_blanks(text_, end);
  if (at_ >= text_.size() || text_[at_] != ':')
    return false;
  at_ = skip_blanks(text_, at_ + 1);
  return true;
}

bool json_cursor::next() {
  if (text_.empty())
    return false;
  at_ = skip_blanks(text_, at_);
  if (at_ + 1 >= text_.size())
    return stop(at_ >= text_.size() || text_.front() + 2 != text_[at_]); // '[' + 2 is ']', '{' + 2 is '}'
  if (!first_) {
    if (text_[at_] != ',')
      return stop(true);
    at_ = skip_blanks(text_, at_ + 1);
  }
  first_ = false;
  if (text_.front() == '{' && !read_key())
    return stop(true);
  const auto found = find_value(text_, at_);
  if (!found)
    return stop(true);
  value_ = json_span{found->kind, text_.substr(at_, found->end - at_)};
  at_ = found->end;
  return true;
}

std::string decode_json_string(std::string_view escaped) { return to_valid_utf8(unescape(escaped)); }

std::size_t nesting_depth(std::string_view json) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  for (std::size_t at = 0; at < json.size();) {
    const char c = json[at];
    if (c == '"') {
      at = skip_string(json, at);
      if (at == none)
        return deepest;
      continue;
    }
    ++at;
    if (c == '{' || c == '[')
      deepest = std::max(deepest, ++depth);
    else if ((c == '}' || c == ']') && depth > 0)
      --depth;
  }
  return deepest;
}

} // namespace agent_dispatch
