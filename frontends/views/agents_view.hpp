#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "messages/agent.hpp"
#include "messages/json.hpp"

/// What the tools about agents answer, and their commands with `--json`. Members come in the interface's order. They
/// look at the agents' directories, so never call them where nothing may block.
namespace agent_dispatch {

/// `{"error": …}`, the answer of whatever failed.
ordered_json error_json(std::string_view sentence);

/// `true`, `false` or "UNREADABLE".
ordered_json health_json(const std::filesystem::path& directory);

/// An array with one object per agent, or `{"error"}` when there is none.
ordered_json list_agents_json(const configuration& config);

/// One agent with the beginnings of its documents, or `{"error"}` when there is none of that name. `preview_lines` is
/// clamped to 0–200; 0: no previews.
ordered_json inspect_agent_json(const configuration& config, std::string_view name, int preview_lines);

/// What adding an agent answers: `added, directory, description`, and what is set of mode, tools and capabilities.
ordered_json added_agent_json(const agent_config& agent);

/// What changing an agent or group answers: `updated, fields`.
ordered_json updated_json(std::string_view name, const std::vector<std::string_view>& fields);

/// What removing an agent or group answers: `removed`.
ordered_json removed_json(std::string_view name);

/// The sentence of an empty list.
std::string_view no_agents_sentence();

} // namespace agent_dispatch
