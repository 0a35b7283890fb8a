#include "actors/logic/timeout.hpp"

#include <algorithm>

#include "messages/limits.hpp"

namespace agent_dispatch {

std::chrono::seconds effective_timeout(const run_request& request, const resolved_agent& agent) {
  if (request.timeout <= std::chrono::seconds::zero())
    return agent.timeout;
  if (!request.clamp_timeout)
    return std::min(request.timeout, limits::longest_timeout);
  return std::clamp<std::chrono::seconds>(request.timeout, limits::timeout_floor, limits::timeout_ceiling);
}

} // namespace agent_dispatch
