#pragma once

#include "messages/json.hpp"

/// The input schemas of the tools, JSON Schema as MCP uses it.
namespace agent_dispatch::schema {

ordered_json none();
ordered_json inspect_agent();
ordered_json dispatch();
ordered_json dispatch_stream();
ordered_json dispatch_session();
ordered_json dispatch_parallel();
ordered_json dispatch_dialogue();
ordered_json job();
ordered_json dispatch_wait();
ordered_json dispatch_jobs();
ordered_json fetch_result();
ordered_json dispatch_gc();
ordered_json inspect_group();
ordered_json add_agent();
ordered_json update_agent();
ordered_json remove_agent();

} // namespace agent_dispatch::schema
