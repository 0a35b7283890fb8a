#pragma once

#include "messages/json.hpp"

namespace agent_dispatch {

/// A run request as the control protocol's `dispatch` carries it.
ordered_json run_request_json(const run_request& run);

/// Fault `protocol`: a member has the wrong type.
expected<run_request> run_request_from(const nlohmann::json& json);

} // namespace agent_dispatch
