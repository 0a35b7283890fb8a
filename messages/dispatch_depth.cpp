#include "messages/dispatch_depth.hpp"

#include <limits>

#include "messages/blanks.hpp"

namespace agent_dispatch {

int dispatch_depth(std::string_view value) {
  constexpr int deepest = std::numeric_limits<int>::max();
  int depth = 0;
  for (const char c : without_blanks(value)) {
    if (c < '0' || c > '9')
      return 0;
    const int digit = c - '0';
    depth = depth > (deepest - digit) / 10 ? deepest : depth * 10 + digit;
  }
  return depth;
}

} // namespace agent_dispatch
