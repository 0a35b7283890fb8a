// The whole answer that each recorded run of the CLI makes.

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <string>

#include "actors/logic/outcome.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

std::string recorded(const std::string& name) {
  std::ifstream in{std::string{RECORDINGS} + "/" + name + ".jsonl", std::ios::binary};
  REQUIRE(in);
  return {std::istreambuf_iterator<char>{in}, {}};
}

run_facts facts(std::optional<double> budget = {}) {
  run_facts made;
  made.agent.name = agent_name{"infra"};
  made.agent.max_budget_usd = budget;
  made.session = {session_id{"11111111-1111-4111-8111-111111111111"}, session_start::fresh};
  made.timeout = 30s;
  return made;
}

dispatch_result answer(const run_facts& known, const std::string& stream, exit_record record,
                       std::string_view stderr_text = "") {
  record.started = true;
  record.output_end = stream.size();
  output_parser parser;
  parser.feed(stream);
  return conclude(known, parser.finish(marks_of(record)), record, stderr_text);
}

dispatch_result exited(const run_facts& known, const std::string& stream, int code, std::string_view stderr_text = "") {
  exit_record record;
  record.exit_code = code;
  return answer(known, stream, record, stderr_text);
}

/// Ended at the deadline, when the stream had come to `mark`.
dispatch_result at_deadline(const std::string& stream, std::size_t mark, int code) {
  exit_record record;
  record.exit_code = code;
  record.reason = end_reason::deadline;
  record.output_at_signal = mark;
  return answer(facts(), stream, record);
}

/// Offset behind the `count`-th line.
std::size_t after_line(const std::string& stream, int count) {
  std::size_t at = 0;
  for (int i = 0; i < count; ++i)
    at = stream.find('\n', at) + 1;
  return at;
}

} // namespace

TEST_CASE("recorded: a success") {
  const auto a = exited(facts(), recorded("success"), 0);
  CHECK(a.success);
  CHECK(a.result == "all three checks passed");
  CHECK(a.session == session_id{"00000000-0000-4000-8000-000000000001"});
  CHECK(a.cost_usd == Approx(0.00014));
  CHECK(a.num_turns == 1);
  CHECK(a.duration_ms == 184);
  CHECK_FALSE(a.hint);
}

TEST_CASE("recorded: all events in one array") {
  const auto a = exited(facts(), recorded("array"), 0);
  CHECK(a.success);
  CHECK(a.result == "an answer in an array");
  CHECK(a.cost_usd == Approx(0.00014));
}

TEST_CASE("recorded: a denied tool in a success") {
  const auto a = exited(facts(), recorded("denied"), 0);
  CHECK(a.success);
  CHECK(a.denied_tools == std::vector<std::string>{"Write"});
  REQUIRE(a.hint);
  CHECK(a.hint->find("`agent-dispatch update infra --allowed-tools Write`") != std::string::npos);
}

TEST_CASE("recorded: a tool that --disallowedTools took away is no denial") {
  const auto a = exited(facts(), recorded("disallowed"), 0);
  CHECK(a.success);
  CHECK(a.denied_tools.empty());
  CHECK_FALSE(a.hint);
}

TEST_CASE("recorded: a resumed session's total is not this run's cost") {
  const auto a = exited(facts(0.0002), recorded("resumed"), 0);
  CHECK(a.result == "the second answer");
  CHECK(a.cost_usd == Approx(0.00014));
  CHECK_FALSE(a.budget_exceeded);
}

TEST_CASE("recorded: a session that is unknown") {
  const auto a = exited(facts(), recorded("unknown_session"), 1, "No conversation found with session ID: x");
  CHECK_FALSE(a.success);
  CHECK(a.error_type == error_type::cli_error);
  CHECK(a.error == "No conversation found with session ID: 00000000-0000-4000-8000-000000000006");
  CHECK(a.cost_usd == 0);
  CHECK(a.result.empty());
}

TEST_CASE("recorded: a model that does not exist, in one object") {
  const auto a = exited(facts(), recorded("unknown_model"), 1, "[unrecognized_model]");
  CHECK(a.error_type == error_type::cli_error);
  CHECK(a.error == "the model unknown-model cannot be used");
  CHECK(a.result == a.error);
}

TEST_CASE("recorded: the turns ran out") {
  const auto a = exited(facts(), recorded("max_turns"), 1);
  CHECK(a.error_type == error_type::cli_error);
  CHECK(a.error == "Reached maximum number of turns (1)");
  CHECK(a.result.empty());
  CHECK(a.num_turns == 2);
}

TEST_CASE("recorded: the budget ran out") {
  const auto a = exited(facts(0.5), recorded("budget_stop"), 1);
  CHECK(a.error_type == error_type::budget);
  CHECK(a.budget_exceeded);
  CHECK_FALSE(a.hint);
  CHECK(a.cost_usd == Approx(4.4));
  CHECK(a.error->starts_with("Reached maximum budget ($0.5)\n\n"));
}

TEST_CASE("recorded: the budget ran out in an object without the run's own cost") {
  const auto a = exited(facts(5), recorded("old_budget_stop"), 1);
  CHECK(a.error_type == error_type::budget);
  CHECK(a.cost_usd == Approx(13.2));
}

TEST_CASE("recorded: the API refuses a request") {
  const auto a = exited(facts(), recorded("api_error"), 1);
  CHECK(a.error_type == error_type::cli_error);
  CHECK(a.error == "API Error: 400 the request was malformed");
  CHECK(a.cost_usd == 0);
}

TEST_CASE("recorded: the API is overloaded, then answers") {
  const auto stream = recorded("overloaded_then_ok");
  const auto a = exited(facts(), stream, 0);
  CHECK(a.success);
  CHECK(a.result == "answered at the third attempt");
  output_parser parser;
  std::vector<std::int64_t> attempts;
  for (const auto& event : parser.feed(stream))
    if (const auto* retry = std::get_if<api_retry>(&event)) {
      CHECK(retry->status == 529);
      attempts.push_back(retry->attempt.value_or(0));
    }
  CHECK(attempts == std::vector<std::int64_t>{1, 2});
}

TEST_CASE("recorded: still retrying at the deadline") {
  const auto stream = recorded("retrying");
  const auto a = at_deadline(stream, stream.size(), 0);
  CHECK(a.error_type == error_type::timeout);
  CHECK(a.result.empty());
  CHECK(a.session == session_id{"00000000-0000-4000-8000-000000000011"});
  CHECK(a.error->find("session_id=\"00000000-0000-4000-8000-000000000011\"") != std::string::npos);
}

TEST_CASE("recorded: interrupted at the deadline, with what it cost") {
  const auto stream = recorded("interrupted");
  const auto a = at_deadline(stream, after_line(stream, 2), 0);
  CHECK(a.error_type == error_type::timeout);
  CHECK(a.cost_usd == Approx(0.00014));
  CHECK(a.num_turns == 3);
}

TEST_CASE("recorded: terminated at the deadline, with nothing") {
  const auto stream = recorded("terminated");
  const auto a = at_deadline(stream, after_line(stream, 2), 143);
  CHECK(a.error_type == error_type::timeout);
  CHECK_FALSE(a.cost_usd);
}

TEST_CASE("recorded: a background task ends later and brings a second result") {
  const auto a = exited(facts(), recorded("background_finishes"), 0);
  CHECK(a.success);
  CHECK(a.result == "the background work is done");
  CHECK(a.cost_usd == Approx(0.00042));
}

TEST_CASE("recorded: the answer was there, a background task held the process until the deadline") {
  const auto stream = recorded("background_interrupted");
  const auto a = at_deadline(stream, after_line(stream, 7), 0);
  CHECK(a.success);
  CHECK(a.result == "started it in the background");
  CHECK(a.cost_usd == Approx(0.00028));
  REQUIRE(a.hint);
  CHECK(a.hint->find("had to be ended") != std::string::npos);
}

TEST_CASE("recorded: an answer by a schema is JSON text") {
  auto known = facts();
  known.format = response_format::json;
  const auto a = exited(known, recorded("structured"), 0);
  CHECK(a.success);
  CHECK(a.parsed_result == nlohmann::json{{"name", "bob"}});
}

TEST_CASE("recorded: refusals on stderr alone are what went wrong") {
  for (const char* line :
       {"error: option '--permission-mode <mode>' argument 'bogus' is invalid. Allowed choices are plan.",
        "Error: Session ID x is already in use.", "No conversation found with session ID: x",
        "error: option '--max-budget-usd <amount>' argument 'abc' is invalid.",
        "error: unknown option '--bogus-flag'"}) {
    const auto a = exited(facts(), "", 1, std::string{line} + "\n");
    CHECK(a.error_type == error_type::cli_error);
    CHECK(a.error == line);
    CHECK(a.result.empty());
  }
}
