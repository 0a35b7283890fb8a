#include "frontends/cli/doctor/claude_files.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace agent_dispatch::doctor;

namespace {

const auto no_environment = environment_of({});

} // namespace

TEST_CASE("Claude Code's files are in the home directory, or where CLAUDE_CONFIG_DIR says") {
  const auto usual = find_claude_places(no_environment, "/home/u");
  CHECK(usual.directory == "/home/u/.claude");
  CHECK(usual.state_files.back() == "/home/u/.claude.json");
  const auto given = find_claude_places(environment_of({"CLAUDE_CONFIG_DIR=/c"}), "/home/u");
  CHECK(given.directory == "/c");
  CHECK(given.state_files.back() == "/c/.claude.json");
  CHECK(given.state_files.front() == "/c/.config.json");
}

TEST_CASE("Registrations are found for the user and for the directory, the narrower first") {
  const auto found = read_registrations(
      R"({"mcpServers": {"other": {"command": "x"},
                         "agent-dispatch": {"type": "stdio", "command": "/a", "args": ["serve"], "env": {"A": "1"}}},
          "projects": {"/here": {"mcpServers": {"agent-dispatch": {"command": "/b"}}},
                       "/there": {"mcpServers": {"agent-dispatch": {"command": "/c"}}}}})",
      "/here");
  REQUIRE(found);
  CHECK(*found == std::vector{mcp_registration{mcp_scope::local, "/b", {}, {}},
                              mcp_registration{mcp_scope::user, "/a", {"serve"}, {"A=1"}}});
}

TEST_CASE("A state file without a registration, or with odd ones, is read all the same") {
  const auto text = GENERATE("{}", R"({"mcpServers": []})", R"({"mcpServers": {"agent-dispatch": "x"}})",
                             R"({"projects": {"/here": 7}, "mcpServers": {"agent-dispatch ": {}}})");
  CHECK(read_registrations(text, "/here") == std::vector<mcp_registration>{});
}

TEST_CASE("A registration of a URL has no command") {
  const auto found =
      read_registrations(R"({"mcpServers": {"agent-dispatch": {"type": "http", "url": "http://x"}}})", "/");
  REQUIRE(found);
  REQUIRE(found->size() == 1);
  CHECK(found->front().command.empty());
}

TEST_CASE("What is not a JSON object is no state file") {
  CHECK_FALSE(read_registrations("", "/"));
  CHECK_FALSE(read_registrations("[]", "/"));
  CHECK_FALSE(read_registrations("{\"a\":", "/"));
}

TEST_CASE("A login is found in a variable, in the credentials, in the settings and in the state") {
  CHECK(find_login({}, environment_of({"ANTHROPIC_API_KEY=x"})) == "the variable ANTHROPIC_API_KEY");
  CHECK(find_login({}, environment_of({"CLAUDE_CODE_USE_BEDROCK=1"})) == "the variable CLAUDE_CODE_USE_BEDROCK");
  CHECK(find_login({.credentials = R"({"claudeAiOauth": {"accessToken": "x"}})"}, no_environment) ==
        ".credentials.json");
  CHECK(find_login({.settings = R"({"apiKeyHelper": "/bin/key"})"}, no_environment) == "apiKeyHelper in settings.json");
  CHECK(find_login({.settings = R"({"env": {"ANTHROPIC_AUTH_TOKEN": "x"}})"}, no_environment) ==
        "ANTHROPIC_AUTH_TOKEN in settings.json");
  CHECK(find_login({.state = R"({"primaryApiKey": "x"})"}, no_environment) == ".claude.json");
}

TEST_CASE("Empty values, and credentials of MCP servers, are no login") {
  CHECK_FALSE(find_login({}, environment_of({"ANTHROPIC_API_KEY="})));
  CHECK_FALSE(find_login({.state = "{}", .credentials = R"({"mcpOAuth": {}})", .settings = "x"}, no_environment));
  CHECK_FALSE(find_login({.state = R"({"primaryApiKey": ""})",
                          .credentials = R"({"claudeAiOauth": {"accessToken": ""}})",
                          .settings = R"({"apiKeyHelper": 7, "env": 8})"},
                         no_environment));
}

TEST_CASE("The version is read out of what the CLI prints") {
  CHECK(read_claude_version("2.1.329 (Claude Code)\n") == "2.1.329");
  CHECK(read_claude_version("a note first\n1.0.3 (Claude Code)") == "1.0.3");
  CHECK_FALSE(read_claude_version(""));
  CHECK_FALSE(read_claude_version("2.1.329"));
  CHECK_FALSE(read_claude_version("(Claude Code)"));
  CHECK_FALSE(read_claude_version("next (Claude Code)"));
}
