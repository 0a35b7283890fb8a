#pragma once

#include <string>
#include <string_view>

/// Every sentence of the commands that talk to a supervisor.
namespace agent_dispatch::supervisor_text {

inline constexpr std::string_view dispatch_help = "Give an agent a task and print its answer";
inline constexpr std::string_view test_help = "Give an agent a small task, to see that it works";
inline constexpr std::string_view dialogue_help = "Let two agents talk until they have an answer";
inline constexpr std::string_view serve_help = "Serve MCP on standard input and output; started by AI clients";
inline constexpr std::string_view supervise_help = "Run the supervisor in the foreground";
inline constexpr std::string_view status_help = "Show the supervisor and what it runs; starts none";
inline constexpr std::string_view why_help = "Say why this job waits: its id, or the beginning of it";
inline constexpr std::string_view stop_help = "End the supervisor when its runs are done";
inline constexpr std::string_view stop_now_help = "End the runs too";
inline constexpr std::string_view stop_keep_help = "Leave the runs to the next supervisor, which any command starts";
inline constexpr std::string_view stream_help = "Show on standard error what the agent says and does";
inline constexpr std::string_view json_help = "Answer in JSON";
inline constexpr std::string_view embedded_help =
    "Start a private supervisor that ends with this command, where no process may stay behind";

inline constexpr std::string_view test_task = "Say in one sentence which project this is and that you are ready.";

inline constexpr std::string_view cancelling = "Cancelling the run; once more to leave without its answer.";
inline constexpr std::string_view not_running = "No supervisor is running. One starts with the next dispatch.";
inline constexpr std::string_view nothing_to_stop = "No supervisor is running.";
inline constexpr std::string_view draining = "Waiting for the runs to end. To end them now: agent-dispatch stop --now";
inline constexpr std::string_view left_runs =
    "Its runs go on by themselves; the next supervisor takes them over: agent-dispatch jobs";
inline constexpr std::string_view stopped = "The supervisor has ended.";

// In the status line.
inline constexpr std::string_view starting_supervisor = "starting the supervisor …";
inline constexpr std::string_view next_supervisor = "the supervisor has ended; waiting for the next one …";
inline constexpr std::string_view is_starting = "starting";
inline constexpr std::string_view is_running = "running";
inline constexpr std::string_view is_cancelling = "cancelling …";
inline constexpr std::string_view is_ending = "the supervisor is ending …";
inline constexpr std::string_view whole_supervisor = "stop";

/// `position` 0: not known yet.
inline std::string is_queued(std::size_t position, std::string_view reason) {
  std::string text = "queued";
  if (position > 0)
    text += ", position " + std::to_string(position);
  return reason.empty() ? text : text + ": " + std::string{reason};
}

inline std::string waits_for_runs(int runs) {
  return "waiting for " + std::to_string(runs) + (runs == 1 ? " run" : " runs");
}
inline std::string live_runs(int runs) { return std::to_string(runs) + " live"; }
inline std::string queued_runs(int runs) { return std::to_string(runs) + " queued"; }
inline std::string jobs_left(std::size_t jobs) {
  return std::to_string(jobs) + (jobs == 1 ? " job left" : " jobs left");
}

// Why a job waits.
inline constexpr std::string_view is_about_to_start = "it is about to start";

inline std::string waits(std::string_view job, std::string_view agent, int position) {
  return "Job " + std::string{job} + " of agent '" + std::string{agent} + "' waits" +
         (position > 0 ? ", position " + std::to_string(position) + " in its agent's queue" : std::string{}) + ":";
}
inline std::string waits_for_nothing(std::string_view job, std::string_view agent, std::string_view status) {
  return "Job " + std::string{job} + " of agent '" + std::string{agent} + "' is " + std::string{status} +
         "; it waits for nothing.";
}
/// `job`: "" when somebody waits for the answer.
inline std::string in_the_way(std::string_view agent, std::string_view job) {
  return job.empty() ? "a dispatch to " + std::string{agent} : "job " + std::string{job} + " of " + std::string{agent};
}
inline std::string nothing_starts(std::string_view job) {
  return "No supervisor is running, so nothing starts. Look at the job with: agent-dispatch job " + std::string{job};
}
inline std::string unreadable_answer(std::string_view problem) {
  return "the supervisor's answer cannot be read: " + std::string{problem};
}

/// Two agents that talk.
inline std::string talk(std::string_view requester, std::string_view responder) {
  return std::string{requester} + " ↔ " + std::string{responder};
}

inline constexpr std::string_view return_ref_help = "Keep the whole answer under an id, and print its beginning";
inline constexpr std::string_view summary_chars_help = "With --return-ref: characters of the beginning, 0 to 100000";

inline std::string kept_under(std::size_t characters, std::string_view ref) {
  return "The whole answer (" + std::to_string(characters) + (characters == 1 ? " character" : " characters") +
         ") is kept: agent-dispatch job " + std::string{ref};
}

} // namespace agent_dispatch::supervisor_text
