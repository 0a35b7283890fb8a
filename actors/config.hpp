#pragma once

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Gives the configuration as the file has it now. Looks at the file on every call, so spawn it detached.
config_actor::behavior_type config(config_actor::pointer self, std::shared_ptr<config_file> file);

} // namespace agent_dispatch
