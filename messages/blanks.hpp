#pragma once

#include <string_view>

namespace agent_dispatch {

/// Blanks, tabs and line ends.
inline constexpr std::string_view blanks = " \t\r\n\v\f";

/// The text less what is blank at its beginning and end; "" when all of it is. A part of `text`.
constexpr std::string_view without_blanks(std::string_view text) {
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace agent_dispatch
