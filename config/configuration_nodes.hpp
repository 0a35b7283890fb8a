#pragma once

#include "config/paths.hpp"
#include "config/yaml_edit.hpp"
#include "config/yaml_tree.hpp"
#include "messages/agent.hpp"
#include "messages/fault.hpp"

/// What agents and groups look like in agents.yaml.
namespace agent_dispatch {

/// A text of others: invalid UTF-8 is repaired.
yaml::node_ptr text_node(std::string_view text);
yaml::node_ptr list_node(const std::vector<std::string>& texts);
yaml::node_ptr number_node(int number);
yaml::node_ptr number_node(double number);

/// Only what is set, so that the file stays short and other programs find no key they do not know.
yaml::node_ptr node_of(const agent_config& agent);
yaml::node_ptr node_of(const group_config& group);

/// A fault of the text as one of the file at `paths.config`.
expected<yaml::edited_text> edited_or_fault(tl::expected<yaml::edited_text, yaml::text_fault> edited,
                                            const config_paths& paths);

} // namespace agent_dispatch
