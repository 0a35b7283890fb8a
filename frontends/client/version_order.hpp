#pragma once

#include <charconv>
#include <compare>
#include <string_view>

namespace agent_dispatch {

/// Orders versions of the form 1.2.3 by their numbers; what is not a number counts as 0.
inline std::strong_ordering version_order(std::string_view a, std::string_view b) {
  const auto take = [](std::string_view& text) {
    unsigned number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    const auto dot = text.find('.');
    text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
    return number;
  };
  while (!a.empty() || !b.empty())
    if (const auto order = take(a) <=> take(b); order != std::strong_ordering::equal)
      return order;
  return std::strong_ordering::equal;
}

} // namespace agent_dispatch
