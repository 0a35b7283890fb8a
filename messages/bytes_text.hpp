#pragma once

#include <string>
#include <string_view>

#include "messages/fault.hpp"

/// Bytes that are not text (paths, environments) inside JSON: each byte is written as the code point of its number.
namespace agent_dispatch {

std::string bytes_to_text(std::string_view bytes);

/// Fault `protocol`: a code point over 255.
expected<std::string> text_to_bytes(std::string_view text);

} // namespace agent_dispatch
