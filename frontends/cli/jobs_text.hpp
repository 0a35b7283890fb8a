#pragma once

#include <string>
#include <string_view>

/// Every sentence of the commands about jobs.
namespace agent_dispatch::jobs_text {

inline constexpr std::string_view jobs_help = "List the jobs, newest first";
inline constexpr std::string_view job_help = "Show one job and its result";
inline constexpr std::string_view cancel_help = "End a job";
inline constexpr std::string_view gc_help = "Remove the records of finished jobs";
inline constexpr std::string_view wait_help = "Wait until jobs have ended";
inline constexpr std::string_view follow_help = "Show live what a job does, and its result when it has ended";
inline constexpr std::string_view retry_help = "Do a job again, in its session when there is one";
inline constexpr std::string_view async_help = "Do not wait: print the id of a job that goes on by itself";
inline constexpr std::string_view json_help = "Answer in JSON";
inline constexpr std::string_view id_help = "Id of the job, or a beginning of it that no other has";
inline constexpr std::string_view status_help = "Only those in this state";
inline constexpr std::string_view status_type = "{pending,running,done,failed,cancelled}";
inline constexpr std::string_view limit_help = "So many at most, 1 to 1000";
inline constexpr std::string_view days_help = "Only jobs that ended more than so many days ago";
inline constexpr std::string_view all_help = "All finished jobs, however new";
inline constexpr std::string_view timeout_help = "Give up after so many seconds, with exit code 124";

inline constexpr std::string_view no_jobs =
    "There are no jobs. Start one with: agent-dispatch dispatch --async AGENT TASK";
inline constexpr std::string_view no_such_jobs = "There are no jobs in that state.";
inline constexpr std::string_view days_refused = "--days must be a number over 0. To remove all finished jobs: "
                                                 "agent-dispatch gc --all";
inline constexpr std::string_view embedded_refused =
    "A job outlives the command that starts it, and a private supervisor does not. Leave --embedded (and "
    "AGENT_DISPATCH_EMBEDDED) out, or wait for the answer with: agent-dispatch dispatch AGENT TASK";
inline constexpr std::string_view unreadable_answer =
    "The supervisor's answer cannot be read; see: agent-dispatch status";
inline constexpr std::string_view cancelled = "cancelled; it had not started.";
inline constexpr std::string_view cancelled_running = "cancelled; its run is being ended.";

inline std::string unknown_status(std::string_view given) {
  return "'" + std::string{given} + "' is no state of a job. Give one of: pending, running, done, failed, cancelled.";
}

inline std::string skipped(std::size_t files) {
  return std::to_string(files) + (files == 1 ? " file" : " files") +
         " in the jobs directory could not be read as a job and was left alone; first:";
}

inline std::string purged(std::size_t records) {
  return std::to_string(records) + (records == 1 ? " record removed." : " records removed.");
}

inline std::string goes_on(std::string_view id) {
  return "The job goes on. Follow it again with: agent-dispatch follow " + std::string{id};
}

inline std::string still_unfinished(std::string_view id, std::string_view status) {
  return "Job " + std::string{id} + " is still " + std::string{status} + "; it goes on.";
}

inline std::string accepted(std::string_view id) {
  return "The job goes on by itself. Follow it with: agent-dispatch follow " + std::string{id};
}

} // namespace agent_dispatch::jobs_text
