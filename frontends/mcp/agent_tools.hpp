#pragma once

#include "frontends/mcp/tools.hpp"

/// The tools that show groups, and that change the agents of the configuration.
namespace agent_dispatch {

void run_list_groups(session_services& services, const tool_call& call);
void run_inspect_group(session_services& services, const tool_call& call);
void run_add_agent(session_services& services, const tool_call& call);
void run_update_agent(session_services& services, const tool_call& call);
void run_remove_agent(session_services& services, const tool_call& call);

} // namespace agent_dispatch
