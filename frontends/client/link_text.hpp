#pragma once

#include <string>
#include <string_view>

/// Every sentence about the connection to a supervisor: what the client of a relay is answered, what a command prints.
namespace agent_dispatch::link_text {

inline constexpr std::string_view ended_before_answer = "the supervisor ended before it could answer; try again";
inline constexpr std::string_view ended_on_connecting =
    "the supervisor ended while it was being connected to; to see whether one is running: agent-dispatch status";
inline constexpr std::string_view connecting_again = "the supervisor has ended; the next one is asked";
inline constexpr std::string_view given_up =
    "the supervisor ended three times while it worked on this request, so it is not sent again; what it had started is "
    "ended. The supervisor's log says more; to see where it is: agent-dispatch status";
inline constexpr std::string_view cancelled = "the request was cancelled";
inline constexpr std::string_view interrupted = "given up; the answer is not waited for";
inline constexpr std::string_view too_much_waits =
    "over 64 MiB of requests wait for their answers; try again when some have come";
inline constexpr std::string_view not_running = "no supervisor is running";
inline constexpr std::string_view not_ours = "what listens on the supervisor's socket is no supervisor of ours";
inline constexpr std::string_view refused = "the supervisor refuses this frontend";
inline constexpr std::string_view answer_unreadable = "the supervisor's answer cannot be read";
inline constexpr std::string_view call_rejected = "the supervisor rejected the call";

inline std::string line_too_long(std::string_view why) { return "the message is too long: " + std::string{why}; }

inline std::string unreachable(std::string_view why) {
  return "no supervisor can be reached: " + std::string{why} + "; to see more: agent-dispatch status";
}

/// `pid`: of the supervisor, 0 when it cannot be told.
inline std::string hangs(int pid, std::string_view log) {
  const auto begin = std::string{"the supervisor is there, but does not answer. Its log is "} + std::string{log};
  if (pid <= 0)
    return begin;
  return begin + ". To end it (runs go on, and the next supervisor takes them over): kill -9 " + std::to_string(pid);
}

/// It was killed, had no memory, or died while it took over: else it would have said why.
inline std::string ended_without_a_word(std::string_view log) {
  return "it ended at once, without a word; its log may say more: " + std::string{log};
}

inline std::string late_word(std::string_view log) {
  return "it did not come up in time; its log is " + std::string{log};
}

inline std::string unreachable_after_start(std::string_view log) {
  return "a supervisor was started, but cannot be reached; its log is " + std::string{log};
}

inline std::string held_by_another_user(std::string_view socket) {
  return "the supervisor's socket " + std::string{socket} +
         " is held by another user; nothing was sent to it. Remove that file, and see who may write to the jobs "
         "directory";
}

inline std::string other_configuration(std::string_view jobs, std::string_view its, std::string_view ours) {
  return "the supervisor of " + std::string{jobs} + " works with " + std::string{its} + ", not with " +
         std::string{ours} + "; for one of its own set AGENT_DISPATCH_JOBS_DIR, or end this one: agent-dispatch stop";
}

inline std::string embedded_beside_another(std::string_view jobs) {
  return "a supervisor of " + std::string{jobs} +
         " is running already, and --embedded would need a private one; leave --embedded out, or end it: "
         "agent-dispatch stop";
}

inline std::string older_and_busy(std::string_view its, std::string_view ours, int runs) {
  return "the supervisor is version " + std::string{its} + ", this is version " + std::string{ours} +
         "; it is busy with " + std::to_string(runs) +
         " runs and is replaced when it is idle, or now with: agent-dispatch stop";
}

inline std::string older_service(std::string_view its, std::string_view ours) {
  return "the supervisor's service is version " + std::string{its} + ", this is version " + std::string{ours} +
         "; see ExecStart in its unit: systemctl --user cat agent-dispatch.service";
}

} // namespace agent_dispatch::link_text
