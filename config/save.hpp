#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "config/load.hpp"
#include "config/paths.hpp"
#include "config/yaml_edit.hpp"
#include "messages/agent.hpp"
#include "messages/fault.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

/// A change of agents.yaml that was made.
struct saved_configuration {
  configuration value; ///< as it is now in the file
  yaml::comment_loss lost = yaml::comment_loss::none;
};

/// Makes a new text out of the old one ("" when there is no file) and what that says.
using configuration_edit =
    std::function<expected<yaml::edited_text>(const std::string& text, const configuration& now)>;

/// Load, change, save, under the lock `<config path as given>.lock` that is waited for at most `patience`. The new text
/// is saved only if it is a configuration. The file becomes 0600, and its directory 0700 if it is made here or is
/// called agent-dispatch. Faults: those of loading, of `edit`, `lock_timeout` and `config_write`; the file is then as
/// it was.
expected<saved_configuration> change_configuration(const config_paths& paths, const configuration_edit& edit,
                                                   std::chrono::milliseconds patience = limits::shared_lock);

enum class creation { made, was_there };

/// Makes agents.yaml without agents. One that is there stays as it is, broken or not, but for its mode (0600).
expected<creation> create_configuration(const config_paths& paths,
                                        std::chrono::milliseconds patience = limits::shared_lock);

} // namespace agent_dispatch
