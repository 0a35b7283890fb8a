#include "frontends/session/answer_json.hpp"

#include "frontends/views/jobs_view.hpp"

namespace agent_dispatch {

namespace {

std::string not_kept_hint(const fault& why) {
  return "The result could not be stored, so it is here alone: " + why.message;
}

ordered_json with_hint(ordered_json json, const std::optional<fault>& not_kept) {
  if (!not_kept)
    return json;
  auto hint = not_kept_hint(*not_kept);
  if (json.contains("hint") && json["hint"].is_string())
    hint = json["hint"].get<std::string>() + " " + hint;
  json["hint"] = hint;
  return json;
}

} // namespace

ordered_json answer_json(const pending_call& call, const dispatch_answer& answer) {
  if (!answer.value) {
    ordered_json refusal;
    refusal["error"] = answer.value.error().message;
    return refusal;
  }
  if (answer.job)
    return call.view == answer_view::record ? with_hint(waited_job_json(*answer.job), answer.not_kept)
                                            : accepted_job_json(*answer.job);
  if (answer.ref && call.view == answer_view::ref)
    return ref_json(*answer.ref, *answer.value, call.summary_chars);
  return with_hint(to_json(*answer.value), answer.not_kept);
}

} // namespace agent_dispatch
