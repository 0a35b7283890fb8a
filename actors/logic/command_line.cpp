#include "actors/logic/command_line.hpp"

#include <cmath>
#include <string_view>
#include <utility>

#include "actors/logic/numbers.hpp"
#include "actors/logic/sentences.hpp"

namespace agent_dispatch {

namespace {

/// Collects arguments; after the first refused value it only remembers that one.
class argument_list {
public:
  void add(std::string argument) { arguments_.push_back(std::move(argument)); }

  void add_guarded(std::string_view option, std::string_view field, std::string_view value) {
    if (value.empty() || !refusal_.empty())
      return;
    if (value.front() == '-')
      refusal_ = sentences::looks_like_an_option(field, value);
    else if (value.find('\0') != std::string_view::npos)
      refusal_ = sentences::holds_a_nul(field);
    add(std::string{option});
    add(std::string{value});
  }

  void add_tools(std::string_view option, std::string_view field, const tool_list& tools) {
    if (!tools)
      return;
    for (const auto& tool : *tools)
      add_guarded(option, field, tool);
  }

  expected<std::vector<std::string>> take() && {
    if (!refusal_.empty())
      return failure(fault_kind::invalid_argument, std::move(refusal_));
    return std::move(arguments_);
  }

private:
  std::vector<std::string> arguments_;
  std::string refusal_;
};

} // namespace

run_session choose_session(const run_request& request, session_id fresh) {
  if (request.resume && !request.resume->empty())
    return {*request.resume, session_start::resumed};
  return {std::move(fresh), session_start::fresh};
}

expected<std::vector<std::string>> build_command_line(const resolved_agent& agent, const run_session& session,
                                                      session_flag flag) {
  argument_list list;
  for (const char* fixed : {"claude", "-p", "--output-format", "stream-json", "--verbose"})
    list.add(fixed);
  if (session.start == session_start::resumed)
    list.add_guarded("--resume", "session_id", session.id.value);
  else if (flag == session_flag::pass)
    list.add_guarded("--session-id", "session_id", session.id.value);
  if (agent.max_budget_usd && std::isfinite(*agent.max_budget_usd) && *agent.max_budget_usd > 0) {
    list.add("--max-budget-usd");
    list.add(decimal(*agent.max_budget_usd));
  }
  list.add_guarded("--model", "model", agent.model.value_or(""));
  list.add_guarded("--permission-mode", "permission_mode", agent.permission_mode.value_or(""));
  list.add_tools("--allowedTools", "allowed_tools", agent.allowed_tools);
  list.add_tools("--disallowedTools", "disallowed_tools", agent.disallowed_tools);
  return std::move(list).take();
}

} // namespace agent_dispatch
