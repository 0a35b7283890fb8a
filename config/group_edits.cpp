#include "config/group_edits.hpp"

#include <algorithm>

#include "config/configuration_nodes.hpp"
#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

tl::unexpected<fault> refused(std::string sentence) {
  return failure(fault_kind::invalid_argument, std::move(sentence));
}

/// "Group 'foo' was not found. Available: a, b"
tl::unexpected<fault> not_found(const configuration& config, std::string_view name) {
  const auto unknown = unknown_group_sentence(config, "");
  return refused("Group '" + to_valid_utf8(name) + "' was not found. " + unknown.substr(unknown.find("Available:")));
}

expected<void> check_group(const group_config& group, const configuration& now) {
  if (now.find_group(group.name) != nullptr)
    return refused("Group '" + group.name + "' already exists. Change it with: " +
                   shell_command({"agent-dispatch", "group", "update", group.name}) + " and the options to set.");
  for (const auto& member : group.members)
    if (now.find_agent(member.agent) == nullptr)
      return failure(fault_kind::unknown_agent, "The member '" + to_valid_utf8(member.agent.value) +
                                                    "' was not found among the agents. Add it first: agent-dispatch "
                                                    "add NAME DIRECTORY");
  return {};
}

group_config without_doubles(const group_config& group) {
  auto result = group;
  result.members.clear();
  for (const auto& member : group.members)
    if (std::none_of(result.members.begin(), result.members.end(),
                     [&](const auto& other) { return other.agent == member.agent; }))
      result.members.push_back(member);
  return result;
}

template <class Visit>
void visit_fields(const group_update& update, const Visit& visit) {
  if (update.description)
    visit("description", *update.description);
  if (update.shared_context)
    visit("shared_context", *update.shared_context);
}

} // namespace

std::vector<std::string_view> fields_of(const group_update& update) {
  std::vector<std::string_view> keys;
  visit_fields(update, [&](std::string_view key, const std::string&) { keys.push_back(key); });
  return keys;
}

expected<saved_configuration> add_group(const config_paths& paths, const group_config& group,
                                        std::chrono::milliseconds patience) {
  if (!is_valid_name(group.name))
    return refused("'" + to_valid_utf8(group.name) +
                   "' cannot be the name of a group. Use letters, digits, - and _, a letter or digit first.");
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        if (auto fit = check_group(group, now); !fit)
          return tl::make_unexpected(fit.error());
        return edited_or_fault(yaml::add_member(text, "groups", group.name, node_of(without_doubles(group))), paths);
      },
      patience);
}

expected<saved_configuration> update_group(const config_paths& paths, std::string_view name, const group_update& update,
                                           std::chrono::milliseconds patience) {
  std::vector<yaml::member_change> changes;
  visit_fields(update, [&](std::string_view key, const std::string& text) {
    changes.push_back({std::string{key}, text.empty() ? yaml::node_ptr{} : text_node(text), text_node({})});
  });
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        if (now.find_group(name) == nullptr)
          return not_found(now, name);
        return edited_or_fault(yaml::change_member(text, "groups", name, changes), paths);
      },
      patience);
}

expected<saved_configuration> remove_group(const config_paths& paths, std::string_view name,
                                           std::chrono::milliseconds patience) {
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        if (now.find_group(name) == nullptr)
          return not_found(now, name);
        return edited_or_fault(yaml::remove_member(text, "groups", name), paths);
      },
      patience);
}

} // namespace agent_dispatch
