#include "frontends/mcp/era.hpp"

#include <algorithm>
#include <array>

#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

// clang-format off
constexpr std::array all_eras{
    //  revision      stateless annotations progress text completions titles object value  elicit no id
    era{"2026-07-28", true,     true,       true,         true,       true,  true,  true, true, true},
    era{"2025-11-25", false,    true,       true,         true,       true,  true,  false, true, true},
    era{"2025-06-18", false,    true,       true,         true,       true,  true,  false, true, false},
    era{"2025-03-26", false,    true,       true,         true,       false, false, false, false, false},
    era{"2024-11-05", false,    false,      false,        false,      false, false, false, false, false},
};
// clang-format on

} // namespace

std::span<const era> eras() { return all_eras; }

const era* find_era(std::string_view revision) {
  const auto found =
      std::find_if(all_eras.begin(), all_eras.end(), [&](const era& each) { return each.revision == revision; });
  return found == all_eras.end() ? nullptr : &*found;
}

const era& newest_handshake() {
  return *std::find_if(all_eras.begin(), all_eras.end(), [](const era& each) { return !each.is_stateless; });
}

ordered_json revision_names() {
  auto names = ordered_json::array();
  for (const auto& each : all_eras)
    names.push_back(each.revision);
  return names;
}

ordered_json finished(const era& spoken, ordered_json result) {
  if (!spoken.is_stateless)
    return result;
  result["resultType"] = "complete";
  result["_meta"][meta_key::server] = server_info();
  return result;
}

ordered_json finished_for(const era& spoken, ordered_json result, std::int64_t ttl_ms, cache_scope scope) {
  if (!spoken.is_stateless)
    return result;
  result["ttlMs"] = ttl_ms;
  result["cacheScope"] = scope == cache_scope::everybody ? "public" : "private";
  return finished(spoken, std::move(result));
}

ordered_json server_info() {
  ordered_json info;
  info["name"] = "agent-dispatch";
  info["version"] = program_version;
  return info;
}

} // namespace agent_dispatch
