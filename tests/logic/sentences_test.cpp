#include <catch2/catch.hpp>

#include <cerrno>
#include <csignal>
#include <vector>

#include "actors/logic/sentences.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

const agent_name infra{"infra"};

std::vector<std::string> all() {
  using namespace sentences;
  return {
      looks_like_an_option("model", "-x"),
      holds_a_nul("model"),
      too_deep(3, 3),
      directory_missing(infra, "/srv/infra"),
      directory_unusable(infra, "/srv/infra", EACCES),
      cli_missing(),
      cli_not_executable(EACCES),
      cli_vanished(),
      lost(infra, session_id{"s"}),
      lost(infra, std::nullopt),
      answered_before_it_was_lost(),
      arguments_too_long(),
      start_failed("fork", EAGAIN),
      cancelled_before_start(infra),
      timed_out(infra, 30s),
      cancelled(infra),
      output_limit(infra),
      exited(1),
      died_by_signal(SIGKILL),
      said_nothing(),
      only_events(),
      line_too_long(),
      error_without_text(),
      after_timeout(infra, 30s, session_id{"s"}),
      after_budget_stop(infra, 0.5, session_id{"s"}),
      after_budget_stop(infra, std::nullopt, std::nullopt),
      after_denial(infra, std::nullopt, {"Bash"}),
      tools_were_denied(infra, std::nullopt, {"Bash"}),
      over_budget(infra, 1.5, 1),
      ended_after_its_answer(30s),
      ended_over_output_limit(),
      answer_was_cut(),
      processes_left(1),
  };
}

} // namespace

TEST_CASE("every sentence is one: it begins, ends with a full stop and stays on its line") {
  for (const auto& sentence : all()) {
    INFO(sentence);
    CHECK(sentence.size() > 20);
    CHECK(sentence.back() == '.');
    CHECK(sentence.find('\n') == std::string::npos);
  }
}

TEST_CASE("an unknown signal has only its number") {
  CHECK(sentences::died_by_signal(123) == "The agent's CLI died by signal 123 before it gave a result.");
}

TEST_CASE("a session's name is a string literal in a call, whatever it holds") {
  CHECK(sentences::after_timeout(infra, 30s, session_id{"a\"b"}).find("session_id=\"a\\\"b\"") != std::string::npos);
}

TEST_CASE("a tool's rule is one shell word") {
  const std::vector<std::string> allowed{"Bash(echo 'x':*)"};
  CHECK(sentences::after_denial(infra, allowed, {"Read"}).find(R"(--allowed-tools 'Bash(echo '\''x'\'':*),Read')") !=
        std::string::npos);
}

TEST_CASE("rules with commas are not put into a list that commas separate") {
  const std::vector<std::string> allowed{"Bash(a,b)"};
  CHECK(sentences::after_denial(infra, allowed, {"Read"}).find("--allowed-tools") == std::string::npos);
}
