#pragma once

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Looks at directories of agents for the sessions, one look after the other. Spawn it detached.
viewer_actor::behavior_type viewer(viewer_actor::pointer self);

} // namespace agent_dispatch
