#include <catch2/catch.hpp>

#include <cerrno>
#include <string>

#include "actors/logic/outcome.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

const session_id chosen{"11111111-1111-4111-8111-111111111111"};

run_facts facts() {
  run_facts made;
  made.agent.name = agent_name{"infra"};
  made.agent.directory = "/srv/infra";
  made.session = {chosen, session_start::fresh};
  made.timeout = 30s;
  return made;
}

exit_record exited(int code) {
  exit_record record;
  record.started = true;
  record.exit_code = code;
  return record;
}

exit_record ended(end_reason reason, std::uint64_t mark) {
  auto record = exited(0);
  record.reason = reason;
  record.output_at_signal = mark;
  return record;
}

exit_record not_started(const std::string& step, int error) {
  exit_record record;
  record.start_step = step;
  record.start_errno = error;
  return record;
}

std::string result(const std::string& members) { return "{\"type\":\"result\"," + members + "}\n"; }

const std::string working = R"({"type":"assistant","message":{"content":[{"type":"text","text":"half of it"}]}})"
                            "\n";

dispatch_result conclude(const run_facts& known, std::string_view stream, const exit_record& record,
                         std::string_view stderr_text = "") {
  output_parser parser;
  parser.feed(stream);
  return conclude(known, parser.finish(marks_of(record)), record, stderr_text);
}

bool contains(const std::optional<std::string>& text, std::string_view part) {
  return text && text->find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a good result is the answer, field for field") {
  const auto answer = conclude(
      facts(),
      result(
          R"("subtype":"success","is_error":false,"result":"done","session_id":"s-2","total_cost_usd":0.25,"duration_ms":1200,"num_turns":3)"),
      exited(0));
  dispatch_result expected;
  expected.agent = agent_name{"infra"};
  expected.success = true;
  expected.result = "done";
  expected.session = session_id{"s-2"};
  expected.cost_usd = 0.25;
  expected.duration_ms = 1200;
  expected.num_turns = 3;
  CHECK(answer == expected);
}

TEST_CASE("a result object decides, not the exit code") {
  CHECK(conclude(facts(), result(R"("is_error":false,"result":"done")"), exited(1)).success);
  CHECK_FALSE(conclude(facts(), result(R"("is_error":true,"result":"no")"), exited(0)).success);
  auto killed = exited(0);
  killed.exit_code.reset();
  killed.signal = 9;
  CHECK(conclude(facts(), result(R"("is_error":false,"result":"done")"), killed).success);
}

TEST_CASE("the session is the result's, else the announced one, else the chosen one") {
  const std::string init = R"({"type":"system","subtype":"init","session_id":"announced"})"
                           "\n";
  CHECK(conclude(facts(), init + result(R"("session_id":"of-the-result")"), exited(0)).session->value ==
        "of-the-result");
  CHECK(conclude(facts(), init + result(R"("result":"x")"), exited(0)).session->value == "announced");
  CHECK(conclude(facts(), "", exited(1)).session == chosen);
  auto old_cli = facts();
  old_cli.session.id = session_id{};
  CHECK_FALSE(conclude(old_cli, "", exited(1)).session);
}

TEST_CASE("an error says its text, else its errors, else its subtype, and nothing more") {
  const auto error = [](const std::string& members) {
    return conclude(facts(), result("\"is_error\":true," + members), exited(1));
  };
  CHECK(error(R"("result":"it broke","errors":["x"],"subtype":"y")").error == "it broke");
  CHECK(error(R"("result":"it broke")").result == "it broke");
  CHECK(error(R"("result":" ","errors":["one","two"],"subtype":"y")").error == "one; two");
  CHECK(error(R"("errors":[],"subtype":"error_max_turns")").error == "error_max_turns");
  CHECK(error(R"("subtype":"error_max_turns")").result.empty());
  CHECK(error(R"("subtype":"error_max_turns")").error_type == error_type::cli_error);
  CHECK_FALSE(error(R"("subtype":"success")").error->empty());
  CHECK(error(R"("subtype":"success")").error != "success");
}

TEST_CASE("each phrase of the interface makes a permission error, in any case, with what to do about it") {
  for (const char* phrase :
       {"permission denied", "Not Allowed", "not permitted", "Disallowed tool", "PERMISSION MODE",
        "does not have permission", "tool is not available", "Tool_use is not allowed", "401 Unauthorized"}) {
    INFO(phrase);
    const auto answer =
        conclude(facts(), result(std::string{R"("is_error":true,"result":"so: )"} + phrase + " .\""), exited(1));
    CHECK(answer.error_type == error_type::permission);
    CHECK(answer.error->starts_with(std::string{"so: "} + phrase + " ."));
    CHECK(contains(answer.error, "`agent-dispatch update infra --permission-mode acceptEdits`"));
    CHECK(contains(answer.error, "update_agent(name=\"infra\", allowed_tools="));
    CHECK(answer.result == std::string{"so: "} + phrase + " .");
  }
}

TEST_CASE("denied tools make any error a permission error, but a budget stop goes first") {
  const std::string denied = R"(,"permission_denials":[{"tool_name":"Bash"},{"tool_name":"Read"}])";
  const auto permission = conclude(facts(), result(R"("is_error":true,"result":"no idea")" + denied), exited(0));
  CHECK(permission.error_type == error_type::permission);
  CHECK(permission.denied_tools == std::vector<std::string>{"Bash", "Read"});
  CHECK(contains(permission.error, "`agent-dispatch update infra --allowed-tools Bash,Read`"));
  CHECK_FALSE(permission.hint);
  const auto budget = conclude(
      facts(), result(R"("is_error":true,"subtype":"error_max_budget_usd","result":"permission denied")" + denied),
      exited(1));
  CHECK(budget.error_type == error_type::budget);
}

TEST_CASE("what a denial suggests keeps the tools that are allowed already") {
  auto known = facts();
  known.agent.allowed_tools = std::vector<std::string>{"Bash(git log:*)", "Read"};
  const auto answer = conclude(
      known, result(R"("is_error":false,"result":"r","permission_denials":[{"tool_name":"Write"}])"), exited(0));
  CHECK(answer.success);
  CHECK(contains(answer.hint, "--allowed-tools 'Bash(git log:*),Read,Write'`"));
  CHECK(contains(answer.hint, "allowed_tools=\"Bash(git log:*),Read,Write\""));
}

TEST_CASE("a denied tool's name never becomes shell syntax in a command to paste") {
  const auto answer = conclude(
      facts(),
      result(R"("is_error":false,"result":"r","permission_denials":[{"tool_name":"`rm -rf ~`"},{"tool_name":"--x"}])"),
      exited(0));
  CHECK(answer.denied_tools.size() == 2);
  CHECK_FALSE(contains(answer.hint, "--allowed-tools"));
}

TEST_CASE("a budget stop is a budget error with the flag, the agent's text, and no second hint") {
  auto known = facts();
  known.agent.max_budget_usd = 0.5;
  for (const char* mark : {R"("subtype":"error_max_budget_usd")", R"("terminal_reason":"budget_exhausted")"}) {
    const auto answer = conclude(
        known, working + result(std::string{R"("is_error":true,"errors":["Reached it"],"total_cost_usd":4.5,)"} + mark),
        exited(1));
    CHECK(answer.error_type == error_type::budget);
    CHECK(answer.budget_exceeded);
    CHECK_FALSE(answer.hint);
    CHECK(answer.result == "half of it");
    CHECK(answer.error->starts_with("Reached it\n\n"));
    CHECK(contains(answer.error, "`agent-dispatch update infra --max-budget 1`"));
    CHECK(
        contains(answer.error, "dispatch_session(agent=\"infra\", task=\"Continue where you left off\", session_id=\"" +
                                   chosen.value + "\")"));
  }
}

TEST_CASE("a run over its budget that was not stopped is marked, success or not") {
  auto known = facts();
  known.agent.max_budget_usd = 1;
  const auto good = conclude(known, result(R"("is_error":false,"result":"r","total_cost_usd":1.5)"), exited(0));
  CHECK(good.success);
  CHECK(good.budget_exceeded);
  CHECK(contains(good.hint, "$1.50"));
  const auto bad = conclude(known, result(R"("is_error":true,"result":"r","total_cost_usd":1.5)"), exited(1));
  CHECK(bad.budget_exceeded);
  CHECK(bad.hint);
  CHECK(bad.error == "r");
  CHECK_FALSE(conclude(known, result(R"("result":"r","total_cost_usd":1)"), exited(0)).budget_exceeded);
  CHECK_FALSE(conclude(facts(), result(R"("result":"r","total_cost_usd":100)"), exited(0)).budget_exceeded);
}

TEST_CASE("the budget is judged on the run's own cost, not the session's") {
  auto known = facts();
  known.agent.max_budget_usd = 1;
  const auto answer = conclude(
      known, result(R"("result":"r","total_cost_usd":9,"model_usage_since_last_result":{"m":{"costUSD":0.5}})"),
      exited(0));
  CHECK(answer.cost_usd == 0.5);
  CHECK_FALSE(answer.budget_exceeded);
}

TEST_CASE("two soft signals share the hint") {
  auto known = facts();
  known.agent.max_budget_usd = 1;
  const auto answer = conclude(
      known, result(R"("result":"r","total_cost_usd":1.5,"permission_denials":[{"tool_name":"Bash"}])"), exited(0));
  CHECK(contains(answer.hint, "denied"));
  CHECK(contains(answer.hint, "budget"));
}

TEST_CASE("a tool denied in an earlier turn is not forgotten") {
  const std::string denied = R"({"type":"system","subtype":"permission_denied","tool_name":"Write"})"
                             "\n";
  const auto answer = conclude(facts(), denied + result(R"("result":"r","permission_denials":[])"), exited(0));
  CHECK(answer.denied_tools == std::vector<std::string>{"Write"});
  CHECK(answer.hint);
}

TEST_CASE("a run ended by its deadline is a timeout that shows what it had") {
  const auto answer = conclude(
      facts(),
      working +
          result(
              R"("is_error":true,"subtype":"error_during_execution","terminal_reason":"aborted_tools","errors":["[x]"],"total_cost_usd":0.5,"num_turns":4,"duration_ms":29000)"),
      ended(end_reason::deadline, working.size()));
  CHECK_FALSE(answer.success);
  CHECK(answer.error_type == error_type::timeout);
  CHECK(answer.result == "half of it");
  CHECK(answer.cost_usd == 0.5);
  CHECK(answer.num_turns == 4);
  CHECK(answer.duration_ms == 29000);
  CHECK(answer.session == chosen);
}

TEST_CASE("a timeout says how to resume, extend or go async") {
  const auto answer = conclude(facts(), "", ended(end_reason::deadline, 0));
  CHECK(answer.error_type == error_type::timeout);
  CHECK(contains(answer.error, "timed out after 30 s"));
  CHECK(contains(answer.error, "dispatch_session(agent=\"infra\", task=\"Continue where you left off\", session_id=\"" +
                                   chosen.value + "\")"));
  CHECK(contains(answer.error, "timeout_seconds=60"));
  CHECK(contains(answer.error, "`agent-dispatch update infra --timeout 60`"));
  CHECK(contains(answer.error, "dispatch_async(agent=\"infra\""));
}

TEST_CASE("after a short timeout a longer call is suggested that is not clamped") {
  auto known = facts();
  known.timeout = 1s;
  CHECK(contains(conclude(known, "", ended(end_reason::deadline, 0)).error, "timeout_seconds=10 "));
  known.timeout = 7000s;
  CHECK(contains(conclude(known, "", ended(end_reason::deadline, 0)).error, "timeout_seconds=7200 "));
}

TEST_CASE("a timeout at the ceiling suggests no longer call, one without a session no resume") {
  auto known = facts();
  known.timeout = 7200s;
  known.session.id = session_id{};
  const auto answer = conclude(known, "", ended(end_reason::deadline, 0));
  CHECK_FALSE(contains(answer.error, "timeout_seconds="));
  CHECK_FALSE(contains(answer.error, "dispatch_session"));
  CHECK(contains(answer.error, "--timeout 14400`"));
}

TEST_CASE("plain text of a run that timed out is its result") {
  CHECK(conclude(facts(), "so far\n", ended(end_reason::deadline, 7)).result == "so far");
}

TEST_CASE("a result that was there before the deadline is the answer, with a hint") {
  const auto line = result(R"("is_error":false,"result":"done")");
  const auto answer = conclude(facts(), line + "{\"type\":\"system\"}\n", ended(end_reason::deadline, line.size()));
  CHECK(answer.success);
  CHECK(answer.result == "done");
  CHECK_FALSE(answer.error);
  CHECK(contains(answer.hint, "had to be ended"));
}

TEST_CASE("of two results around the deadline the earlier is the answer, and both are paid for") {
  const auto first = result(R"("is_error":false,"result":"done","model_usage_since_last_result":{"m":{"costUSD":1}})");
  const auto second = result(
      R"("is_error":true,"subtype":"error_during_execution","model_usage_since_last_result":{"m":{"costUSD":0.5}})");
  const auto answer = conclude(facts(), first + second, ended(end_reason::deadline, first.size()));
  CHECK(answer.success);
  CHECK(answer.result == "done");
  CHECK(answer.cost_usd == 1.5);
}

TEST_CASE("an error that was there before the deadline keeps its own kind") {
  const auto line = result(R"("is_error":true,"result":"permission denied")");
  CHECK(conclude(facts(), line, ended(end_reason::deadline, line.size())).error_type == error_type::permission);
}

TEST_CASE("a cancelled run is cancelled, with what it had and what it cost") {
  const auto line = result(R"("is_error":true,"subtype":"error_during_execution","total_cost_usd":0.5)");
  const auto answer = conclude(facts(), working + line, ended(end_reason::cancelled, working.size()));
  CHECK(answer.error_type == error_type::cancelled);
  CHECK(answer.result == "half of it");
  CHECK(answer.cost_usd == 0.5);
  CHECK(answer.session == chosen);
  const auto late = result(R"("is_error":false,"result":"done")");
  const auto finished = conclude(facts(), late, ended(end_reason::cancelled, late.size()));
  CHECK_FALSE(finished.success);
  CHECK(finished.error_type == error_type::cancelled);
  CHECK(finished.result == "done");
}

TEST_CASE("a run ended for its output says so, unless it had answered") {
  const auto line = result(R"("is_error":false,"result":"done")");
  CHECK(contains(conclude(facts(), working, ended(end_reason::output_limit, working.size())).error, "1024 MiB"));
  const auto answer = conclude(facts(), line, ended(end_reason::output_limit, line.size()));
  CHECK(answer.success);
  CHECK(answer.hint);
}

TEST_CASE("plain output with exit 0 is a success, without its events") {
  const auto answer = conclude(facts(), working + "the answer\n", exited(0));
  CHECK(answer.success);
  CHECK(answer.result == "the answer");
  CHECK(answer.session == chosen);
  CHECK_FALSE(answer.hint);
}

TEST_CASE("plain output that was cut says so") {
  const auto answer = conclude(facts(), std::string(limits::partial_text_bytes + 1, 'x'), exited(0));
  CHECK(answer.success);
  CHECK(contains(answer.hint, "beginning"));
}

TEST_CASE("exit 0 with no output, or with events alone, is a failure") {
  const auto silent = conclude(facts(), "", exited(0));
  CHECK_FALSE(silent.success);
  CHECK(silent.error_type == error_type::cli_error);
  CHECK(contains(silent.error, "no output"));
  const auto unfinished = conclude(facts(), working, exited(0));
  CHECK_FALSE(unfinished.success);
  CHECK(unfinished.result == "half of it");
}

TEST_CASE("a failure without a result is what stderr says, trimmed, else stdout, else the code") {
  CHECK(conclude(facts(), "out", exited(1), "  it broke \n").error == "it broke");
  CHECK(conclude(facts(), "out", exited(1), "  it broke \n").result == "out");
  CHECK(conclude(facts(), "out", exited(1), " \n").error == "out");
  CHECK(contains(conclude(facts(), "", exited(7)).error, "code 7"));
  CHECK(conclude(facts(), "", exited(0), "it broke").error == "it broke");
  CHECK(conclude(facts(), "", exited(1), "bad \xff byte").error == "bad \xef\xbf\xbd byte");
  CHECK(conclude(facts(), "", exited(1), std::string(1'000'000, 'x')).error->size() == limits::stderr_bytes);
}

TEST_CASE("a failure without a result may be one of permissions too") {
  const auto answer = conclude(facts(), "", exited(1), "Permission denied");
  CHECK(answer.error_type == error_type::permission);
  CHECK(contains(answer.error, "--permission-mode"));
}

TEST_CASE("a run that died by a signal names it and keeps its session and text") {
  auto record = exited(0);
  record.exit_code.reset();
  record.signal = 9;
  const auto answer = conclude(facts(), working, record);
  CHECK(answer.error_type == error_type::cli_error);
  CHECK(contains(answer.error, "signal 9 (SIGKILL)"));
  CHECK(answer.result == "half of it");
  CHECK(answer.session == chosen);
  CHECK(conclude(facts(), working, record, "out of memory").error == "out of memory");
}

TEST_CASE("a line too long to read is said to be the reason") {
  output_parser parser;
  const std::string piece(32U << 20U, 'x');
  for (int i = 0; i < 3; ++i)
    parser.feed(piece);
  const auto answer = conclude(facts(), parser.finish({}), exited(0), "");
  CHECK_FALSE(answer.success);
  CHECK(contains(answer.error, "64 MiB"));
}

TEST_CASE("a missing directory and a missing CLI are not found, and nothing is resumable") {
  const auto directory = conclude(facts(), "", not_started("chdir", ENOENT));
  CHECK(directory.error_type == error_type::not_found);
  CHECK(contains(directory.error, "/srv/infra"));
  CHECK_FALSE(directory.session);
  CHECK(conclude(facts(), "", not_started("chdir", ENOTDIR)).error_type == error_type::not_found);
  const auto cli = conclude(facts(), "", not_started("execve", ENOENT));
  CHECK(cli.error_type == error_type::not_found);
  CHECK(contains(cli.error, "PATH"));
  CHECK(contains(refuse_cli(agent_name{"infra"}).error, "npm install -g"));
}

TEST_CASE("other failures to start name the step and the reason") {
  CHECK(conclude(facts(), "", not_started("chdir", EACCES)).error_type == error_type::cli_error);
  CHECK(contains(conclude(facts(), "", not_started("execve", EACCES)).error, "Permission denied"));
  CHECK(contains(conclude(facts(), "", not_started("execve", E2BIG)).error, "too long"));
  CHECK(contains(conclude(facts(), "", not_started("fork", EAGAIN)).error, "fork"));
}

TEST_CASE("a lost run shows what it had and names its session") {
  output_parser parser;
  parser.feed(working);
  const auto answer = conclude_lost(facts(), parser.finish({}));
  CHECK(answer.error_type == error_type::cli_error);
  CHECK(answer.result == "half of it");
  CHECK(answer.session == chosen);
  CHECK(contains(answer.error, "session_id=\"" + chosen.value + "\""));
}

TEST_CASE("a lost run that had answered is answered") {
  output_parser parser;
  parser.feed(result(R"("is_error":false,"result":"done","total_cost_usd":0.5)"));
  const auto answer = conclude_lost(facts(), parser.finish({}));
  CHECK(answer.success);
  CHECK(answer.result == "done");
  CHECK(answer.cost_usd == 0.5);
  CHECK(contains(answer.hint, "killed"));
}

TEST_CASE("an error is bounded, its result is not cut") {
  const auto answer = conclude(
      facts(), result(R"("is_error":true,"result":")" + std::string(2 * limits::partial_text_bytes, 'x') + "\""),
      exited(1));
  CHECK(answer.error->size() == limits::partial_text_bytes);
  CHECK(answer.result.size() == 2 * limits::partial_text_bytes);
}

TEST_CASE("a resumed session that was not started can still be resumed") {
  auto known = facts();
  known.session = {session_id{"old"}, session_start::resumed};
  CHECK(conclude(known, "", not_started("execve", ENOENT)).session == session_id{"old"});
}

TEST_CASE("a run cancelled before its start is cancelled") {
  auto record = not_started("", 0);
  record.reason = end_reason::cancelled;
  CHECK(conclude(facts(), "", record).error_type == error_type::cancelled);
}

TEST_CASE("JSON is parsed when it was asked for, given, and the run succeeded") {
  auto known = facts();
  known.format = response_format::json;
  CHECK(conclude(known, result(R"("result":"{\"a\":1}")"), exited(0)).parsed_result == nlohmann::json{{"a", 1}});
  CHECK(conclude(known, result(R"("result":"```json\n[1]\n```")"), exited(0)).parsed_result == nlohmann::json{1});
  CHECK(conclude(known, result(R"("result":{"a":1})"), exited(0)).parsed_result == nlohmann::json{{"a", 1}});
  CHECK_FALSE(conclude(known, result(R"("result":"sorry")"), exited(0)).parsed_result);
  CHECK_FALSE(conclude(known, result(R"("is_error":true,"result":"{\"a\":1}")"), exited(1)).parsed_result);
  CHECK_FALSE(conclude(facts(), result(R"("result":"{\"a\":1}")"), exited(0)).parsed_result);
}

TEST_CASE("what a full disk has cut is no answer, and a result event is one all the same") {
  auto record = exited(0);
  record.disk_full = true;
  const auto cut = conclude(facts(), "the beginning of an answ", record);
  CHECK_FALSE(cut.success);
  CHECK(contains(cut.error, "disk was full"));
  CHECK(cut.result == "the beginning of an answ");
  CHECK(conclude(facts(), result(R"("result":"whole")"), record).success);
}

TEST_CASE("processes that could not be ended are reported") {
  auto record = ended(end_reason::deadline, 0);
  record.left_over = 2;
  CHECK(contains(conclude(facts(), "", record).hint, "2 processes"));
}

TEST_CASE("only a refusal of --session-id before any output asks for a second try") {
  const auto rejected = [](std::string_view stream, const exit_record& record, std::string_view stderr_text) {
    output_parser parser;
    parser.feed(stream);
    return is_session_id_rejected(parser.finish(marks_of(record)), record, stderr_text);
  };
  const std::string refusal = "error: unknown option '--session-id'\n";
  CHECK(rejected("", exited(1), refusal));
  CHECK_FALSE(rejected("x", exited(1), refusal));
  CHECK_FALSE(rejected("", exited(0), refusal));
  CHECK_FALSE(rejected("", exited(1), "error: unknown option '--bogus'"));
  CHECK_FALSE(rejected("", exited(1), "Error: Session ID x is already in use. --session-id"));
  CHECK_FALSE(rejected("", ended(end_reason::deadline, 0), refusal));
  CHECK_FALSE(rejected("", not_started("execve", ENOENT), refusal));
}

TEST_CASE("what is never run has its kind and its sentence") {
  const auto deep = refuse_depth(agent_name{"infra"}, 3, 3);
  CHECK(deep.error_type == error_type::recursion);
  CHECK(contains(deep.error, "max_dispatch_depth"));
  CHECK(refuse_directory(facts().agent).error_type == error_type::not_found);
  CHECK(refuse_cli(agent_name{"infra"}).error_type == error_type::not_found);
  CHECK(refuse_cancelled(agent_name{"infra"}).error_type == error_type::cancelled);
  const auto guarded = refuse(agent_name{"infra"}, fault{fault_kind::invalid_argument, "model begins with -"});
  CHECK(guarded.error_type == error_type::cli_error);
  CHECK(guarded.error == "model begins with -");
  for (const auto& answer : {deep, guarded}) {
    CHECK_FALSE(answer.success);
    CHECK(answer.agent.value == "infra");
    CHECK(answer.result.empty());
  }
}
