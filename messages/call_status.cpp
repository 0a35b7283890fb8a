#include "messages/call_status.hpp"

#include <array>
#include <utility>

namespace agent_dispatch {

namespace {

constexpr std::array<std::pair<call_state, std::string_view>, 3> words{
    {{call_state::starting, "starting"}, {call_state::queued, "queued"}, {call_state::running, "running"}}};

std::string_view word_of(call_state state) {
  for (const auto& [each, word] : words)
    if (each == state)
      return word;
  return {};
}

std::optional<call_state> state_of(const std::string& word) {
  for (const auto& [state, each] : words)
    if (each == word)
      return state;
  return std::nullopt;
}

const ordered_json* member(const ordered_json& json, const char* name) {
  const auto found = json.is_object() ? json.find(name) : json.end();
  return json.is_object() && found != json.end() ? &*found : nullptr;
}

std::string text_member(const ordered_json& json, const char* name) {
  const auto* found = member(json, name);
  return found != nullptr && found->is_string() ? found->get<std::string>() : std::string{};
}

std::uint64_t count_member(const ordered_json& json, const char* name) {
  const auto* found = member(json, name);
  const bool is_count = found != nullptr && found->is_number_integer() && *found >= 0;
  return is_count ? found->get<std::uint64_t>() : 0;
}

agent_figures_row row_from(const ordered_json& json) {
  return {.name = {text_member(json, "name")},
          .live = static_cast<int>(count_member(json, "live")),
          .queued = static_cast<int>(count_member(json, "queued"))};
}

} // namespace

ordered_json call_status_json(const call_status& status) {
  ordered_json json;
  json["state"] = word_of(status.state);
  if (status.position > 0)
    json["position"] = status.position;
  if (!status.reason.empty())
    json["reason"] = status.reason;
  if (!status.last_act.empty())
    json["last"] = status.last_act;
  if (status.cost_usd)
    json["cost_usd"] = *status.cost_usd;
  for (const auto& row : status.agents) {
    ordered_json agent;
    agent["name"] = row.name.value;
    agent["live"] = row.live;
    agent["queued"] = row.queued;
    json["agents"].push_back(std::move(agent));
  }
  return json;
}

std::optional<call_status> call_status_from(const ordered_json& json) {
  const auto state = state_of(text_member(json, "state"));
  if (!state)
    return std::nullopt;
  call_status status;
  status.state = *state;
  status.position = count_member(json, "position");
  status.reason = text_member(json, "reason");
  status.last_act = text_member(json, "last");
  if (const auto* cost = member(json, "cost_usd"); cost != nullptr && cost->is_number())
    status.cost_usd = cost->get<double>();
  if (const auto* agents = member(json, "agents"); agents != nullptr && agents->is_array())
    for (const auto& each : *agents)
      status.agents.push_back(row_from(each));
  return status;
}

} // namespace agent_dispatch
