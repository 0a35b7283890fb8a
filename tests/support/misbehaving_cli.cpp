/// A stand-in for the agent's CLI: a real executable named `claude` that takes the same arguments, reads the prompt
/// from stdin, prints stream-json as the real one does, and misbehaves on request.
///
/// Without a script it prints an init event, an assistant event and a result event; the last two echo the prompt. A
/// script is a JSON array of steps (or one step) in the environment variable STAND_IN_SCRIPT, or else in the prompt
/// between the first `@@` and the last: `do it @@[{"text": "hello"}, {"sleep": 100}]@@`. Steps run in order:
///
///     {"text": T}                       assistant event; the last one is the result
///     {"tool": NAME}                    tool_use and tool_result events
///     {"deny": NAME}                    tool_use, permission_denied event, and an entry in the result's denials
///     {"run": COMMAND}                  as the Bash tool: `sh -c` in a session of its own; its output is the last text
///     {"event": E, "times": N}          any JSON value as a line; once, unless told
///     {"result": T}, {"result": {…}}    result event; an object replaces members of it, null removes one
///     {"huge_result": N}                result event with N bytes of text
///     {"no_result": true}               nothing is added at the end of the script
///     {"cost": C}, {"turns": N}         what later results say
///     {"cumulative": {"total", "own"}}  results as of a resumed session: total_cost_usd, and the run's own cost in
///                                       model_usage_since_last_result
///     {"budget_stop": B}                the real one's budget stop: error result without text, exit 1
///     {"api_error": CODE}               the real one's API error: `success` with is_error, exit 1
///     {"array": true}                   from here on, events become one JSON array, printed at the end
///     {"raw": T}, {"raw_hex": "ff00"}   bytes on stdout, as they are
///     {"garbage": N}                    N bytes of every value on stdout, always the same
///     {"invalid_utf8": true}            assistant event with bytes that are no UTF-8 (U+0001 in any text gives them)
///     {"stderr": T}                     text on stderr
///     {"flood": N, "to": "stderr"}      N bytes in lines of 100, on stdout unless told
///     {"sleep": MS}, {"hang": true}     waits
///     {"wait_for": PATH}                waits until the file is there
///     {"touch": PATH}                   creates the file
///     {"append": PATH}                  adds a line with the session id, by one write: counts executions
///     {"log": PATH, "as": T}            adds a line `T SESSION PID`, by one write
///     {"record": PATH}                  writes what it was started with, as JSON: argv, environment, stdin, directory,
///                                       umask, descriptors, pid, session, group, oom_score_adj, signals, limits
///     {"ignore": [SIGNAL…]}             ignores `SIGINT`, `SIGTERM`, …
///     {"on_interrupt": "die"}           SIGINT kills it. Without: an aborted result (error_during_execution), exit 0
///     {"abort_delay": MS}               it takes that long over the aborted result
///     {"child": {…}}                    a process that lives on and holds stdout and stderr: seconds (60),
///                                       new_session, double_fork, clear_environment, ignore [SIGNAL…],
///                                       pid_file, close_output, name, lock (a file that it holds a lock on)
///     {"forker": MS}                    a process in a session of its own that is replaced by its child, for 30 s
///     {"close_stdout": true}            closes it
///     {"truncate_stdout": true}         what `> /dev/stdout` does in a script
///     {"stop": true}                    stops itself by SIGSTOP
///     {"die": SIGNAL}                   kills itself
///     {"exit": N}                       exits at once, adding nothing
///     {"old_cli": true}                 refuses --session-id as an unknown option, before any output
///
/// At the end of the script comes a result event, unless there was one, and exit 0. The init event comes before the
/// first event. SIGTERM: exit 143. Also understood: `--version`, and `mcp …`, which adds its arguments as a JSON line
/// to the file that STAND_IN_RECORD names. An unknown step: exit 64.

#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include "tests/support/misbehaving_conversation.hpp"

namespace stand_in {

namespace {

/// The options of the real one that take a value. A list takes all that follows up to the next option.
enum class option_kind { flag, value, list };

std::optional<option_kind> kind_of(const std::string& option) {
  static const std::map<std::string, option_kind> kinds{
      {"-p", option_kind::flag},
      {"--print", option_kind::flag},
      {"--verbose", option_kind::flag},
      {"--output-format", option_kind::value},
      {"--resume", option_kind::value},
      {"--session-id", option_kind::value},
      {"--max-budget-usd", option_kind::value},
      {"--model", option_kind::value},
      {"--permission-mode", option_kind::value},
      {"--allowedTools", option_kind::list},
      {"--disallowedTools", option_kind::list},
  };
  const auto found = kinds.find(option);
  return found == kinds.end() ? std::nullopt : std::optional{found->second};
}

[[noreturn]] void refuse(const std::string& sentence) {
  write_all(STDERR_FILENO, sentence + '\n');
  ::_exit(1);
}

void take_value(invocation& call, const std::string& option, const std::string& value) {
  if (option == "--resume" || option == "--session-id")
    call.session = value;
  call.fresh_session_asked = call.fresh_session_asked || option == "--session-id";
}

invocation read_command_line(std::vector<std::string> argv) {
  invocation call;
  bool resumes = false;
  for (std::size_t at = 1; at < argv.size(); ++at) {
    const std::string option = argv[at];
    if (option.empty() || option.front() != '-')
      continue;
    const auto kind = kind_of(option);
    if (!kind)
      refuse("error: unknown option '" + option + "'");
    if (*kind == option_kind::flag)
      continue;
    if (at + 1 == argv.size())
      refuse("error: option '" + option + "' argument missing");
    resumes = resumes || option == "--resume";
    take_value(call, option, argv[++at]);
    while (*kind == option_kind::list && at + 1 < argv.size() && argv[at + 1].substr(0, 1) != "-")
      ++at;
  }
  if (resumes && call.fresh_session_asked)
    refuse("Error: --session-id cannot be used with --resume.");
  call.argv = std::move(argv);
  return call;
}

/// What stands between the first @@ and the last, or nothing when that is no JSON.
json script_in(const std::string& prompt) {
  const auto begin = prompt.find("@@");
  for (auto end = prompt.rfind("@@"); begin != std::string::npos && end > begin; end = prompt.rfind("@@", end - 1)) {
    auto script = json::parse(prompt.substr(begin + 2, end - begin - 2), nullptr, false);
    if (!script.is_discarded())
      return script;
  }
  return nullptr;
}

json find_script(const std::string& prompt) {
  const char* told = std::getenv("STAND_IN_SCRIPT");
  json script = told != nullptr && *told != '\0' ? json::parse(told, nullptr, false) : script_in(prompt);
  if (script.is_discarded())
    refuse("stand-in: STAND_IN_SCRIPT is no JSON");
  if (script.is_null())
    return json::array({{{"text", prompt}}});
  return script.is_array() ? script : json::array({script});
}

int serve_mcp_command(const std::vector<std::string>& argv) {
  if (const char* path = std::getenv("STAND_IN_RECORD"); path != nullptr)
    append_line(path, json(argv).dump());
  return 0;
}

} // namespace

} // namespace stand_in

int main(int argc, char** argv) {
  using namespace stand_in;
  std::vector<std::string> arguments(argv, argv + argc);
  const std::string first = argc > 1 ? arguments[1] : "";
  if (first == "--version") {
    write_all(STDOUT_FILENO, "2.1.329 (stand-in for Claude Code)\n");
    return 0;
  }
  if (first == "--stand-in-sleep") {
    wait_ms(1000 * std::stol(arguments.at(2)));
    return 0;
  }
  if (first == "mcp")
    return serve_mcp_command(arguments);
  invocation call = read_command_line(std::move(arguments));
  call.prompt = read_whole(STDIN_FILENO);
  const json script = find_script(call.prompt);
  if (script.dump().find("\"record\"") != std::string::npos)
    call.started_with = started_with(call);
  conversation talk{call};
  take_signals();
  return talk.play(script);
}
