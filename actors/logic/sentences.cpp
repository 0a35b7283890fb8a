#include "actors/logic/sentences.hpp"

#include <algorithm>
#include <cstring>

#include "actors/logic/numbers.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch::sentences {

namespace {

constexpr std::size_t shown_value = 80;

/// Pieces put together.
template <class... Pieces>
std::string text(const Pieces&... pieces) {
  std::string joined;
  (joined.append(pieces), ...);
  return joined;
}

/// As a string literal in a tool call.
std::string literal(std::string_view value) { return dump(nlohmann::json(to_valid_utf8(value))); }

/// As one word of a shell command.
std::string shell_word(std::string_view value) {
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.,/:=@";
  if (!value.empty() && value.find_first_not_of(plain) == std::string_view::npos)
    return std::string{value};
  std::string word = "'";
  for (const char c : value)
    word.append(c == '\'' ? std::string_view{"'\\''"} : std::string_view{&c, 1});
  return word.append("'");
}

std::string seconds(std::chrono::seconds time) { return std::to_string(time.count()); }

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string joined;
  for (const auto& part : parts)
    joined.append(joined.empty() ? std::string_view{} : separator).append(part);
  return joined;
}

/// A tool's name comes from the agent: only what cannot be anything else goes into a command to paste.
bool is_tool_name(std::string_view name) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
  return !name.empty() && name.front() != '-' && name.find_first_not_of(allowed) == std::string_view::npos;
}

/// What the agent may use today and what it was denied, as an option's value; "" when that cannot be said with commas.
std::string tools_to_allow(const tool_list& allowed, const std::vector<std::string>& denied) {
  std::vector<std::string> tools = allowed.value_or(std::vector<std::string>{});
  if (std::any_of(tools.begin(), tools.end(), [](const auto& t) { return t.find(',') != std::string::npos; }))
    return {};
  for (const auto& tool : denied)
    if (is_tool_name(tool) && std::find(tools.begin(), tools.end(), tool) == tools.end())
      tools.push_back(tool);
  return join(tools, ",");
}

std::string ways_to_allow(const agent_name& agent, const tool_list& allowed, const std::vector<std::string>& denied) {
  const bool any = std::any_of(denied.begin(), denied.end(), is_tool_name);
  const std::string tools = any ? tools_to_allow(allowed, denied) : std::string{};
  const std::string mode = text("`agent-dispatch update ", agent.value, " --permission-mode acceptEdits`");
  if (tools.empty())
    return text("change its permission mode, for example with ", mode,
                ", or allow the tools it needs with update_agent(name=", literal(agent.value),
                ", allowed_tools=\"…\")");
  return text("allow the tools with `agent-dispatch update ", agent.value, " --allowed-tools ", shell_word(tools),
              "` or update_agent(name=", literal(agent.value), ", allowed_tools=", literal(tools),
              "), or change its permission mode, for example with ", mode);
}

std::string resume_call(const agent_name& agent, const session_id& session) {
  return text("dispatch_session(agent=", literal(agent.value),
              ", task=\"Continue where you left off\", session_id=", literal(session.value), ")");
}

} // namespace

std::string shared_by_group(std::string_view group, std::string_view shared_context) {
  return text("For everybody in the group '", group, "':\n", shared_context);
}

std::string succeeded_part(const agent_name& agent, std::string_view result) {
  return text("## ", agent.value, ": done\n", result);
}

std::string previewed_part(const agent_name& agent, std::string_view beginning) {
  return text("## ", agent.value, ": done, the first ", std::to_string(count_characters(beginning)), " characters\n",
              beginning);
}

std::string failed_part(const agent_name& agent, std::optional<error_type> type, std::string_view error) {
  return text("## ", agent.value, ": failed", type ? text(" (", to_string(*type), ")") : "", "\n", error);
}

std::string cut_off(std::string whole, std::size_t bytes) {
  if (whole.size() <= bytes)
    return whole;
  const auto size = whole.size();
  whole.resize(first_bytes(whole, bytes).size());
  return text(whole, "\n[cut off here: these are the first ", std::to_string(whole.size()), " of ",
              std::to_string(size), " bytes]");
}

std::string opens_dialogue(const agent_name& other, std::string_view topic, std::string_view marker) {
  return text("You talk with the agent '", other.value,
              "' about what follows. Say what you know and find, and ask for what you "
              "need. When you have the whole answer and no question is open, end your message with ",
              marker, ".\n\n", topic);
}

std::string goes_on_with_dialogue(const agent_name& other, std::string_view message, std::string_view topic,
                                  std::string_view marker) {
  return text(topic.empty() ? "" : text("You talk with the agent '", other.value, "' about this:\n\n", topic, "\n\n"),
              "The agent '", other.value, "' says:\n\n", message,
              "\n\nAnswer it. When the answer is whole and no question is open, end your message with ", marker, ".");
}

std::string looks_like_an_option(std::string_view field, std::string_view value) {
  const auto shown = to_valid_utf8(value);
  return text(
      field, " ", literal(first_characters(shown, shown_value)),
      " begins with \"-\": the agent's CLI would take it for an option. Nothing was run; give a value that does not.");
}

std::string holds_a_nul(std::string_view field) {
  return text(field, " holds a NUL byte, which no command line can carry. Nothing was run; remove it.");
}

std::string too_deep(int depth, int max_dispatch_depth) {
  return text("This dispatch is nested ", std::to_string(depth), " deep and settings.max_dispatch_depth is ",
              std::to_string(max_dispatch_depth),
              ": agents seem to dispatch each other in a circle. Do the task here, or raise the limit in agents.yaml.");
}

std::string directory_missing(const agent_name& agent, const std::filesystem::path& directory) {
  return text("The directory of agent '", agent.value, "' does not exist: ", to_valid_utf8(directory.native()),
              ". Create it, or remove the agent with `agent-dispatch remove ", agent.value,
              "` and add it again where the project is now.");
}

std::string directory_unusable(const agent_name& agent, const std::filesystem::path& directory, int error_number) {
  return text("The directory of agent '", agent.value, "' cannot be entered: ", to_valid_utf8(directory.native()), ": ",
              std::strerror(error_number), ". Mend its permissions and dispatch again.");
}

std::string driver_died() {
  return "The supervisor failed three times at putting this request together, so it is given up; what it had started "
         "is "
         "ended. Its log says more: `agent-dispatch status` names it.";
}

std::string job_lost(const std::optional<session_id>& session) {
  std::string text = "The run of this job is gone, and how it ended is not known.";
  if (session && !session->empty())
    text += " What it had done is in its session " + session->value + "; `agent-dispatch retry` goes on there.";
  return text;
}

std::string job_never_started() {
  return "The supervisor ended before this job could start, and the program that asked for it is gone with its "
         "environment. Nothing was started and nothing paid; `agent-dispatch retry` starts it.";
}

std::string job_ended_with_frontend(const session_id& session) {
  return "The program that ran this job by itself (--embedded) has ended, and the job with it. What it had done is in "
         "its session " +
         session.value + "; `agent-dispatch retry` goes on there.";
}

std::string disk_was_full(const std::optional<session_id>& session) {
  std::string text = "The disk was full when the run ended, and its answer could not be written down. Make room in the "
                     "state directory (`agent-dispatch status` names it)";
  if (session && !session->empty())
    text += ", then go on in its session " + session->value;
  return text + ".";
}

std::string job_kills_supervisors(int deaths) {
  return "The supervisor died " + std::to_string(deaths) +
         " times while this job waited for its start, which is not tried again. Nothing was started and nothing paid; "
         "`agent-dispatch retry` starts it.";
}

std::string ended_without_record(std::string_view why) {
  return std::string{why} + (why.ends_with('.') ? "" : ".") + " The job is being ended all the same.";
}

std::string not_recorded(std::string_view why) {
  return "The request could not be written down, so nothing was started and nothing paid: " + std::string{why} +
         ". Make room or give write access there, then try again.";
}

std::string cli_missing() {
  return "The agent's CLI, `claude`, was not found on the caller's PATH. Install it with "
         "`npm install -g @anthropic-ai/claude-code`, or start agent-dispatch with a PATH that has it.";
}

std::string cli_not_executable(int error_number) {
  return text("The agent's CLI, `claude`, was found but could not be executed: ", std::strerror(error_number),
              ". Check the file that `command -v claude` names.");
}

std::string cli_vanished() {
  return "The agent's CLI, `claude`, is on the caller's PATH but could not be executed: it, or the interpreter that "
         "its "
         "first line names, does not exist. Install it again with `npm install -g @anthropic-ai/claude-code`.";
}

std::string arguments_too_long() {
  return "The command line and the environment of the agent's CLI are too long for the system. Shorten the lists of "
         "tools, "
         "or the environment that agent-dispatch was started with.";
}

std::string start_failed(std::string_view step, int error_number) {
  return text("The agent's CLI could not be started: ", step, ": ", std::strerror(error_number), ".");
}

std::string cancelled_before_start(const agent_name& agent) {
  return text("The dispatch to agent '", agent.value, "' was cancelled before it started.");
}

std::string timed_out(const agent_name& agent, std::chrono::seconds timeout) {
  return text("Agent '", agent.value, "' timed out after ", seconds(timeout), " s and was ended.");
}

std::string cancelled(const agent_name& agent) {
  return text("The dispatch to agent '", agent.value, "' was cancelled while it ran.");
}

std::string left_to_others(const agent_name& agent) {
  return text("The dispatch to agent '", agent.value,
              "' was cancelled; its run goes on, because somebody else asked for the same.");
}

std::string output_limit(const agent_name& agent) {
  return text("Agent '", agent.value, "' was ended because its output grew over ",
              std::to_string(limits::run_output_bytes >> 20U),
              " MiB. Ask for less, or for a file instead of an answer.");
}

std::string exited(int code) {
  return text("The agent's CLI exited with code ", std::to_string(code),
              " and said nothing. Run `claude -p hello` in the agent's directory to see why.");
}

std::string died_by_signal(int signal) {
  const char* name = sigabbrev_np(signal);
  return text("The agent's CLI died by signal ", std::to_string(signal), name == nullptr ? "" : " (SIG",
              name == nullptr ? "" : name, name == nullptr ? "" : ")", " before it gave a result.");
}

std::string lost(const agent_name& agent, const std::optional<session_id>& session) {
  return text("The process that kept this run of agent '", agent.value, "' was killed, and the run with it.",
              session ? text(" To go on where it stopped: ", resume_call(agent, *session), ".") : std::string{});
}

std::string said_nothing() {
  return "The agent's CLI exited with code 0 and no output. Run `claude -p hello` in the agent's directory to see why.";
}

std::string only_events() { return "The agent's CLI exited with code 0, but gave no result."; }

std::string line_too_long() {
  return text("The agent's CLI gave no result that could be read: a line of its output was over ",
              std::to_string(limits::frame_bytes >> 20U), " MiB. Ask for a shorter answer, or for a file.");
}

std::string error_without_text() { return "The agent's CLI reported an error and did not say which."; }

std::string after_timeout(const agent_name& agent, std::chrono::seconds timeout,
                          const std::optional<session_id>& session) {
  std::string advice = "What to do: ";
  if (session)
    advice += text("resume what it had begun with ", resume_call(agent, *session), "; or ");
  advice += "give it longer, ";
  if (timeout < limits::timeout_ceiling)
    advice += text(
        "once with timeout_seconds=",
        seconds(std::clamp<std::chrono::seconds>(timeout * 2, limits::timeout_floor, limits::timeout_ceiling)), " or ");
  advice += text("always with `agent-dispatch update ", agent.value, " --timeout ", seconds(timeout * 2),
                 "`; or do not wait for it: dispatch_async(agent=", literal(agent.value), ", task=\"…\").");
  return advice;
}

std::string after_budget_stop(const agent_name& agent, std::optional<double> budget,
                              const std::optional<session_id>& session) {
  std::string advice = "What to do: ";
  if (session)
    advice += text("continue with a fresh budget with ", resume_call(agent, *session), "; or ");
  advice += text("raise the limit with `agent-dispatch update ", agent.value, " --max-budget ",
                 decimal(budget.value_or(1) * 2), "`; or ask for less at a time.");
  return advice;
}

std::string after_denial(const agent_name& agent, const tool_list& allowed, const std::vector<std::string>& denied) {
  return text("What to do: ", ways_to_allow(agent, allowed, denied), "; then dispatch again.");
}

std::string tools_were_denied(const agent_name& agent, const tool_list& allowed,
                              const std::vector<std::string>& denied) {
  return text("The agent was denied the use of ", join(denied, ", "),
              ", so its answer may be incomplete. To grant it, ", ways_to_allow(agent, allowed, denied), ".");
}

std::string over_budget(const agent_name& agent, double cost, double budget) {
  return text("This run cost ", dollars(cost), ", over the budget of ", dollars(budget), " of agent '", agent.value,
              "'. Ask for less at a time, or raise the limit with `agent-dispatch update ", agent.value,
              " --max-budget ", decimal(budget * 2), "`.");
}

std::string ended_after_its_answer(std::chrono::seconds timeout) {
  return text("The agent had answered, but its process was still there after ", seconds(timeout),
              " s and had to be ended: something it started in the background may be unfinished.");
}

std::string ended_over_output_limit() {
  return "The agent had answered, but went on writing until its output limit and had to be ended.";
}

std::string answer_was_cut() {
  return text("The agent's CLI gave plain text instead of a result, and more than ",
              std::to_string(limits::partial_text_bytes >> 20U), " MiB of it: this is its beginning.");
}

std::string answered_before_it_was_lost() {
  return "The agent had answered, but the process that kept this run was killed before the CLI had ended: something it "
         "started in the background may be unfinished.";
}

std::string processes_left(int count) {
  return text(std::to_string(count), count == 1 ? " process" : " processes",
              " of this run could not be ended: `ps -eo pid,stat,args` shows what is stuck.");
}

std::string api_trouble_text(const std::optional<std::int64_t>& status) {
  return status ? text("the API is overloaded (it answers ", std::to_string(*status), ")") : "the API does not answer";
}

std::string starts_are_apart(const std::optional<std::int64_t>& status, std::chrono::milliseconds interval,
                             std::chrono::steady_clock::duration until_next) {
  return text(api_trouble_text(status), ": runs start ", seconds(std::chrono::ceil<std::chrono::seconds>(interval)),
              " s apart, the next in ", seconds(std::chrono::ceil<std::chrono::seconds>(until_next)), " s");
}

std::string prompt_too_long(std::size_t bytes) {
  return text(
      "the task, the context and what goes with them take ", std::to_string(bytes), " bytes, and at most ",
      std::to_string(limits::prompt_bytes),
      " are taken. Nothing was run; put the long part into a file in the agent's directory and name the file in "
      "the task.");
}

std::string session_id_too_long(std::size_t bytes) {
  return text("session_id takes ", std::to_string(bytes), " bytes, and at most ",
              std::to_string(limits::session_id_bytes),
              " are taken. Nothing was run; give the session_id of an earlier answer, or none.");
}

std::string agent_queue_full(const agent_name& agent, std::size_t runs) {
  return text("agent '", agent.value, "' has ", std::to_string(runs), " requests that are not finished, and at most ",
              std::to_string(limits::agent_requests),
              " are taken. Nothing was run; try again when some have ended, or end some with `agent-dispatch cancel`.");
}

std::string queue_full(std::size_t runs) {
  return text("there are ", std::to_string(runs), " requests that are not finished, and at most ",
              std::to_string(limits::all_requests),
              " are taken. Nothing was run; try again when some have ended, or end some with `agent-dispatch cancel`.");
}

std::string requests_too_large(std::size_t bytes) {
  return text("the requests that are not finished take ", std::to_string(bytes), " bytes, and at most ",
              std::to_string(limits::all_request_bytes),
              " are taken. Nothing was run; try again when some have ended, or end some with `agent-dispatch cancel`.");
}

} // namespace agent_dispatch::sentences
