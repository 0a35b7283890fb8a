#include "config/agent_edits.hpp"

#include <algorithm>
#include <cmath>

#include "config/configuration_nodes.hpp"
#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

tl::unexpected<fault> refused(std::string sentence) {
  return failure(fault_kind::invalid_argument, std::move(sentence));
}

expected<void> check_timeout(int timeout) {
  if (timeout < 0)
    return refused("The timeout is " + std::to_string(timeout) + " s. Give 0 (for the default) or more.");
  return {};
}

expected<void> check_budget(const std::optional<double>& budget) {
  if (budget && (!std::isfinite(*budget) || *budget < 0))
    return refused("The budget is not a finite number of at least 0. Give US dollars, such as 1.5.");
  return {};
}

/// An inherited list of labels is emptied by a list: the Python program takes no null for one.
yaml::node_ptr instead_of(std::string_view key) {
  return key.ends_with("capabilities") ? list_node({}) : yaml::node_ptr{};
}

/// Calls `visit(key, node)` for what is set, in the order of the interface. A null node: the key goes.
template <class Visit>
void visit_fields(const agent_update& update, const Visit& visit) {
  const auto value_or_none = [](const auto& value, auto make) -> yaml::node_ptr {
    return value ? make(*value) : yaml::node_ptr{};
  };
  const auto number = [](double value) { return number_node(value); };
  const auto labels = [](const std::vector<std::string>& values) {
    return values.empty() ? yaml::node_ptr{} : list_node(values);
  };
  if (update.description)
    visit("description", text_node(*update.description));
  if (update.timeout)
    visit("timeout", number_node(*update.timeout));
  if (update.max_budget_usd)
    visit("max_budget_usd", value_or_none(*update.max_budget_usd, number));
  if (update.model)
    visit("model", value_or_none(*update.model, text_node));
  if (update.permission_mode)
    visit("permission_mode", value_or_none(*update.permission_mode, text_node));
  if (update.allowed_tools)
    visit("allowed_tools", value_or_none(*update.allowed_tools, list_node));
  if (update.disallowed_tools)
    visit("disallowed_tools", value_or_none(*update.disallowed_tools, list_node));
  if (update.capabilities)
    visit("capabilities", labels(*update.capabilities));
  if (update.risky_capabilities)
    visit("risky_capabilities", labels(*update.risky_capabilities));
}

/// "Agent 'foo' was not found. Available: a, b"
tl::unexpected<fault> not_found(const configuration& config, const agent_name& name) {
  const auto unknown = unknown_agent_sentence(config, "");
  return failure(fault_kind::unknown_agent, "Agent '" + to_valid_utf8(name.value) + "' was not found. " +
                                                unknown.substr(unknown.find("Available:")));
}

} // namespace

std::vector<std::string_view> fields_of(const agent_update& update) {
  std::vector<std::string_view> keys;
  visit_fields(update, [&](std::string_view key, const yaml::node_ptr&) { keys.push_back(key); });
  return keys;
}

expected<void> check_agent(const agent_config& agent) {
  if (!is_valid_name(agent.name.value))
    return refused("'" + to_valid_utf8(agent.name.value) +
                   "' cannot be the name of an agent. Use letters, digits, - "
                   "and _, a letter or digit first.");
  if (auto fit = check_timeout(agent.timeout); !fit)
    return fit;
  if (auto fit = check_budget(agent.max_budget_usd); !fit)
    return fit;
  if (const auto& name = agent.directory.native(); to_valid_utf8(name) != name)
    return refused("The directory's name '" + to_valid_utf8(name) +
                   "' is not UTF-8, and cannot stand in agents.yaml. "
                   "Give its path through a link with another name.");
  return {};
}

expected<saved_configuration> add_agent(const config_paths& paths, const agent_config& agent,
                                        std::chrono::milliseconds patience) {
  if (auto fit = check_agent(agent); !fit)
    return tl::make_unexpected(fit.error());
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        const auto& name = agent.name.value;
        if (now.find_agent(agent.name) != nullptr)
          return refused("Agent '" + name + "' already exists. Change it with: " +
                         shell_command({"agent-dispatch", "update", name}) + " and the options to set.");
        return edited_or_fault(yaml::add_member(text, "agents", name, node_of(agent)), paths);
      },
      patience);
}

expected<saved_configuration> update_agent(const config_paths& paths, const agent_name& name,
                                           const agent_update& update, std::chrono::milliseconds patience) {
  if (auto fit = check_timeout(update.timeout.value_or(0)); !fit)
    return tl::make_unexpected(fit.error());
  if (auto fit = check_budget(update.max_budget_usd.value_or(std::nullopt)); !fit)
    return tl::make_unexpected(fit.error());
  std::vector<yaml::member_change> changes;
  visit_fields(update, [&](std::string_view key, yaml::node_ptr node) {
    changes.push_back({std::string{key}, std::move(node), instead_of(key)});
  });
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        if (now.find_agent(name) == nullptr)
          return not_found(now, name);
        return edited_or_fault(yaml::change_member(text, "agents", name.value, changes), paths);
      },
      patience);
}

expected<saved_configuration> remove_agent(const config_paths& paths, const agent_name& name,
                                           std::chrono::milliseconds patience) {
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        if (now.find_agent(name) == nullptr)
          return not_found(now, name);
        return edited_or_fault(yaml::remove_member(text, "agents", name.value), paths);
      },
      patience);
}

std::vector<std::string> groups_naming(const configuration& config, const agent_name& name) {
  std::vector<std::string> names;
  for (const auto& group : config.groups)
    if (std::any_of(group.members.begin(), group.members.end(), [&](const auto& m) { return m.agent == name; }))
      names.push_back(group.name);
  return names;
}

} // namespace agent_dispatch
