#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/agent.hpp"
#include "messages/ids.hpp"
#include "messages/run.hpp"

/// Every sentence of this layer that a person or an agent reads. A command in one works when pasted into a shell, a
/// call when made as an MCP tool call. None ends in a newline.
namespace agent_dispatch::sentences {

/// Ends the prompt of a dispatch that asks for JSON.
inline constexpr std::string_view json_footer =
    "Reply with one JSON value and nothing else: no prose before or after it, no code fence. "
    "If you cannot do what is asked, reply with {\"error\": \"<reason>\"}.";

// What agents are told about each other.
std::string shared_by_group(std::string_view group, std::string_view shared_context);
/// Of a parallel request, for the one that makes one answer of all.
inline constexpr std::string_view aggregation_task =
    "Make one answer of the results below. Say what they agree on, where they contradict each other and which of them "
    "failed, and end with what should be done.";
inline constexpr std::string_view aggregation_goal = "one answer from what several agents found";
inline constexpr std::string_view aggregation_caller = "agent-dispatch, for several agents that worked side by side";
std::string succeeded_part(const agent_name& agent, std::string_view result);
std::string previewed_part(const agent_name& agent, std::string_view beginning);
std::string failed_part(const agent_name& agent, std::optional<error_type> type, std::string_view error);
/// At most so many bytes of what goes from one agent to another, and how many there were.
std::string cut_off(std::string whole, std::size_t bytes);
/// The first turn of a dialogue; `marker` ends it.
std::string opens_dialogue(const agent_name& other, std::string_view topic, std::string_view marker);
/// A later turn. `topic`: for who has not heard it yet, else "".
std::string goes_on_with_dialogue(const agent_name& other, std::string_view message, std::string_view topic,
                                  std::string_view marker);

// Why a run was not started.
std::string looks_like_an_option(std::string_view field, std::string_view value);
std::string holds_a_nul(std::string_view field);
std::string too_deep(int depth, int max_dispatch_depth);
std::string directory_missing(const agent_name& agent, const std::filesystem::path& directory);
std::string directory_unusable(const agent_name& agent, const std::filesystem::path& directory, int error_number);
/// Of a request that consists of others.
std::string driver_died();
/// The errors of jobs that ended without a result.
std::string job_lost(const std::optional<session_id>& session);
std::string disk_was_full(const std::optional<session_id>& session);
std::string job_never_started();
std::string job_ended_with_frontend(const session_id& session);
std::string job_kills_supervisors(int deaths);
std::string ended_without_record(std::string_view why);
std::string not_recorded(std::string_view why);
std::string cli_missing();
std::string cli_not_executable(int error_number);
std::string cli_vanished();
std::string arguments_too_long();
std::string start_failed(std::string_view step, int error_number);
std::string cancelled_before_start(const agent_name& agent);

// How a run ended.
std::string timed_out(const agent_name& agent, std::chrono::seconds timeout);
std::string cancelled(const agent_name& agent);
std::string left_to_others(const agent_name& agent);
std::string output_limit(const agent_name& agent);
std::string exited(int code);
std::string died_by_signal(int signal);
std::string lost(const agent_name& agent, const std::optional<session_id>& session);
std::string said_nothing();
std::string only_events();
std::string line_too_long();
std::string error_without_text();

// What to do about it: appended to `error`.
/// `session`: absent when there is none to resume.
std::string after_timeout(const agent_name& agent, std::chrono::seconds timeout,
                          const std::optional<session_id>& session);
/// `budget`: the run's limit in US dollars; absent when only the CLI knows it.
std::string after_budget_stop(const agent_name& agent, std::optional<double> budget,
                              const std::optional<session_id>& session);
std::string after_denial(const agent_name& agent, const tool_list& allowed, const std::vector<std::string>& denied);

// Hints.
std::string tools_were_denied(const agent_name& agent, const tool_list& allowed,
                              const std::vector<std::string>& denied);
std::string over_budget(const agent_name& agent, double cost, double budget);
std::string ended_after_its_answer(std::chrono::seconds timeout);
std::string ended_over_output_limit();
std::string answer_was_cut();
std::string answered_before_it_was_lost();
std::string processes_left(int count);

// Why a run waits.
inline constexpr std::string_view waits_for_caller =
    "the supervisor that accepted it has died, and with it what its caller's environment is: it starts when that "
    "caller "
    "(its serve process, or the command that waits for it) is connected again";

// While the API turns requests away. `status`: of HTTP; absent: it does not answer at all.
std::string api_trouble_text(const std::optional<std::int64_t>& status);
std::string starts_are_apart(const std::optional<std::int64_t>& status, std::chrono::milliseconds interval,
                             std::chrono::steady_clock::duration until_next);

// Why a request is refused before anything runs.
std::string prompt_too_long(std::size_t bytes);
std::string session_id_too_long(std::size_t bytes);
std::string agent_queue_full(const agent_name& agent, std::size_t runs);
std::string queue_full(std::size_t runs);
std::string requests_too_large(std::size_t bytes);

} // namespace agent_dispatch::sentences
