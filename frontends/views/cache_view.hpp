#pragma once

#include "messages/json.hpp"
#include "messages/supervision.hpp"

/// What the tools about the result cache answer.
namespace agent_dispatch {

/// `size, max_size, hits, misses, evictions, hit_rate, ttl`; `{enabled: false, message}` when there are no figures
/// because it is off. `hit_rate` is hits / (hits + misses), rounded to 3 decimals; 0 before the first look.
ordered_json cache_stats_json(const std::optional<cache_figures>& figures);

/// `{cleared}`, the number of entries there were, or that it is off.
ordered_json cache_cleared_json(const std::optional<std::size_t>& entries);

} // namespace agent_dispatch
