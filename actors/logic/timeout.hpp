#pragma once

#include <chrono>

#include "messages/agent.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// How long the run may take, counted from its start: the request's own timeout when it is positive, clamped to 10–7200
/// seconds unless the request says otherwise; else the agent's.
std::chrono::seconds effective_timeout(const run_request& request, const resolved_agent& agent);

} // namespace agent_dispatch
