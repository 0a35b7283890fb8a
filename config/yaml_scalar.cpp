#include "config/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>

#include "messages/ids.hpp"
#include "messages/json.hpp"

namespace agent_dispatch::yaml {

namespace {

using word = std::string_view;

constexpr std::array null_words{word{""}, word{"~"}, word{"null"}, word{"Null"}, word{"NULL"}};
constexpr std::array true_words{word{"true"}, word{"yes"}, word{"on"}};
constexpr std::array false_words{word{"false"}, word{"no"}, word{"off"}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string lower_case(std::string_view text) {
  std::string result{text};
  std::transform(result.begin(), result.end(), result.begin(), lower);
  return result;
}

template <class Words>
bool contains(const Words& words, std::string_view text) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

/// YAML 1.1 knows `yes`, `Yes` and `YES`, not `yEs`.
bool is_usual_case(std::string_view text) {
  const auto rest = text.substr(1);
  const auto is_lower = [](char c) { return c == lower(c); };
  const auto is_upper = [](char c) { return c != lower(c); };
  return std::all_of(rest.begin(), rest.end(), is_lower) || std::all_of(text.begin(), text.end(), is_upper);
}

std::optional<bool> boolean_word(std::string_view text) {
  const auto small = lower_case(text);
  if (contains(true_words, small))
    return true;
  if (contains(false_words, small))
    return false;
  return std::nullopt;
}

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

std::optional<std::uint64_t> digits_of(std::string_view digits, int base) {
  std::string plain{digits};
  std::erase(plain, '_');
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(plain.data(), plain.data() + plain.size(), value, base);
  if (plain.empty() || error == std::errc::invalid_argument || end != plain.data() + plain.size())
    return std::nullopt;
  return error == std::errc{} ? value : std::numeric_limits<std::uint64_t>::max();
}

/// `1:30` is ninety.
std::optional<std::uint64_t> sexagesimal(std::string_view text) {
  std::uint64_t value = 0;
  for (bool first = true;; first = false) {
    const auto colon = text.find(':');
    const auto part = digits_of(text.substr(0, colon), 10);
    if (!part || (!first && *part > 59) || value > std::numeric_limits<std::uint32_t>::max())
      return std::nullopt;
    value = value * 60 + *part;
    if (colon == std::string_view::npos)
      return value;
    text.remove_prefix(colon + 1);
  }
}

std::optional<std::uint64_t> magnitude(std::string_view text, bool plain) {
  if (text.empty() || !is_digit(text.front()))
    return std::nullopt;
  if (!plain)
    return digits_of(text, 10);
  if (text.starts_with("0x"))
    return digits_of(text.substr(2), 16);
  if (text.starts_with("0b"))
    return digits_of(text.substr(2), 2);
  if (text.find(':') != std::string_view::npos)
    return sexagesimal(text);
  return digits_of(text, text.size() > 1 && text.front() == '0' ? 8 : 10);
}

/// One that does not fit is the nearest that does; nobody has a use for those.
std::optional<std::int64_t> whole_number(std::string_view text, bool plain) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+'))
    text.remove_prefix(1);
  const auto size = magnitude(text, plain);
  if (!size)
    return std::nullopt;
  const auto fitting =
      static_cast<std::int64_t>(std::min<std::uint64_t>(*size, std::numeric_limits<std::int64_t>::max()));
  return negative ? -fitting : fitting;
}

/// Also `.inf` and `.nan`, as what they are.
std::optional<double> real_number(std::string_view text, bool plain) {
  std::string number = lower_case(text);
  std::erase(number, '_');
  std::string_view rest = number;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+'))
    rest.remove_prefix(1);
  const double sign = negative ? -1 : 1;
  if (rest == ".inf")
    return sign * std::numeric_limits<double>::infinity();
  if (rest == ".nan")
    return std::numeric_limits<double>::quiet_NaN();
  if (rest.empty() || (!is_digit(rest.front()) && rest.front() != '.'))
    return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc{} || end != rest.data() + rest.size())
    return std::nullopt;
  // `1e5` has no point, and is text in YAML 1.1; where a number is asked for it is taken for one all the same.
  return plain || std::isfinite(value) ? std::optional{sign * value} : std::nullopt;
}

bool is_boolean_word(std::string_view text) { return boolean_word(text) && is_usual_case(text); }

/// What a plain scalar may hold and still be certain to be read as text, whatever stands around it.
bool is_safe_plain(std::string_view text) {
  const auto safe = [](char c) {
    return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'z') || c == '_' || c == '/' || c == '.' || c == '-';
  };
  const char first = text.empty() ? '-' : lower(text.front());
  const bool begins_well = (first >= 'a' && first <= 'z') || first == '/';
  constexpr std::array single{word{"y"}, word{"n"}};
  return begins_well && std::all_of(text.begin(), text.end(), safe) && !boolean_word(text) &&
         lower_case(text) != "null" && !contains(single, lower_case(text));
}

void append_escaped(std::string& out, std::string_view character) {
  const auto byte = static_cast<unsigned char>(character.front());
  constexpr std::string_view digits = "0123456789ABCDEF";
  const auto hexadecimal = [&](unsigned value, int width) {
    for (int shift = 4 * (width - 1); shift >= 0; shift -= 4)
      out += digits[(value >> static_cast<unsigned>(shift)) & 0xfU];
  };
  if (character == "\"" || character == "\\")
    out.append("\\").append(character);
  else if (character == "\n")
    out.append("\\n");
  else if (character == "\t")
    out.append("\\t");
  else if (byte < 0x20 || byte == 0x7f)
    hexadecimal((out.append("\\x"), byte), 2);
  else if (byte == 0xc2 && static_cast<unsigned char>(character[1]) < 0xa0)
    hexadecimal((out.append("\\x"), static_cast<unsigned char>(character[1])), 2);
  else if (character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9") // line ends to YAML
    out.append(character == "\xe2\x80\xa8" ? "\\u2028" : "\\u2029");
  else if (character == "\xef\xbb\xbf" || character == "\xef\xbf\xbe" || character == "\xef\xbf\xbf")
    out.append(character == "\xef\xbb\xbf" ? "\\uFEFF" : character == "\xef\xbf\xbe" ? "\\uFFFE" : "\\uFFFF");
  else
    out.append(character);
}

} // namespace

scalar_kind kind_of(const node& scalar) {
  if (scalar.kind != node_kind::scalar)
    return scalar_kind::null;
  if (!scalar.plain)
    return scalar_kind::text;
  if (contains(null_words, scalar.text))
    return scalar_kind::null;
  if (is_boolean_word(scalar.text))
    return scalar_kind::boolean;
  if (whole_number(scalar.text, true))
    return scalar_kind::integer;
  const bool has_point = scalar.text.find('.') != std::string::npos;
  return has_point && real_number(scalar.text, true) ? scalar_kind::real : scalar_kind::text;
}

bool is_null(const node& value) {
  return value.kind == node_kind::null || (value.kind == node_kind::scalar && kind_of(value) == scalar_kind::null);
}

std::optional<std::string> as_text(const node& value) {
  if (value.kind != node_kind::scalar || kind_of(value) != scalar_kind::text)
    return std::nullopt;
  return value.text;
}

std::optional<bool> as_boolean(const node& value) {
  if (value.kind != node_kind::scalar)
    return std::nullopt;
  if (value.text == "1" || value.text == "0")
    return value.text == "1";
  return boolean_word(value.text);
}

std::optional<std::int64_t> as_integer(const node& value) {
  if (value.kind != node_kind::scalar)
    return std::nullopt;
  const auto text = trimmed(value.text);
  for (const bool plain : {value.plain, false}) // `08` is no number in YAML, but a plain enough wish
    if (const auto whole = whole_number(text, plain))
      return whole;
  const auto real = text.find('.') == std::string_view::npos ? std::nullopt : real_number(text, value.plain);
  constexpr double most = 9e15; // beyond it a double is not exact
  if (!real || !std::isfinite(*real) || std::trunc(*real) != *real || std::abs(*real) > most)
    return std::nullopt;
  return static_cast<std::int64_t>(*real);
}

std::optional<double> as_real(const node& value) {
  if (value.kind != node_kind::scalar)
    return std::nullopt;
  const auto text = trimmed(value.text);
  if (const auto whole = whole_number(text, value.plain))
    return static_cast<double>(*whole);
  const auto real = real_number(text, value.plain);
  return real && std::isfinite(*real) ? real : std::nullopt;
}

std::string shown(const node& value) {
  if (value.kind == node_kind::sequence)
    return "a list";
  if (value.kind == node_kind::map)
    return "a map";
  if (is_null(value))
    return "nothing";
  constexpr std::size_t most = 40;
  const auto front = first_characters(value.text, most);
  std::string text = value.plain ? std::string{front} : write_text(front);
  if (front.size() < value.text.size())
    text.append("…");
  return value.plain ? "`" + text + "`" : text;
}

std::string shown_name(std::string_view key) {
  constexpr std::size_t most = 60;
  const auto front = first_characters(key, most);
  if (front.size() == key.size() && is_valid_name(key))
    return std::string{key};
  return write_text(front) + (front.size() < key.size() ? "…" : "");
}

std::string write_text(std::string_view text) {
  if (is_safe_plain(text))
    return std::string{text};
  std::string out = "\"";
  while (!text.empty()) {
    const auto character = first_characters(text, 1);
    append_escaped(out, character);
    text.remove_prefix(character.size());
  }
  return out += '"';
}

std::string write_real(double number) {
  std::array<char, 400> digits{}; // the longest double without an exponent has 309 digits and a sign
  const auto [end, error] =
      std::to_chars(digits.data(), digits.data() + digits.size(), number, std::chars_format::fixed);
  std::string text{digits.data(), error == std::errc{} ? end : digits.data()};
  if (text.find('.') == std::string::npos)
    text.append(".0");
  return text;
}

} // namespace agent_dispatch::yaml
