#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace agent_dispatch {

/// Severities of RFC 5424, as MCP names them; least first.
enum class log_level { debug, info, notice, warning, error, critical, alert, emergency };

inline constexpr std::array<std::string_view, 8> log_level_names{"debug", "info",     "notice", "warning",
                                                                 "error", "critical", "alert",  "emergency"};

inline std::optional<log_level> log_level_from(std::string_view name) {
  const auto found = std::find(log_level_names.begin(), log_level_names.end(), name);
  return found == log_level_names.end() ? std::nullopt
                                        : std::optional{static_cast<log_level>(found - log_level_names.begin())};
}

} // namespace agent_dispatch
