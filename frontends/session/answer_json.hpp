#pragma once

#include "frontends/session/dialect.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

/// What a call is answered with, as both dialects show it: a DispatchResult, a ref, a job's record, or `{"error": …}`.
ordered_json answer_json(const pending_call& call, const dispatch_answer& answer);

} // namespace agent_dispatch
