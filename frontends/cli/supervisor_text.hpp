#pragma once

#include <string_view>

/// Every sentence of the commands that talk to a supervisor.
namespace agent_dispatch::supervisor_text {

inline constexpr std::string_view dispatch_help = "Give an agent a task and print its answer";
inline constexpr std::string_view test_help = "Give an agent a small task, to see that it works";
inline constexpr std::string_view dialogue_help = "Let two agents talk until they have an answer";
inline constexpr std::string_view serve_help = "Serve MCP on standard input and output; started by AI clients";
inline constexpr std::string_view supervise_help = "Run the supervisor in the foreground";
inline constexpr std::string_view status_help = "Show the supervisor and what it runs; starts none";
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

} // namespace agent_dispatch::supervisor_text
