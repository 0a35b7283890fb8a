#pragma once

#include <string_view>

#include "messages/agent.hpp"
#include "messages/json.hpp"

/// What the tools about groups answer, and their commands with `--json`. They look at the agents' directories.
namespace agent_dispatch {

/// An array with one object per group, or `{"error"}` when there is none. Members that name no agent have
/// `unknown: true`.
ordered_json list_groups_json(const configuration& config);

/// One group in full, or `{"error"}` when there is none of that name.
ordered_json inspect_group_json(const configuration& config, std::string_view name);

/// What adding a group answers: `added, description, shared_context, members`.
ordered_json added_group_json(const group_config& group);

/// The sentence of an empty list.
std::string_view no_groups_sentence();

} // namespace agent_dispatch
