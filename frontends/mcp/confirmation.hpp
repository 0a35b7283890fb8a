#pragma once

#include <vector>

#include "frontends/mcp/tools.hpp"

namespace agent_dispatch {

/// Starts what a tool was called for. With `settings.confirm_risky`, the client's user is asked before one of `agents`
/// that has risky capabilities may act; where the client cannot ask, the answer says that nobody was.
void dispatch_when_confirmed(session_services& services, const tool_call& call, std::vector<agent_name> agents,
                             dispatch_order order);

} // namespace agent_dispatch
