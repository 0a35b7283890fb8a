#pragma once

#include <string>
#include <string_view>

namespace agent_dispatch::jsonrpc {

/// A line with what no JSON parser takes replaced by U+FFFD: bytes that are no UTF-8, and `\uD800`–`\uDFFF` escapes
/// that are no pair (JavaScript clients write them when they cut a text inside a character).
std::string repair(std::string_view line);

} // namespace agent_dispatch::jsonrpc
