#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/save.hpp"

/// Changes of the groups in agents.yaml, each under its lock. All fail as `change_configuration` does, and with
/// `invalid_argument` where that is said.
namespace agent_dispatch {

/// What an update sets. Absent: stays as it is; "": none.
struct group_update {
  std::optional<std::string> description;
  std::optional<std::string> shared_context;
};

/// The keys of what is set. Empty: there is nothing to update.
std::vector<std::string_view> fields_of(const group_update& update);

/// `invalid_argument` when its name cannot be one or is taken, `unknown_agent` when a member is none. A member that is
/// given twice is stored once.
expected<saved_configuration> add_group(const config_paths& paths, const group_config& group,
                                        std::chrono::milliseconds patience = limits::shared_lock);

/// `invalid_argument` when there is none of that name. Its members, and keys of others, stay.
expected<saved_configuration> update_group(const config_paths& paths, std::string_view name, const group_update& update,
                                           std::chrono::milliseconds patience = limits::shared_lock);

/// `invalid_argument` when there is none of that name. Its members stay as agents.
expected<saved_configuration> remove_group(const config_paths& paths, std::string_view name,
                                           std::chrono::milliseconds patience = limits::shared_lock);

} // namespace agent_dispatch
