#include "frontends/views/groups_view.hpp"

#include "frontends/views/agents_view.hpp"
#include "messages/blanks.hpp"

namespace agent_dispatch {

namespace {

enum class detail { brief, full };

ordered_json member_json(const configuration& config, const group_member& member, detail how) {
  ordered_json json;
  json["agent"] = member.agent.value;
  if (!member.use_for.empty())
    json["use_for"] = member.use_for;
  const auto* agent = config.find_agent(member.agent);
  if (agent == nullptr) {
    json["unknown"] = true;
    return json;
  }
  if (how == detail::full) {
    json["directory"] = agent->directory.native();
    if (!agent->description.empty())
      json["description"] = agent->description;
  }
  json["healthy"] = health_json(agent->directory);
  return json;
}

ordered_json members_json(const configuration& config, const group_config& group, detail how) {
  auto members = ordered_json::array();
  for (const auto& member : group.members)
    members.push_back(member_json(config, member, how));
  return members;
}

} // namespace

std::string_view no_groups_sentence() {
  return "No groups are configured. Make one with: agent-dispatch group add NAME --member AGENT";
}

ordered_json list_groups_json(const configuration& config) {
  if (config.groups.empty())
    return error_json(no_groups_sentence());
  auto list = ordered_json::array();
  for (const auto& group : config.groups) {
    ordered_json json;
    json["name"] = group.name;
    json["description"] = group.description;
    json["shared_context_present"] = !without_blanks(group.shared_context).empty();
    json["member_count"] = group.members.size();
    json["members"] = members_json(config, group, detail::brief);
    list.push_back(std::move(json));
  }
  return list;
}

ordered_json inspect_group_json(const configuration& config, std::string_view name) {
  const auto* group = config.find_group(name);
  if (group == nullptr)
    return error_json(unknown_group_sentence(config, name));
  ordered_json json;
  json["name"] = group->name;
  json["description"] = group->description;
  json["shared_context"] = group->shared_context;
  json["member_count"] = group->members.size();
  json["members"] = members_json(config, *group, detail::full);
  return json;
}

ordered_json added_group_json(const group_config& group) {
  ordered_json json;
  json["added"] = group.name;
  json["description"] = group.description;
  json["shared_context"] = group.shared_context;
  json["members"] = ordered_json::array();
  for (const auto& member : group.members)
    json["members"].push_back(member.agent.value);
  return json;
}

} // namespace agent_dispatch
