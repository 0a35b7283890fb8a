#include "actors/logic/outcome.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "actors/logic/error_text.hpp"
#include "actors/logic/parsed_reply.hpp"
#include "actors/logic/sentences.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

void fail(dispatch_result& answer, error_type type, std::string error) {
  answer.success = false;
  answer.error_type = type;
  answer.error = std::move(error);
}

dispatch_result refusal(const agent_name& agent, error_type type, std::string error) {
  dispatch_result answer;
  answer.agent = agent;
  fail(answer, type, std::move(error));
  return answer;
}

void advise(dispatch_result& answer, const std::string& advice) { answer.error->append("\n\n").append(advice); }

void add_hint(dispatch_result& answer, std::string hint) {
  if (answer.hint)
    answer.hint->append(" ").append(hint);
  else
    answer.hint = std::move(hint);
}

/// The tools a result names, and those denied while it ran: a result of a later turn may not repeat an earlier one's.
std::vector<std::string> denied_tools(const parsed_output& output) {
  std::vector<std::string> tools;
  if (output.result && output.result->denials)
    tools = *output.result->denials;
  for (const auto& tool : output.denied)
    if (tools.size() < limits::denied_tools && std::find(tools.begin(), tools.end(), tool) == tools.end())
      tools.push_back(tool);
  return tools;
}

std::optional<session_id> session_of(const run_facts& facts, const parsed_output& output) {
  if (output.result && output.result->session)
    return output.result->session;
  if (output.session)
    return output.session;
  if (facts.session.id.empty())
    return std::nullopt;
  return facts.session.id;
}

const std::string& shown_text(const parsed_output& output) {
  return output.agent_text.empty() ? output.plain_text : output.agent_text;
}

/// Everything that does not depend on how the run ended.
dispatch_result what_it_had_to_show(const run_facts& facts, const parsed_output& output) {
  dispatch_result answer;
  answer.agent = facts.agent.name;
  answer.session = session_of(facts, output);
  answer.cost_usd = output.cost_usd;
  answer.denied_tools = denied_tools(output);
  if (output.result) {
    answer.result = output.result->text.value_or("");
    answer.duration_ms = output.result->duration_ms;
    answer.num_turns = output.result->num_turns;
  }
  return answer;
}

/// A run that did not come to its end has still said something.
void show_partial_text(dispatch_result& answer, const parsed_output& output) {
  if (is_blank(answer.result))
    answer.result = shown_text(output);
}

bool is_budget_stop(const result_event& result) {
  return result.subtype == "error_max_budget_usd" || result.terminal_reason == "budget_exhausted";
}

void conclude_error(dispatch_result& answer, const run_facts& facts, const result_event& result) {
  auto error = error_text(result);
  const auto type = is_budget_stop(result)         ? error_type::budget
                    : !answer.denied_tools.empty() ? error_type::permission
                    : speaks_of_permissions(error) ? error_type::permission
                                                   : error_type::cli_error;
  fail(answer, type, std::move(error));
  if (type == error_type::budget) {
    answer.budget_exceeded = true;
    advise(answer, sentences::after_budget_stop(facts.agent.name, facts.agent.max_budget_usd, answer.session));
  } else if (type == error_type::permission) {
    advise(answer, sentences::after_denial(facts.agent.name, facts.agent.allowed_tools, answer.denied_tools));
  }
}

void conclude_result(dispatch_result& answer, const run_facts& facts, const parsed_output& output,
                     const exit_record& record) {
  answer.success = !output.result->is_error;
  if (!answer.success) {
    conclude_error(answer, facts, *output.result);
    show_partial_text(answer, output);
  }
  if (record.reason == end_reason::deadline)
    add_hint(answer, sentences::ended_after_its_answer(facts.timeout));
  else if (record.reason == end_reason::output_limit)
    add_hint(answer, sentences::ended_over_output_limit());
}

void conclude_ended(dispatch_result& answer, const run_facts& facts, const parsed_output& output,
                    const exit_record& record) {
  show_partial_text(answer, output);
  if (record.reason == end_reason::cancelled) {
    fail(answer, error_type::cancelled, sentences::cancelled(facts.agent.name));
  } else if (record.reason == end_reason::output_limit) {
    fail(answer, error_type::cli_error, sentences::output_limit(facts.agent.name));
  } else {
    fail(answer, error_type::timeout, sentences::timed_out(facts.agent.name, facts.timeout));
    advise(answer, sentences::after_timeout(facts.agent.name, facts.timeout, answer.session));
  }
}

std::string error_without_output(const parsed_output& output, const exit_record& record) {
  if (record.signal)
    return sentences::died_by_signal(*record.signal);
  if (output.dropped_lines > 0)
    return sentences::line_too_long();
  if (record.exit_code.value_or(0) != 0)
    return sentences::exited(*record.exit_code);
  return output.has_events ? sentences::only_events() : sentences::said_nothing();
}

void conclude_without_result(dispatch_result& answer, const run_facts& facts, const parsed_output& output,
                             const exit_record& record, std::string_view stderr_text) {
  if (record.disk_full) { // whatever is there, its end is missing
    show_partial_text(answer, output);
    fail(answer, error_type::cli_error, sentences::disk_was_full(answer.session));
    return;
  }
  if (record.exit_code == 0 && !output.plain_text.empty()) {
    answer.success = true;
    answer.result = output.plain_text;
    if (output.plain_text_cut)
      add_hint(answer, sentences::answer_was_cut());
    return;
  }
  show_partial_text(answer, output);
  auto error = bounded_error(stderr_text);
  if (error.empty() && !record.signal)
    error = bounded_error(output.plain_text);
  if (error.empty())
    error = error_without_output(output, record);
  const bool permission = speaks_of_permissions(error);
  fail(answer, permission ? error_type::permission : error_type::cli_error, std::move(error));
  if (permission)
    advise(answer, sentences::after_denial(facts.agent.name, facts.agent.allowed_tools, answer.denied_tools));
}

void add_soft_signals(dispatch_result& answer, const run_facts& facts, const exit_record& record) {
  const auto& agent = facts.agent;
  if (answer.success && !answer.denied_tools.empty())
    add_hint(answer, sentences::tools_were_denied(agent.name, agent.allowed_tools, answer.denied_tools));
  const bool over = agent.max_budget_usd && answer.cost_usd && *answer.cost_usd > *agent.max_budget_usd;
  if (over && !answer.budget_exceeded) {
    answer.budget_exceeded = true;
    add_hint(answer, sentences::over_budget(agent.name, *answer.cost_usd, *agent.max_budget_usd));
  }
  if (record.left_over > 0)
    add_hint(answer, sentences::processes_left(record.left_over));
  if (answer.success && facts.format == response_format::json)
    answer.parsed_result = parse_reply(answer.result);
}

bool is_missing(int error_number) { return error_number == ENOENT || error_number == ENOTDIR; }

dispatch_result conclude_not_started(const run_facts& facts, const exit_record& record) {
  const auto& name = facts.agent.name;
  const auto& directory = facts.agent.directory;
  const int error = record.start_errno;
  if (record.reason == end_reason::cancelled)
    return refuse_cancelled(name);
  if (record.start_step == "chdir")
    return is_missing(error)
               ? refuse_directory(facts.agent)
               : refusal(name, error_type::cli_error, sentences::directory_unusable(name, directory, error));
  if (record.start_step != "execve")
    return refusal(name, error_type::cli_error, sentences::start_failed(record.start_step, error));
  if (is_missing(error))
    return refusal(name, error_type::not_found, sentences::cli_vanished());
  return refusal(name, error_type::cli_error,
                 error == E2BIG ? sentences::arguments_too_long() : sentences::cli_not_executable(error));
}

} // namespace

output_marks marks_of(const exit_record& record) {
  output_marks marks{.at_signal = record.output_at_signal, .at_end = {}};
  if (record.output_end > 0)
    marks.at_end = record.output_end;
  return marks;
}

dispatch_result conclude(const run_facts& facts, const parsed_output& output, const exit_record& record,
                         std::string_view stderr_text) {
  if (!record.started) {
    auto answer = conclude_not_started(facts, record);
    if (facts.session.start == session_start::resumed)
      answer.session = facts.session.id;
    return answer;
  }
  auto answer = what_it_had_to_show(facts, output);
  const bool ended = record.reason != end_reason::none;
  if (ended && (record.reason == end_reason::cancelled || !output.answered_in_time))
    conclude_ended(answer, facts, output, record);
  else if (output.result)
    conclude_result(answer, facts, output, record);
  else
    conclude_without_result(answer, facts, output, record, stderr_text);
  add_soft_signals(answer, facts, record);
  return answer;
}

dispatch_result conclude_lost(const run_facts& facts, const parsed_output& output) {
  exit_record record;
  record.started = true;
  auto answer = what_it_had_to_show(facts, output);
  if (output.result) {
    conclude_result(answer, facts, output, record);
    add_hint(answer, sentences::answered_before_it_was_lost());
  } else {
    show_partial_text(answer, output);
    fail(answer, error_type::cli_error, sentences::lost(facts.agent.name, answer.session));
  }
  add_soft_signals(answer, facts, record);
  return answer;
}

bool is_session_id_rejected(const parsed_output& output, const exit_record& record, std::string_view stderr_text) {
  return record.started && record.reason == end_reason::none && record.exit_code.value_or(0) != 0 &&
         output.bytes == 0 && stderr_text.find("unknown option") != std::string_view::npos &&
         stderr_text.find("--session-id") != std::string_view::npos;
}

dispatch_result refuse_depth(const agent_name& agent, int depth, int max_dispatch_depth) {
  return refusal(agent, error_type::recursion, sentences::too_deep(depth, max_dispatch_depth));
}

dispatch_result refuse_directory(const resolved_agent& agent) {
  return refusal(agent.name, error_type::not_found, sentences::directory_missing(agent.name, agent.directory));
}

dispatch_result refuse_cli(const agent_name& agent) {
  return refusal(agent, error_type::not_found, sentences::cli_missing());
}

dispatch_result refuse_cancelled(const agent_name& agent) {
  return refusal(agent, error_type::cancelled, sentences::cancelled_before_start(agent));
}

dispatch_result refuse_left(const agent_name& agent) {
  return refusal(agent, error_type::cancelled, sentences::left_to_others(agent));
}

dispatch_result refuse(const agent_name& agent, const fault& reason) {
  return refusal(agent, error_type::cli_error, reason.message);
}

} // namespace agent_dispatch
