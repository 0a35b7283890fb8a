#pragma once

#include <cstdint>
#include <string_view>

#include "messages/json.hpp"

namespace agent_dispatch::fuzz {

/// Pieces of 1 to 40 bytes, the same ones for the same seed.
template <class Take>
void in_pieces(std::string_view bytes, std::uint32_t seed, const Take& take) {
  while (!bytes.empty()) {
    seed = seed * 1664525u + 1013904223u;
    const auto piece = bytes.substr(0, 1 + (seed >> 24u) % 40u);
    take(piece);
    bytes.remove_prefix(piece.size());
  }
}

inline bool is_utf8(std::string_view text) { return to_valid_utf8(text) == text; }

} // namespace agent_dispatch::fuzz
