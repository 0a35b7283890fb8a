#include "frontends/views/cache_view.hpp"

#include <cmath>

namespace agent_dispatch {

namespace {

ordered_json switched_off() {
  ordered_json json;
  json["enabled"] = false;
  json["message"] = "The result cache is off: settings.cache.enabled is false in agents.yaml.";
  return json;
}

double hit_rate(const cache_figures& figures) {
  constexpr double thousandths = 1000;
  const auto looks = figures.hits + figures.misses;
  return looks == 0
             ? 0
             : std::round(static_cast<double>(figures.hits) / static_cast<double>(looks) * thousandths) / thousandths;
}

} // namespace

ordered_json cache_stats_json(const std::optional<cache_figures>& figures) {
  if (!figures)
    return switched_off();
  ordered_json json;
  json["size"] = figures->size;
  json["max_size"] = figures->max_size;
  json["hits"] = figures->hits;
  json["misses"] = figures->misses;
  json["evictions"] = figures->evictions;
  json["hit_rate"] = hit_rate(*figures);
  const auto whole = std::trunc(figures->ttl);
  constexpr double exact = 9e15; // above this a double is no exact integer
  if (whole == figures->ttl && whole < exact)
    json["ttl"] = static_cast<std::int64_t>(whole);
  else
    json["ttl"] = figures->ttl;
  return json;
}

ordered_json cache_cleared_json(const std::optional<std::size_t>& entries) {
  if (!entries)
    return switched_off();
  ordered_json json;
  json["cleared"] = *entries;
  return json;
}

} // namespace agent_dispatch
