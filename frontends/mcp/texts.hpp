#pragma once

#include <string_view>

/// What the model reads about the server and its tools. Each under 2 KB: clients cut there.
namespace agent_dispatch::texts {

inline constexpr std::string_view instructions =
    "Hands tasks to coding agents in other project directories and brings back their answers. Each agent is a separate "
    "CLI "
    "session in its own project, with that project's tools, memory and MCP servers.\n\n"
    "Call list_agents first; inspect_agent shows one in detail. Then:\n"
    "- dispatch: one task, one answer.\n"
    "- dispatch_session: a conversation; pass the session_id of the last answer to go on.\n"
    "- dispatch_stream: as dispatch, for long tasks that you want to follow.\n\n"
    "The agent sees nothing of your conversation: put everything it needs into task and context, and fill in caller "
    "and goal. "
    "Every dispatch costs money; do what you can do yourself.\n\n"
    "Read success first. On failure, error_type says what to do: permission (grant the tool or the mode), timeout (go "
    "on with "
    "dispatch_session and the session_id given, or raise timeout_seconds), budget, not_found (directory or CLI "
    "missing), "
    "recursion (do not dispatch further), cancelled, cli_error. On success, denied_tools and budget_exceeded are "
    "warnings.";

inline constexpr std::string_view list_agents = "Lists the agents that tasks can be given to: name, directory, "
                                                "description, whether the directory is there (healthy), and "
                                                "what is known of its tools. Call this before the first dispatch.";

inline constexpr std::string_view inspect_agent = "Shows one agent in full: settings, MCP servers, stack, databases, "
                                                  "and the beginning of its CLAUDE.md and README.md. Use it "
                                                  "when list_agents leaves open whether this is the right agent.";

inline constexpr std::string_view dispatch =
    "Gives one task to an agent and waits for its answer. The agent works in its own project directory and knows "
    "nothing of "
    "your conversation, so say everything it needs. The answer has success, result, cost_usd and a session_id; on "
    "failure error "
    "and error_type. To ask the same agent something further, call dispatch_session with that session_id.";

inline constexpr std::string_view dispatch_session =
    "Gives a task to an agent within a conversation. Without session_id it starts one; with the session_id of an "
    "earlier answer "
    "the agent remembers what was said and done. Also the way on after a timeout or a cancel: pass the session_id from "
    "that "
    "answer and ask it to go on where it stopped.";

inline constexpr std::string_view dispatch_stream = "Gives one task to an agent, as dispatch does, and reports what it "
                                                    "says and does while it works. Use it for long tasks.";

} // namespace agent_dispatch::texts
