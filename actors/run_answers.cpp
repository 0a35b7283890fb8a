#include "actors/run_answers.hpp"

#include "actors/logic/child_environment.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/logic/timeout.hpp"

namespace agent_dispatch {

namespace {

run_facts facts_of(const run_spec& spec, attempt which) {
  const auto start = spec.resumed ? session_start::resumed : session_start::fresh;
  return {.agent = spec.agent,
          .session = {which == attempt::first ? spec.session : session_id{}, start},
          .timeout = spec.timeout,
          .format = spec.request.format};
}

/// The session that a refused run was to go on in is still there to be resumed.
dispatch_answer answer_refused(const run_spec& spec, dispatch_result refusal) {
  if (spec.resumed)
    refusal.session = spec.session;
  return {std::move(refusal)};
}

} // namespace

std::optional<progress_event> progress_of(const output_event& event) {
  if (const auto* shown = std::get_if<progress_event>(&event))
    return *shown;
  if (const auto* denied = std::get_if<tool_denied>(&event))
    return progress_event{progress_kind::note, "Tool denied: " + denied->tool};
  if (const auto* retry = std::get_if<api_retry>(&event))
    return progress_event{progress_kind::note,
                          "The API did not answer (" + retry->error + "); the CLI tries again" +
                              (retry->attempt ? ", attempt " + std::to_string(*retry->attempt) : std::string{})};
  return std::nullopt;
}

dispatch_answer answer_ended(const run_spec& spec, attempt which, const parsed_output& output,
                             const exit_record& record, std::string_view stderr_text) {
  return {conclude(facts_of(spec, which), output, record, stderr_text)};
}

dispatch_answer answer_not_started(const run_spec& spec, const launch_result& result) {
  switch (result.problem) {
  case launch_problem::cli_missing:
    return answer_refused(spec, refuse_cli(spec.agent.name));
  case launch_problem::refused:
    return answer_refused(spec, refuse(spec.agent.name, {fault_kind::invalid_argument, result.reason}));
  case launch_problem::none:
  case launch_problem::system:
    break;
  }
  return answer_refused(spec, refuse(spec.agent.name, {fault_kind::io, result.reason}));
}

dispatch_answer answer_not_recorded(const run_spec& spec, const fault& problem) {
  return {refuse(spec.agent.name, {problem.kind, sentences::not_recorded(problem.message)})};
}

dispatch_answer answer_cancelled_in_queue(const run_spec& spec) {
  return answer_refused(spec, refuse_cancelled(spec.agent.name));
}

dispatch_answer answer_cancelled_early(const run_spec_ptr& spec) {
  if (spec)
    return answer_cancelled_in_queue(*spec);
  return {failure(fault_kind::cancelled, "cancelled before it started")};
}

dispatch_answer answer_left_run(const run_spec& spec) { return {refuse_left(spec.agent.name)}; }

dispatch_answer answer_lost(const run_spec& spec, attempt which, const parsed_output& output) {
  return {conclude_lost(facts_of(spec, which), output)};
}

bool is_rejected_session_id(const run_spec& spec, const parsed_output& output, const exit_record& record,
                            std::string_view stderr_text) {
  return !spec.resumed && is_session_id_rejected(output, record, stderr_text);
}

} // namespace agent_dispatch
