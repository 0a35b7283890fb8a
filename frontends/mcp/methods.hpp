#pragma once

#include "frontends/mcp/mcp_request.hpp"

namespace agent_dispatch {

/// What `initialize` and `server/discover` say.
ordered_json server_capabilities(const era& spoken);

/// Answers a request, but for those that change the connection (`initialize`, `logging/setLevel`). Exactly once.
void answer_method(const mcp_request& request, const answer_form& form);

} // namespace agent_dispatch
