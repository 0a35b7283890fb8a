#pragma once

#include "actors/logic/outcome.hpp"
#include "actors/logic/output_parser.hpp"
#include "messages/actors.hpp"

/// The answers of runs, from what the actors know.
namespace agent_dispatch {

/// What a person is shown of an event; absent when it is nothing to show.
std::optional<progress_event> progress_of(const output_event& event);

dispatch_answer answer_ended(const run_spec& spec, attempt which, const parsed_output& output,
                             const exit_record& record, std::string_view stderr_text);
dispatch_answer answer_not_started(const run_spec& spec, const launch_result& result);
/// The request could not be written down, so nothing was started.
dispatch_answer answer_not_recorded(const run_spec& spec, const fault& problem);
dispatch_answer answer_cancelled_in_queue(const run_spec& spec);
/// The same of a request that may have no run of its own, or none yet: `spec` may be null.
dispatch_answer answer_cancelled_early(const run_spec_ptr& spec);
/// Cancelled by one who waited for it, while others still do.
dispatch_answer answer_left_run(const run_spec& spec);
/// The keeper died without a word: what the run had to show, and how to go on.
dispatch_answer answer_lost(const run_spec& spec, attempt which, const parsed_output& output);

bool is_rejected_session_id(const run_spec& spec, const parsed_output& output, const exit_record& record,
                            std::string_view stderr_text);

} // namespace agent_dispatch
