#include "config/configuration_nodes.hpp"

#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

yaml::node_ptr text_node(std::string_view text) { return yaml::make_text(to_valid_utf8(text)); }

yaml::node_ptr list_node(const std::vector<std::string>& texts) {
  std::vector<std::string> valid;
  for (const auto& text : texts)
    valid.push_back(to_valid_utf8(text));
  return yaml::make_list(valid);
}

yaml::node_ptr number_node(int number) { return yaml::make_plain(std::to_string(number)); }
yaml::node_ptr number_node(double number) { return yaml::make_plain(yaml::write_real(number)); }

yaml::node_ptr node_of(const agent_config& agent) {
  auto map = std::make_shared<yaml::node>();
  yaml::append(*map, "directory", text_node(agent.directory.native()));
  yaml::append(*map, "description", text_node(agent.description));
  yaml::append(*map, "timeout", number_node(agent.timeout));
  if (agent.max_budget_usd)
    yaml::append(*map, "max_budget_usd", number_node(*agent.max_budget_usd));
  if (agent.model)
    yaml::append(*map, "model", text_node(*agent.model));
  if (agent.permission_mode)
    yaml::append(*map, "permission_mode", text_node(*agent.permission_mode));
  if (agent.allowed_tools)
    yaml::append(*map, "allowed_tools", list_node(*agent.allowed_tools));
  if (agent.disallowed_tools)
    yaml::append(*map, "disallowed_tools", list_node(*agent.disallowed_tools));
  if (!agent.capabilities.empty())
    yaml::append(*map, "capabilities", list_node(agent.capabilities));
  if (!agent.risky_capabilities.empty())
    yaml::append(*map, "risky_capabilities", list_node(agent.risky_capabilities));
  if (agent.max_parallel != 1)
    yaml::append(*map, "max_parallel", number_node(agent.max_parallel));
  return map;
}

yaml::node_ptr node_of(const group_config& group) {
  auto map = std::make_shared<yaml::node>();
  map->kind = yaml::node_kind::map;
  if (!group.description.empty())
    yaml::append(*map, "description", text_node(group.description));
  if (!group.shared_context.empty())
    yaml::append(*map, "shared_context", text_node(group.shared_context));
  auto members = std::make_shared<yaml::node>();
  members->kind = yaml::node_kind::sequence;
  for (const auto& each : group.members) {
    auto member = std::make_shared<yaml::node>();
    yaml::append(*member, "agent", text_node(each.agent.value));
    if (!each.use_for.empty())
      yaml::append(*member, "use_for", text_node(each.use_for));
    members->items.push_back(std::move(member));
  }
  if (!group.members.empty())
    yaml::append(*map, "members", std::move(members));
  return map;
}

expected<yaml::edited_text> edited_or_fault(tl::expected<yaml::edited_text, yaml::text_fault> edited,
                                            const config_paths& paths) {
  if (!edited)
    return failure(fault_kind::config_write, to_valid_utf8(paths.config.native()) + ":" +
                                                 std::to_string(edited.error().line) + ": " + edited.error().what +
                                                 ". " + edited.error().remedy);
  return *std::move(edited);
}

} // namespace agent_dispatch
