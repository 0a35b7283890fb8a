#pragma once

#include <span>
#include <string_view>

#include "frontends/mcp/era.hpp"
#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// One call of a tool, on its way.
struct tool_call {
  std::uint64_t line = 0;
  pending_call what;
  nlohmann::json arguments;         ///< an object, or null for none
  nlohmann::json input_responses{}; ///< what the client's user said, when the call comes again; else null
};

/// What calling a tool does to the world.
enum class tool_effect {
  reads,    ///< nothing
  adds,     ///< something that was not there
  changes,  ///< or removes what was there; twice is as once
  forgets,  ///< what can be had again
  lets_act, ///< an agent, which may do anything
};

/// What the answers of a tool can be. Some revisions have structured answers of objects alone.
enum class answer_shape { object, array_too };

/// A tool as clients see it, and what it does.
struct tool {
  std::string_view name;
  std::string_view title;
  std::string_view description; ///< under 2 KB
  ordered_json (*input_schema)();
  ordered_json (*output_schema)();
  answer_shape shape;
  tool_effect effect;
  bool may_be_long; ///< the answer: then clients are told not to cut it
  void (*run)(session_services&, const tool_call&);
};

/// All tools, in the order in which they are listed.
std::span<const tool> tools();

/// Null when there is none of that name.
const tool* find_tool(std::string_view name);

/// The `tools/list` result.
ordered_json list_tools(const era& spoken);

/// Whether the revision has `structuredContent` for what this tool answers.
bool is_structured(const tool& called, const era& spoken);

/// A tool's result: one text content that holds the JSON, indented, and the value itself where the form wants it.
/// `{"error": …}` is marked as an error.
ordered_json tool_result(const ordered_json& value, const answer_form& form);

} // namespace agent_dispatch
