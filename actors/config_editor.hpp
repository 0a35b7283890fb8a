#pragma once

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Changes agents.yaml under the lock that it shares with the commands. Waits for that lock and for the disk, so spawn
/// it detached. Orders are carried out one after the other; the wait of each counts from when it was given.
config_editor_actor::behavior_type config_editor(config_editor_actor::pointer self, config_paths paths);

} // namespace agent_dispatch
