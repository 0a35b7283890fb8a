#pragma once

#include <chrono>
#include <string_view>

#include "actors/logic/command_line.hpp"
#include "actors/logic/output_parser.hpp"
#include "messages/agent.hpp"
#include "messages/fault.hpp"
#include "messages/process.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// What was known of a run when it started.
struct run_facts {
  resolved_agent agent;
  run_session session;             ///< chosen or resumed; an empty id when the CLI was started without one
  std::chrono::seconds timeout{0}; ///< the one in force
  response_format format = response_format::text;
};

/// The marks for `output_parser::finish`. A record that knows no end (0) sets none, so that what a lost run had written
/// still counts.
output_marks marks_of(const exit_record& record);

/// The answer to a dispatch whose run is over. `stderr_text`: the first `limits::stderr_bytes` of it, in any encoding.
///
/// A result event decides, not the exit code. A run that was ended at its deadline is a timeout unless its result
/// was there before; a cancelled one is cancelled in any case, with what it had to show. Without a result event, plain
/// text and exit 0 are a success.
dispatch_result conclude(const run_facts& facts, const parsed_output& output, const exit_record& record,
                         std::string_view stderr_text);

/// The answer to a dispatch whose keeper died without a word. A result that is there is the answer all the same: it is
/// paid for. Else `cli_error`, with what the run had to show, naming the session to resume.
dispatch_result conclude_lost(const run_facts& facts, const parsed_output& output);

/// Whether this is a CLI too old for `--session-id`, that refused it before it did anything: then the run may be
/// started once more without (`session_flag::omit`).
bool is_session_id_rejected(const parsed_output& output, const exit_record& record, std::string_view stderr_text);

// Answers to dispatches that were never run.

/// `recursion`: the caller is already at `depth`.
dispatch_result refuse_depth(const agent_name& agent, int depth, int max_dispatch_depth);
/// `not_found`: the agent's directory is not there.
dispatch_result refuse_directory(const resolved_agent& agent);
/// `not_found`: no `claude` on the caller's PATH.
dispatch_result refuse_cli(const agent_name& agent);
/// `cancelled`, before a start.
dispatch_result refuse_cancelled(const agent_name& agent);
/// `cancelled`, while others wait for the run.
dispatch_result refuse_left(const agent_name& agent);
/// `cli_error`: a value that cannot be passed on, or a failure of ours.
dispatch_result refuse(const agent_name& agent, const fault& reason);

} // namespace agent_dispatch
