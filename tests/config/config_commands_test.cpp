#include "frontends/cli/config_commands.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fstream>
#include <thread>

#include <sys/stat.h>

#include "config/load.hpp"
#include "frontends/cli/external_command.hpp"
#include "tests/config/command_shell.hpp"

using namespace agent_dispatch;
using Catch::Matchers::Contains;

namespace {

using words = std::vector<std::string>;

} // namespace

TEST_CASE("An agent is added with every option") {
  shell shell;
  shell.home().write("projects/infra/README.md", "x");
  REQUIRE(shell.run({"add",
                     "infra",
                     "infra",
                     "-d",
                     "What it is",
                     "--timeout",
                     "60",
                     "--model",
                     "sonnet",
                     "--max-budget",
                     "1.5",
                     "--permission-mode",
                     "plan",
                     "--allowed-tools",
                     "Bash(git log, x), Read ,",
                     "--disallowed-tools",
                     ",",
                     "--capabilities",
                     "a, b",
                     "--risky-capabilities",
                     "c"}) == 0);
  agent_config expected;
  expected.name = {"infra"};
  expected.directory = shell.home().path() / "projects/infra";
  expected.description = "What it is";
  expected.timeout = 60;
  expected.model = "sonnet";
  expected.max_budget_usd = 1.5;
  expected.permission_mode = "plan";
  expected.allowed_tools = words{"Bash(git log", "x)", "Read"};
  expected.disallowed_tools = words{};
  expected.capabilities = {"a", "b"};
  expected.risky_capabilities = {"c"};
  CHECK(shell.config().agents == std::vector{expected});
  CHECK_THAT(shell.out(), Contains("Added agent 'infra'") && Contains("What it is"));
  CHECK(shell.err().empty());
}

TEST_CASE("What is not given is not stored") {
  shell shell;
  shell.home().write("projects/infra/CLAUDE.md", "Runs the servers.\n");
  REQUIRE(shell.run({"add", "infra", "infra", "--allowed-tools", "", "--disallowed-tools", "none", "--capabilities",
                     "none", "--model", "none", "--max-budget-usd", "0", "--json"}) == 0);
  agent_config expected;
  expected.name = {"infra"};
  expected.directory = shell.home().path() / "projects/infra";
  expected.description = "Runs the servers.";
  CHECK(shell.config().agents == std::vector{expected});
  CHECK(shell.json() == ordered_json{{"added", "infra"},
                                     {"directory", expected.directory.string()},
                                     {"description", "Runs the servers."}});
}

TEST_CASE("A directory is taken from the home, the working directory or the root, and stored without links") {
  shell shell;
  shell.home().write("projects/x/file", "");
  std::filesystem::create_symlink("x", shell.home().path() / "projects/link");
  const auto real = shell.home().path() / "projects/x";
  for (const auto& given :
       {std::string{"x"}, std::string{"./x/"}, std::string{"~/projects/x"}, std::string{"link"}, real.string()}) {
    INFO(given);
    std::filesystem::remove(shell.paths().config);
    REQUIRE(shell.run({"add", "a", given}) == 0);
    CHECK(shell.config().agents.at(0).directory == real);
  }
}

TEST_CASE("What cannot be added is refused with its exit code and changes nothing") {
  shell shell;
  shell.home().write("projects/x/file", "");
  shell.write_config("agents: {there: {directory: /tmp}}\n");
  struct refusal {
    words command;
    int code;
    const char* says;
  };
  const std::vector<refusal> refusals{
      {{"add"}, exit_usage, "required"},
      {{"add", "a"}, exit_usage, "required"},
      {{"add", "a", "x", "--timeout", "soon"}, exit_usage, "soon"},
      {{"add", "a", "x", "--no-such"}, exit_usage, "no-such"},
      {{"add", "a", "gone"}, exit_usage, "projects/gone' does not exist"},
      {{"add", "a", "x/file"}, exit_usage, "is not a directory"},
      {{"add", "a", "x/file/y"}, exit_usage, "x/file/y'"},
      {{"add", "a", ""}, exit_usage, "names nothing"},
      {{"add", "a", "~no-such-user"}, exit_usage, "home directory"},
      {{"add", "a b", "x"}, exit_failure, "cannot be the name of an agent"},
      {{"add", "", "x"}, exit_failure, "cannot be the name of an agent"},
      {{"add", "there", "x"}, exit_failure, "already exists"},
      {{"add", "a", "x", "--timeout", "0"}, exit_failure, "--timeout is 0"},
      {{"add", "a", "x", "--timeout=-5"}, exit_failure, "--timeout is -5"},
      {{"add", "a", "x", "--max-budget=-1"}, exit_failure, "--max-budget"},
      {{"add", "a", "x", "--max-budget", "nan"}, exit_failure, "--max-budget"},
  };
  for (const auto& [command, code, says] : refusals) {
    INFO(Catch::StringMaker<words>::convert(command));
    CHECK(shell.run(command) == code);
    CHECK_THAT(shell.err(), Contains(says));
    CHECK(shell.out().empty());
    CHECK(shell.config().agents.size() == 1);
  }
  CHECK(shell.run({"add", "a", "gone", "--json"}) == exit_usage);
  CHECK(shell.json().contains("error"));
}

TEST_CASE("An unknown permission mode is stored with a note") {
  shell shell;
  shell.home().write("projects/x/file", "");
  REQUIRE(shell.run({"add", "a", "x", "--permission-mode", "yolo"}) == 0);
  CHECK(shell.config().agents.at(0).permission_mode == "yolo");
  CHECK_THAT(shell.err(), Contains("yolo") && Contains("bypassPermissions"));
}

TEST_CASE("A broken configuration is named with its line by every command") {
  shell shell;
  shell.home().write("projects/x/file", "");
  shell.write_config("agents:\n  a:\n    directory: /tmp\n    timeout: soon\n");
  for (const auto& command : std::vector<words>{{"list"}, {"describe", "a"}, {"add", "b", "x"}}) {
    CHECK(shell.run(command) == exit_failure);
    CHECK_THAT(shell.err(), Contains("agents.yaml:4: on line 4, agents.a.timeout is `soon`"));
    auto with_json = command;
    with_json.emplace_back("--json");
    CHECK(shell.run(with_json) == exit_failure);
    CHECK_THAT(shell.json()["error"].get<std::string>(), Contains("agents.yaml:4"));
  }
}

TEST_CASE("The list says what can be used") {
  shell shell;
  CHECK(shell.run({"list"}) == 0);
  CHECK_THAT(shell.out(), Contains("agent-dispatch add"));
  CHECK(shell.run({"list", "--json"}) == 0);
  CHECK(shell.json().contains("error"));
  shell.write_config(
      "agents:\n  here: {directory: ~/projects, description: \"Be\\e[31mware\", allowed_tools: []}\n  lost: "
      "{directory: /no/such}\n");
  shell.home().write("projects/x", "");
  REQUIRE(shell.run({"list"}) == 0);
  CHECK_THAT(shell.out(), Contains("here  [OK]") && Contains("lost  [NOT FOUND]") && Contains("(none)"));
  CHECK(shell.out().find('\x1b') == std::string::npos);
  REQUIRE(shell.run({"list", "--json"}) == 0);
  CHECK(shell.json().size() == 2);
  CHECK(shell.json()[1]["healthy"] == false);
}

TEST_CASE("The list says what an agent has of its own") {
  shell shell;
  shell.write_config("agents:\n  a: {directory: /tmp, timeout: 60, model: sonnet, max_budget_usd: 1.5}\n"
                     "  b: {directory: /tmp, timeout: 300}\n");
  REQUIRE(shell.run({"list"}) == 0);
  const auto second = shell.out().find("b  [OK]");
  REQUIRE(second != std::string::npos);
  const auto first = shell.out().substr(0, second);
  CHECK_THAT(first, Contains("60 s\n") && Contains("sonnet\n") && Contains("$1.5\n"));
  CHECK_THAT(shell.out().substr(second), !Contains("timeout") && !Contains("model") && !Contains("budget"));
}

TEST_CASE("Colour is for those who take it") {
  shell shell;
  shell.write_config("agents: {a: {directory: /tmp}}\n");
  shell.colour = true;
  REQUIRE(shell.run({"list"}) == 0);
  CHECK_THAT(shell.out(), Contains("\x1b[32mOK\x1b[0m"));
  REQUIRE(shell.run({"list", "--json"}) == 0);
  CHECK(shell.out().find('\x1b') == std::string::npos);
  CHECK_FALSE(wants_colour(-1, environment_of({})));
}

TEST_CASE("A description shows the settings and the project") {
  shell shell;
  shell.home().write("projects/p/CLAUDE.md", "x");
  shell.write_config(
      "agents:\n  p:\n    directory: ~/projects/p\n    timeout: 0\n    max_budget_usd: 0.00001\n    model: sonnet\n"
      "    allowed_tools: []\n    permission_mode: yolo\n");
  REQUIRE(shell.run({"describe", "p"}) == 0);
  CHECK_THAT(shell.out(), Contains("p  [OK]") && Contains("(inherited)") && Contains("$0.00001\n") &&
                              Contains("sonnet") && Contains("(none)") && Contains("CLAUDE.md"));
  CHECK_THAT(shell.err(), Contains("yolo"));
  REQUIRE(shell.run({"describe", "p", "--json"}) == 0);
  CHECK(shell.json()["claude_md_preview"] == "x");
  CHECK(shell.run({"describe", "foo"}) == exit_failure);
  CHECK_THAT(shell.err(), Contains("Unknown agent: 'foo'. Available: p"));
  CHECK(shell.run({"describe", "foo", "--json"}) == exit_failure);
  CHECK(shell.json()["error"] == "Unknown agent: 'foo'. Available: p");
  CHECK(shell.run({"describe"}) == exit_usage);
}

TEST_CASE("init without the CLI makes the configuration and prints a command that works") {
  shell shell;
  REQUIRE(shell.run({"init"}) == 0);
  CHECK(shell.config() == configuration{});
  CHECK_THAT(shell.out(), Contains("Made ") && Contains("claude was not found on PATH"));
  const auto at = shell.out().find("claude mcp add-json");
  REQUIRE(at != std::string::npos);
  const auto command = shell.out().substr(at, shell.out().find('\n', at) - at);

  shell.make_claude("printf '%s\\n' \"$@\"\n");
  const auto pasted =
      run_command("/bin/sh", {"-c", "PATH=" + (shell.home().path() / "bin").string() + ":$PATH; " + command},
                  std::chrono::seconds{30});
  CHECK(pasted.output ==
        "mcp\nadd-json\nagent-dispatch\n"
        "{\"type\":\"stdio\",\"command\":\"/opt/it's here/agent-dispatch\",\"args\":[\"serve\"]}\n--scope\nuser\n");
}

TEST_CASE("init registers the server with the CLI") {
  shell shell;
  const auto log = shell.home().path() / "log";
  shell.make_claude("printf '%s\\n' \"$@\" >'" + log.string() + "'; cat >>'" + log.string() + "'\n");
  REQUIRE(shell.run({"init"}) == 0);
  CHECK_THAT(shell.out(), Contains("Registered"));
  CHECK_THAT(shell.home().read("log"),
             Contains("add-json\nagent-dispatch\n{\"type\":\"stdio\"") && Contains("\n--scope\nuser\n"));
  REQUIRE(shell.run({"init", "--json"}) == 0);
  CHECK(shell.json()["created"] == false);
  CHECK(shell.json()["registered"] == true);
  CHECK(shell.json()["already_registered"] == false);
  CHECK(shell.json()["config"] == shell.paths().config.string());
}

TEST_CASE("init says when the server is registered already") {
  shell shell;
  shell.make_claude("echo 'MCP server agent-dispatch already exists in user config' >&2; exit 1\n");
  REQUIRE(shell.run({"init"}) == 0);
  CHECK_THAT(shell.out(), Contains("already registered"));
  REQUIRE(shell.run({"init", "--json"}) == 0);
  CHECK(shell.json()["already_registered"] == true);
}

TEST_CASE("init says what the CLI refused, and is no failure") {
  shell shell;
  shell.make_claude("echo 'some text'; echo 'not \033[31mtoday' >&2; exit 3\n");
  REQUIRE(shell.run({"init"}) == 0);
  CHECK_THAT(shell.out(), Contains("claude refused: not  [31mtoday") && Contains("claude mcp add-json"));
}

TEST_CASE("init keeps what is there, also when it is broken") {
  shell shell;
  shell.write_config("agents: [\n");
  REQUIRE(shell.run({"init"}) == 0);
  CHECK_THAT(shell.out(), Contains("Kept "));
  CHECK(shell.home().read(".config/agent-dispatch/agents.yaml") == "agents: [\n");
}

TEST_CASE("A program that does not end is ended, with what it started") {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_command("/bin/sh", {"-c", "sleep 600 & echo $!; sleep 600"}, std::chrono::seconds{1});
  CHECK(outcome.timed_out);
  CHECK_FALSE(outcome.exit_code);
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{60});
  REQUIRE_FALSE(outcome.output.empty());
  // Gone, or a zombie where nobody reaps orphans.
  const auto lives = [&] {
    std::ifstream stat{"/proc/" + outcome.output.substr(0, outcome.output.size() - 1) + "/stat"};
    std::string pid;
    std::string name;
    std::string state;
    return (stat >> pid >> name >> state) && state != "Z";
  };
  while (lives() && std::chrono::steady_clock::now() - start < std::chrono::seconds{30})
    std::this_thread::sleep_for(std::chrono::milliseconds{10});
  CHECK_FALSE(lives());
}

TEST_CASE("A program that leaves something behind is not waited for") {
  const auto start = std::chrono::steady_clock::now();
  const auto outcome = run_command("/bin/sh", {"-c", "sleep 5 & echo done; exit 7"}, std::chrono::seconds{60});
  CHECK(outcome.exit_code == 7);
  CHECK(outcome.output == "done\n");
  CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{4});
}

TEST_CASE("A program's output is bounded and its input empty") {
  const auto flood = run_command("/bin/sh", {"-c", "head -c 1000000 /dev/zero; cat"}, std::chrono::seconds{60});
  CHECK(flood.exit_code == 0);
  CHECK(flood.output.size() == 64u << 10);
  CHECK(run_command("/no/such", {}, std::chrono::seconds{1}).start_errno != 0);
}

TEST_CASE("A program is found as a shell would, but not in the working directory") {
  const temporary_directory home;
  home.write("one/claude", "");
  std::filesystem::create_directories(home.path() / "two/claude");
  ::chmod(home.write("three/claude", "").c_str(), 0755);
  const auto in = [&](const char* name) { return (home.path() / name).string(); };
  CHECK(find_program("claude", in("one") + ":" + in("two") + "::" + in("three")) == home.path() / "three/claude");
  CHECK(find_program("claude", in("one")) == std::nullopt);
  CHECK(find_program("claude", "") == std::nullopt);
  CHECK(find_program("sh", ":.") == std::nullopt);
}
