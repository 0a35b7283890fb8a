#include "frontends/mcp/agent_arguments.hpp"

#include <algorithm>
#include <limits>

#include "frontends/mcp/arguments.hpp"

namespace agent_dispatch {

namespace {

/// Absent when there is none, or only white space.
std::optional<std::string> given_text(tool_arguments& arguments, const char* name) {
  auto text = arguments.text(name);
  if (text.find_first_not_of(" \t\r\n") == std::string::npos)
    return std::nullopt;
  return text;
}

/// Those that both tools have, but for the budget. The description may be white space: it is literal.
agent_form read_form(tool_arguments& arguments, std::int64_t& timeout) {
  agent_form form;
  if (auto description = arguments.text("description"); !description.empty())
    form.description = std::move(description);
  timeout = arguments.integer("timeout", 0);
  if (timeout > 0)
    form.timeout = static_cast<int>(std::min<std::int64_t>(timeout, std::numeric_limits<int>::max()));
  form.permission_mode = given_text(arguments, "permission_mode");
  form.allowed_tools = given_text(arguments, "allowed_tools");
  form.disallowed_tools = given_text(arguments, "disallowed_tools");
  form.capabilities = given_text(arguments, "capabilities");
  form.risky_capabilities = given_text(arguments, "risky_capabilities");
  return form;
}

tl::unexpected<fault> refused(const char* sentence) { return failure(fault_kind::invalid_argument, sentence); }

} // namespace

expected<asked_agent> read_added_agent(const nlohmann::json& arguments) {
  tool_arguments reader{arguments,
                        {"name", "directory", "description", "timeout", "max_budget_usd", "permission_mode",
                         "allowed_tools", "disallowed_tools", "capabilities", "risky_capabilities"}};
  asked_agent asked{.name = reader.required_text("name"), .directory = reader.required_text("directory"), .form = {}};
  std::int64_t timeout = 0;
  asked.form = read_form(reader, timeout);
  const auto budget = reader.number("max_budget_usd", 0);
  if (auto checked = reader.check(); !checked)
    return tl::make_unexpected(checked.error());
  if (timeout < 0)
    return refused("parameter 'timeout' must be a number of seconds greater than 0; 0 stores 300");
  if (budget < 0)
    return refused("parameter 'max_budget_usd' must not be negative; 0 sets none");
  asked.form.max_budget_usd = budget;
  return asked;
}

expected<asked_agent> read_updated_agent(const nlohmann::json& arguments) {
  tool_arguments reader{arguments,
                        {"name", "description", "timeout", "max_budget_usd", "model", "permission_mode",
                         "allowed_tools", "disallowed_tools", "capabilities", "risky_capabilities"}};
  asked_agent asked{.name = reader.required_text("name"), .directory = {}, .form = {}};
  std::int64_t timeout = 0;
  asked.form = read_form(reader, timeout);
  asked.form.model = given_text(reader, "model");
  const auto budget = reader.number("max_budget_usd", 0);
  if (auto checked = reader.check(); !checked)
    return tl::make_unexpected(checked.error());
  if (timeout < 0)
    return refused("parameter 'timeout' must be a number of seconds greater than 0; 0 leaves it as it is");
  if (budget != 0)
    asked.form.max_budget_usd = std::max(budget, 0.0);
  return asked;
}

} // namespace agent_dispatch
