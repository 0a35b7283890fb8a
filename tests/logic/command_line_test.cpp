#include <catch2/catch.hpp>

#include <clocale>
#include <limits>

#include "actors/logic/command_line.hpp"
#include "actors/logic/numbers.hpp"
#include "actors/logic/timeout.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

using arguments = std::vector<std::string>;

const run_session fresh{session_id{"11111111-1111-4111-8111-111111111111"}, session_start::fresh};
const run_session resumed{session_id{"an-old-one"}, session_start::resumed};

arguments after_the_fixed_part(const resolved_agent& agent, const run_session& session,
                               session_flag flag = session_flag::pass) {
  const auto line = build_command_line(agent, session, flag);
  REQUIRE(line);
  const arguments fixed{"claude", "-p", "--output-format", "stream-json", "--verbose"};
  REQUIRE(line->size() >= fixed.size());
  CHECK(arguments(line->begin(), line->begin() + 5) == fixed);
  return {line->begin() + 5, line->end()};
}

void check_refused(const resolved_agent& agent, const run_session& session, const std::string& field) {
  const auto line = build_command_line(agent, session);
  REQUIRE_FALSE(line);
  CHECK(line.error().kind == fault_kind::invalid_argument);
  CHECK(line.error().message.find(field) != std::string::npos);
}

} // namespace

TEST_CASE("a fresh run names its session, a resumed one resumes, never both") {
  CHECK(after_the_fixed_part({}, fresh) == arguments{"--session-id", fresh.id.value});
  CHECK(after_the_fixed_part({}, resumed) == arguments{"--resume", "an-old-one"});
}

TEST_CASE("for an old CLI the session id is left out, a resume stays") {
  CHECK(after_the_fixed_part({}, fresh, session_flag::omit).empty());
  CHECK(after_the_fixed_part({}, resumed, session_flag::omit) == arguments{"--resume", "an-old-one"});
}

TEST_CASE("every setting becomes its option, one per tool") {
  resolved_agent agent;
  agent.max_budget_usd = 0.5;
  agent.model = "sonnet";
  agent.permission_mode = "plan";
  agent.allowed_tools = arguments{"Bash(git log:*)", "Read"};
  agent.disallowed_tools = arguments{"Write"};
  CHECK(after_the_fixed_part(agent, resumed) ==
        arguments{"--resume", "an-old-one", "--max-budget-usd", "0.5", "--model", "sonnet", "--permission-mode", "plan",
                  "--allowedTools", "Bash(git log:*)", "--allowedTools", "Read", "--disallowedTools", "Write"});
}

TEST_CASE("an empty tool list, empty texts and budgets that are none pass nothing") {
  resolved_agent agent;
  agent.allowed_tools = arguments{};
  agent.disallowed_tools = arguments{""};
  agent.model = "";
  agent.permission_mode = "";
  for (const double budget :
       {0.0, -1.0, std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    agent.max_budget_usd = budget;
    CHECK(after_the_fixed_part(agent, fresh, session_flag::omit).empty());
  }
}

TEST_CASE("a value that looks like an option is refused, whichever it is") {
  check_refused({}, {session_id{"--dangerously-skip-permissions"}, session_start::resumed}, "session_id");
  check_refused({}, {session_id{"-x"}, session_start::fresh}, "session_id");
  resolved_agent agent;
  agent.model = "-m";
  check_refused(agent, fresh, "model");
  agent.model.reset();
  agent.permission_mode = "--mode";
  check_refused(agent, fresh, "permission_mode");
  agent.permission_mode.reset();
  agent.allowed_tools = arguments{"Read", "-"};
  check_refused(agent, fresh, "allowed_tools");
  agent.allowed_tools.reset();
  agent.disallowed_tools = arguments{"--x", "Read"};
  check_refused(agent, fresh, "disallowed_tools");
}

TEST_CASE("a dash inside a value is nothing special") {
  resolved_agent agent;
  agent.model = "claude-x-1";
  CHECK(build_command_line(agent, fresh));
}

TEST_CASE("a value with a NUL byte is refused, for it would be cut off unseen") {
  resolved_agent agent;
  agent.model = std::string{"a\0b", 3};
  check_refused(agent, fresh, "model");
}

TEST_CASE("the sentence of a refusal is short and valid UTF-8, whatever the value") {
  resolved_agent agent;
  agent.model = "-" + std::string(100000, '\xff');
  const auto line = build_command_line(agent, fresh);
  REQUIRE_FALSE(line);
  CHECK(line.error().message.size() < 600);
  CHECK(line.error().message.find('\xff') == std::string::npos);
}

TEST_CASE("a request's session is resumed, an empty one is none") {
  run_request request;
  CHECK(choose_session(request, fresh.id) == fresh);
  request.resume = session_id{""};
  CHECK(choose_session(request, fresh.id) == fresh);
  request.resume = session_id{"an-old-one"};
  CHECK(choose_session(request, fresh.id) == resumed);
}

TEST_CASE("numbers are written out, without exponent, in any locale") {
  CHECK(decimal(0.5) == "0.5");
  CHECK(decimal(2) == "2");
  CHECK(decimal(1e-7) == "0.0000001");
  CHECK(decimal(123456789.125) == "123456789.125");
  CHECK(decimal(std::numeric_limits<double>::max()).size() == 309);
  CHECK(decimal(std::numeric_limits<double>::denorm_min()).find('e') == std::string::npos);
  if (std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr)
    CHECK(decimal(0.5) == "0.5");
  std::setlocale(LC_ALL, "C");
}

TEST_CASE("dollars have two to four decimals") {
  CHECK(dollars(0.5) == "$0.50");
  CHECK(dollars(4) == "$4.00");
  CHECK(dollars(0.00014) == "$0.0001");
  CHECK(dollars(0.125) == "$0.125");
}

TEST_CASE("a request's timeout is clamped, none is the agent's") {
  resolved_agent agent;
  agent.timeout = 5s;
  run_request request;
  CHECK(effective_timeout(request, agent) == 5s);
  request.timeout = -3s;
  CHECK(effective_timeout(request, agent) == 5s);
  request.timeout = 1s;
  CHECK(effective_timeout(request, agent) == 10s);
  request.timeout = 60s;
  CHECK(effective_timeout(request, agent) == 60s);
  request.timeout = 90000s;
  CHECK(effective_timeout(request, agent) == 7200s);
}

TEST_CASE("a timeout that is not to be clamped is taken as it is") {
  run_request request;
  request.clamp_timeout = false;
  request.timeout = 1s;
  CHECK(effective_timeout(request, {}) == 1s);
  request.timeout = 90000s;
  CHECK(effective_timeout(request, {}) == 90000s);
  request.timeout = std::chrono::seconds::max(); // in milliseconds there is no such number
  CHECK(effective_timeout(request, {}) == limits::longest_timeout);
}
