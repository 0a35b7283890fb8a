#pragma once

#include <span>
#include <string_view>

#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// One call of a tool, on its way.
struct tool_call {
  std::uint64_t line = 0;
  pending_call what;
  nlohmann::json arguments; ///< an object, or null for none
};

/// A tool as clients see it, and what it does.
struct tool {
  std::string_view name;
  std::string_view title;
  std::string_view description; ///< under 2 KB
  ordered_json (*input_schema)();
  bool read_only = false;
  bool open_world = false; ///< reaches an agent, and with it everything
  void (*run)(session_services&, const tool_call&);
};

/// All tools, in the order in which they are listed.
std::span<const tool> tools();

/// Null when there is none of that name.
const tool* find_tool(std::string_view name);

/// The `tools/list` result.
ordered_json list_tools();

/// A tool's result: one text content that holds the JSON, indented. `{"error": …}` is marked as an error.
ordered_json tool_result(const ordered_json& value);
ordered_json tool_error(std::string_view sentence);

} // namespace agent_dispatch
