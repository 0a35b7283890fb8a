#include "actors/logic/error_text.hpp"

#include <algorithm>
#include <array>

#include "actors/logic/sentences.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view blanks = " \t\r\n\f\v";

constexpr std::array<std::string_view, 9> permission_phrases{
    "permission denied",   "not allowed",           "not permitted",           "disallowed tool", "permission mode",
    "not have permission", "tool is not available", "tool_use is not allowed", "unauthorized",
};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(std::string_view text, std::string_view phrase) {
  return std::search(text.begin(), text.end(), phrase.begin(), phrase.end(),
                     [](char in_text, char in_phrase) { return lower(in_text) == in_phrase; }) != text.end();
}

} // namespace

bool is_blank(std::string_view text) { return text.find_first_not_of(blanks) == std::string_view::npos; }

std::string error_text(const result_event& result) {
  if (result.text && !is_blank(*result.text))
    return result.text->size() <= limits::partial_text_bytes
               ? *result.text
               : to_valid_utf8(std::string_view{*result.text}.substr(0, limits::partial_text_bytes));
  std::string joined;
  for (const auto& error : result.errors)
    joined.append(joined.empty() ? "" : "; ").append(error);
  if (!is_blank(joined))
    return joined;
  // An error of the API has the subtype "success".
  return is_blank(result.subtype) || result.subtype == "success" ? sentences::error_without_text() : result.subtype;
}

std::string bounded_error(std::string_view bytes) {
  const auto first = bytes.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  bytes = bytes.substr(first, bytes.find_last_not_of(blanks) - first + 1);
  return to_valid_utf8(bytes.substr(0, limits::stderr_bytes));
}

bool speaks_of_permissions(std::string_view error) {
  return std::any_of(permission_phrases.begin(), permission_phrases.end(),
                     [&](std::string_view phrase) { return contains(error, phrase); });
}

} // namespace agent_dispatch
