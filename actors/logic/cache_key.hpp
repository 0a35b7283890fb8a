#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "messages/supervision.hpp"

namespace agent_dispatch {

/// What makes two dispatches the same: SHA-256 of all that decides their answer. Nothing can be read back from it.
struct cache_key {
  std::array<unsigned char, 32> digest{};

  auto operator<=>(const cache_key&) const = default;
};

/// True for variables that say in whose name and on whose account the CLI works: HOME, CLAUDE_CONFIG_DIR, and all that
/// begin with ANTHROPIC_, CLAUDE_CODE_OAUTH_, CLAUDE_CODE_USE_, AWS_ or GOOGLE_. `entry` is "NAME=value".
bool names_account(std::string_view entry);

/// The key of a run: agent, task, context with what its group shares, caller, goal, response format; the agent's
/// settings as they apply to it; and the account of its caller, who must be there. Timeout of the call, session and
/// depth are not in it.
cache_key make_cache_key(const run_spec& spec);

} // namespace agent_dispatch

template <>
struct std::hash<agent_dispatch::cache_key> {
  std::size_t operator()(const agent_dispatch::cache_key& key) const noexcept;
};
