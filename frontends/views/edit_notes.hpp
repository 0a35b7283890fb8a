#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/agent_edits.hpp"
#include "config/discovery.hpp"
#include "messages/json.hpp"

/// What whoever changed the configuration should know although it worked: one sentence each.
namespace agent_dispatch {

using edit_notes = std::vector<std::string>;

/// What the edit cost the text of the file.
edit_notes notes_on_file(const saved_configuration& saved);

/// On the values of an agent: an odd permission mode, a directory that cannot be used.
edit_notes notes_on_agent(const agent_config& agent, directory_health health);

/// On what an update set.
edit_notes notes_on_update(const agent_update& update);

/// On groups that still name a removed agent.
edit_notes notes_on_removal(const agent_name& removed, const configuration& now);

/// All of them, in their order.
edit_notes joined(edit_notes first, const edit_notes& second);

/// Adds the notes as `hint`, if there are any.
ordered_json with_notes(ordered_json answer, const edit_notes& notes);

} // namespace agent_dispatch
