#pragma once

#include "messages/json.hpp"

/// The output schemas of the tools: what stands in `structuredContent`. Every answer may be `{"error", "hint"?}`
/// instead. Those whose root has no `type` describe answers that may be arrays.
namespace agent_dispatch::answer_schema {

ordered_json agents();
ordered_json agent();
ordered_json groups();
ordered_json group();
ordered_json dispatched();
ordered_json dispatched_or_ref();
ordered_json parallel();
ordered_json dialogue();
ordered_json accepted_job();
ordered_json record();
ordered_json cancelled();
ordered_json job_rows();
ordered_json fetched();
ordered_json collected();
ordered_json cache_stats();
ordered_json cache_cleared();
ordered_json added();
ordered_json updated();
ordered_json removed();

} // namespace agent_dispatch::answer_schema
