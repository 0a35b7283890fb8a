#include "frontends/session/answer_json.hpp"

#include <cmath>

#include "frontends/views/jobs_view.hpp"

namespace agent_dispatch {

namespace {

std::string not_kept_hint(const fault& why) {
  return "The result could not be stored, so it is here alone: " + why.message;
}

ordered_json with_hint(ordered_json json, std::string hint) {
  if (hint.empty())
    return json;
  if (json.contains("hint") && json["hint"].is_string())
    hint = json["hint"].get<std::string>() + " " + hint;
  json["hint"] = hint;
  return json;
}

ordered_json with_hint(ordered_json json, const std::optional<fault>& not_kept) {
  return with_hint(std::move(json), not_kept ? not_kept_hint(*not_kept) : std::string{});
}

ordered_json parallel_json(const pending_call& call, const parallel_answer& answer) {
  auto items = ordered_json::array();
  for (std::size_t i = 0; i < answer.items.size(); ++i) {
    const auto shown = i < call.items.size() ? call.items[i] : item_view{};
    items.push_back(answer_json(
        {.id = {}, .progress_token = {}, .view = shown.view, .summary_chars = shown.summary_chars}, answer.items[i]));
  }
  if (!answer.aggregated)
    return items;
  ordered_json both;
  both["individual_results"] = std::move(items);
  both["aggregated"] = answer_json({.id = {}, .progress_token = {}}, *answer.aggregated);
  return both;
}

ordered_json dialogue_json(const dialogue_answer& answer) {
  ordered_json json;
  json["resolved"] = answer.resolved;
  json["rounds"] = answer.conversation.empty() ? 0 : answer.conversation.back().round;
  json["total_cost_usd"] = std::round(answer.total_cost_usd * 10'000) / 10'000;
  json["total_duration_ms"] = answer.total_duration_ms;
  json["final_answer"] = answer.final_answer;
  json["conversation"] = ordered_json::array();
  for (const auto& turn : answer.conversation) {
    ordered_json row;
    row["agent"] = turn.agent.value;
    row["role"] = turn.role == dialogue_role::responder ? "responder" : "requester";
    row["round"] = turn.round;
    row["message"] = turn.message;
    row["cost_usd"] = turn.cost_usd ? ordered_json(*turn.cost_usd) : ordered_json(nullptr);
    if (turn.error)
      row["error"] = *turn.error;
    if (turn.error_type)
      row["error_type"] = to_string(*turn.error_type);
    json["conversation"].push_back(std::move(row));
  }
  return json;
}

} // namespace

namespace {

ordered_json plain_answer_json(const pending_call& call, const dispatch_answer& answer) {
  if (answer.parallel)
    return parallel_json(call, *answer.parallel);
  if (answer.dialogue)
    return dialogue_json(*answer.dialogue);
  if (answer.job)
    return call.view == answer_view::record ? with_hint(waited_job_json(*answer.job), answer.not_kept)
                                            : accepted_job_json(*answer.job);
  const bool is_ref = answer.ref && call.view == answer_view::ref;
  auto json = is_ref ? ref_json(*answer.ref, *answer.value, call.summary_chars)
                     : with_hint(to_json(*answer.value), answer.not_kept);
  if (answer.is_cached)
    json["cached"] = true;
  return json;
}

} // namespace

ordered_json answer_json(const pending_call& call, const dispatch_answer& answer) {
  if (!answer.value) {
    ordered_json refusal;
    refusal["error"] = answer.value.error().message;
    return refusal;
  }
  auto json = plain_answer_json(call, answer);
  // The answers of a parallel call are an array, of which the first has room for it.
  if (json.is_array() && !json.empty())
    json.front() = with_hint(std::move(json.front()), call.remark);
  else if (json.is_object())
    json = with_hint(std::move(json), call.remark);
  return json;
}

} // namespace agent_dispatch
