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
    "- dispatch_stream: as dispatch, for long tasks that you want to follow.\n"
    "- dispatch_parallel: several agents at once; with aggregate, one answer of theirs.\n"
    "- dispatch_dialogue: two agents talk until they have the answer.\n"
    "- dispatch_async: a job in the background; dispatch_wait, dispatch_status, dispatch_cancel and fetch_result take "
    "its job_id, dispatch_jobs lists all.\n"
    "- list_groups, inspect_group: agents that belong together, and how.\n"
    "- add_agent, update_agent, remove_agent: change which agents there are, and what they may do.\n\n"
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

inline constexpr std::string_view dispatch_parallel =
    "Gives tasks to several agents at once and answers when all are done, with their results in order. A failed item "
    "is "
    "that item's result; a wrong one refuses the whole call before anything runs. With aggregate, one more agent makes "
    "a "
    "single answer of them: {individual_results, aggregated}. Use it for questions that do not need each other's "
    "answers.";

inline constexpr std::string_view dispatch_dialogue =
    "Lets two agents work something out between them: they take turns, each in its own session, until one says "
    "[RESOLVED] or the rounds are over. Answers with final_answer, resolved, the cost and the whole conversation. Use "
    "it "
    "when one agent has the problem and another one the knowledge; each message costs a run.";

inline constexpr std::string_view dispatch_async =
    "Starts a task as a job and answers at once with its job_id; the agent works in the background, also when this "
    "session ends. Ask with dispatch_status, wait with dispatch_wait, end it with dispatch_cancel. Use it for long "
    "work "
    "and for several tasks side by side.";

inline constexpr std::string_view dispatch_status =
    "Shows the record of a job as it is now: status (pending, running, done, failed, cancelled), the last lines of "
    "progress, and the result when it has ended.";

inline constexpr std::string_view dispatch_wait =
    "Waits until a job has ended and answers with its record. When timeout_seconds pass first, the record has "
    "timed_out_waiting: true; the job goes on, and can be waited for again.";

inline constexpr std::string_view dispatch_cancel =
    "Ends a job, pending or running, whoever started it. outcome says what that came to: cancelled (it never ran), "
    "cancelled_running (its run is being ended), already_terminal, or running (another program's, not ours to end).";

inline constexpr std::string_view dispatch_jobs =
    "Lists jobs, newest first, with status, agent, the beginning of the task, times, cost and last progress. Jobs of "
    "other sessions are there too.";

inline constexpr std::string_view fetch_result =
    "Gives the full result of a job, or of a dispatch that was made with return_ref: ref is the job_id. max_chars cuts "
    "a long text; full_size then says how long it is. While the job is unfinished, its record is the answer.";

inline constexpr std::string_view dispatch_gc =
    "Removes the records of jobs that ended more than max_age_days ago. Pending and running jobs stay.";

inline constexpr std::string_view list_groups =
    "Lists the groups of agents that work together: what each is for, its members with what to use them for, and "
    "whether their directories are there. unknown: true marks a member that is no agent.";

inline constexpr std::string_view inspect_group = "Shows one group in full: how to coordinate it (description), the "
                                                  "facts that its members are told (shared_context), "
                                                  "and each member's directory and description.";

inline constexpr std::string_view add_agent =
    "Adds a project directory as an agent; it can be dispatched to at once, from every session. Give it the tools or "
    "the permission mode it needs, and no more.";

inline constexpr std::string_view update_agent =
    "Changes the settings of an agent, for instance its allowed_tools after a permission error. Empty texts and 0 "
    "leave "
    "a setting as it is; \"none\" clears one; \",\" makes a tool list empty. The next dispatch has the new settings.";

inline constexpr std::string_view remove_agent =
    "Removes an agent from the configuration. Its directory stays as it is; so do runs that are under way. hint names "
    "the groups that still have it as a member.";

inline constexpr std::string_view cache_stats =
    "Shows how the result cache does: size, max_size, hits, misses, evictions, hit_rate, ttl (seconds). dispatch and "
    "the "
    "items of dispatch_parallel are answered from it (cached: true) when the same was asked a short while ago.";

inline constexpr std::string_view cache_clear = "Empties the result cache, for instance after a project has changed so "
                                                "that earlier answers are no longer true. The "
                                                "next dispatch asks its agent.";

inline constexpr std::string_view nothing_to_update =
    "There is nothing to update: give at least one setting that is neither empty nor 0.";

} // namespace agent_dispatch::texts
