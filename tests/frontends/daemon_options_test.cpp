#include "frontends/daemon_options.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace agent_dispatch;

namespace {

using words = std::vector<std::string>;

daemon_options usual() {
  return {.where = {.config = "/c/agents.yaml", .jobs = "/c/jobs", .state = "/s", .socket = "/r/x.sock"},
          .home = "/home/ann",
          .life = supervisor_life::detached,
          .lifeline = 5};
}

/// The usual arguments with the value behind `name` changed.
expected<daemon_options> with(const char* name, const char* value) {
  auto arguments = daemon_arguments(usual());
  const auto found = std::find(arguments.begin(), arguments.end(), name);
  REQUIRE(found != arguments.end());
  *(found + 1) = value;
  return parse_daemon_arguments(arguments);
}

} // namespace

TEST_CASE("A supervisor is told everything it needs on its command line") {
  auto options = usual();
  options.where.config = "/c/with space\n/--jobs";
  options.where.jobs = "/\xff\xfe";
  for (const auto life : {supervisor_life::detached, supervisor_life::foreground, supervisor_life::embedded})
    for (const int lifeline : {-1, 0, 3, 1023}) {
      options.life = life;
      options.lifeline = lifeline;
      options.listening = lifeline < 0 ? 3 : -1;
      options.notify_socket = lifeline < 0 ? "@with space" : "";
      options.log_level = lifeline < 0 ? "debug" : "";
      const auto back = parse_daemon_arguments(daemon_arguments(options));
      REQUIRE(back);
      CHECK(back->where.config == options.where.config);
      CHECK(back->where.jobs == options.where.jobs);
      CHECK(back->where.state == options.where.state);
      CHECK(back->where.socket == options.where.socket);
      CHECK(back->home == options.home);
      CHECK(back->life == life);
      CHECK(back->lifeline == lifeline);
      CHECK(back->listening == options.listening);
      CHECK(back->notify_socket == options.notify_socket);
      CHECK(back->log_level == options.log_level);
    }
}

TEST_CASE("Arguments that no frontend gives are refused, and what to run instead is said") {
  for (const auto& arguments :
       {words{}, words{"--help"}, words{"--version", "1"}, words{"--config", "/c"}, words{"/c/agents.yaml", "x"}}) {
    const auto result = parse_daemon_arguments(arguments);
    REQUIRE_FALSE(result);
    CHECK(result.error().kind == fault_kind::invalid_argument);
    CHECK_THAT(result.error().message, Catch::Matchers::Contains("agent-dispatch supervise"));
  }
}

TEST_CASE("Each value of the command line is checked") {
  CHECK(with("--life", "foreground"));
  CHECK_FALSE(with("--life", "eternal"));
  CHECK_FALSE(with("--life", ""));
  CHECK_FALSE(with("--config", "agents.yaml"));
  CHECK_FALSE(with("--jobs", ""));
  CHECK_FALSE(with("--state", "../s"));
  CHECK_FALSE(with("--socket", "x.sock"));
  CHECK(with("--lifeline", "-1"));
  CHECK_FALSE(with("--lifeline", ""));
  CHECK_FALSE(with("--lifeline", "five"));
  CHECK_FALSE(with("--lifeline", "5x"));
  CHECK_FALSE(with("--lifeline", "99999999999"));
}
