#pragma once

#include "messages/json.hpp"

/// The input schemas of the tools, JSON Schema as MCP uses it.
namespace agent_dispatch::schema {

ordered_json none();
ordered_json inspect_agent();
ordered_json dispatch();
ordered_json dispatch_session();

} // namespace agent_dispatch::schema
