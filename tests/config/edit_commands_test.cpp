#include <catch2/catch.hpp>

#include "config/group_edits.hpp"
#include "tests/config/command_shell.hpp"

using namespace agent_dispatch;
using Catch::Matchers::Contains;

namespace {

using words = std::vector<std::string>;

/// Two agents and a group, with comments.
constexpr std::string_view two_agents = R"(# mine
agents:
  a: # the first
    directory: /tmp
    description: A
    timeout: 60 # short
    model: m
    max_budget_usd: 1.5
    permission_mode: plan
    allowed_tools: [Read]
    disallowed_tools: [Write]
    capabilities: [x]
    risky_capabilities: ["y"]
    future: {z: 1} # of others
  b:
    directory: /tmp

groups:
  team: # both
    description: D
    members:
      - agent: a
        use_for: this
      - agent: b
)";

class two_agents_shell : public shell {
public:
  two_agents_shell() { write_config(two_agents); }
  std::string text() const { return home().read(".config/agent-dispatch/agents.yaml"); }
};

} // namespace

TEST_CASE("An update sets what is given, and nothing else") {
  two_agents_shell shell;
  REQUIRE(shell.run({"update",
                     "a",
                     "-d",
                     "none",
                     "--timeout",
                     "90",
                     "--model",
                     "n",
                     "--max-budget",
                     "2",
                     "--permission-mode",
                     "auto",
                     "--allowed-tools",
                     ",",
                     "--disallowed-tools",
                     "Edit, Bash",
                     "--capabilities",
                     "q",
                     "--risky-capabilities",
                     "r,s"}) == 0);
  const auto config = shell.config();
  const auto& agent = *config.find_agent({"a"});
  CHECK(agent.description == "none");
  CHECK(agent.timeout == 90);
  CHECK(agent.model == "n");
  CHECK(agent.max_budget_usd == 2);
  CHECK(agent.permission_mode == "auto");
  CHECK(agent.allowed_tools == words{});
  CHECK(agent.disallowed_tools == words{"Edit", "Bash"});
  CHECK(agent.capabilities == words{"q"});
  CHECK(agent.risky_capabilities == words{"r", "s"});
  CHECK_THAT(shell.text(), Contains("# mine\n") && Contains("  a: # the first\n") &&
                               Contains("timeout: 90 # short\n") && Contains("future: {z: 1} # of others\n") &&
                               Contains("  team: # both\n"));
  CHECK_THAT(shell.out(), Contains("Updated agent 'a': description, timeout, max_budget_usd, model, permission_mode, "
                                   "allowed_tools, disallowed_tools, capabilities, risky_capabilities"));
  CHECK(shell.err().empty());
}

TEST_CASE("An update with none, nothing or 0 clears") {
  const auto none = GENERATE("none", "NONE", "");
  two_agents_shell shell;
  REQUIRE(shell.run({"update", "a", "--model", none, "--max-budget-usd", "0", "--permission-mode", none,
                     "--allowed-tools", none, "--disallowed-tools", none, "--capabilities", none,
                     "--risky-capabilities", none, "-d", "", "--json"}) == 0);
  const auto config = shell.config();
  agent_config expected;
  expected.name = {"a"};
  expected.directory = "/tmp";
  expected.timeout = 60;
  CHECK(*config.find_agent({"a"}) == expected);
  CHECK(shell.json()["updated"] == "a");
  CHECK(shell.json()["fields"].size() == 8);
  CHECK_THAT(shell.text(), Contains("future: {z: 1} # of others\n"));
}

TEST_CASE("An update that cannot be made is refused with its exit code and changes nothing") {
  two_agents_shell shell;
  struct refusal {
    words command;
    int code;
    const char* says;
  };
  const std::vector<refusal> refusals{
      {{"update"}, exit_usage, "required"},
      {{"update", "a"}, exit_failure, "nothing to update"},
      {{"update", "a", "--timeout", "x"}, exit_usage, "x"},
      {{"update", "a", "--timeout", "0"}, exit_failure, "--timeout is 0"},
      {{"update", "a", "--max-budget=-1"}, exit_failure, "--max-budget"},
      {{"update", "a", "--max-budget", "inf"}, exit_failure, "--max-budget"},
      {{"update", "foo", "-d", "x"}, exit_failure, "Agent 'foo' was not found. Available: a, b"},
      {{"remove", "foo"}, exit_failure, "Agent 'foo' was not found. Available: a, b"},
      {{"remove"}, exit_usage, "required"},
      {{"group"}, exit_usage, "required"},
      {{"group", "add"}, exit_usage, "required"},
      {{"group", "add", "x y"}, exit_failure, "cannot be the name of a group"},
      {{"group", "add", "team"}, exit_failure, "Group 'team' already exists"},
      {{"group", "add", "x", "--member", "foo"}, exit_failure, "'foo' was not found"},
      {{"group", "update", "team"}, exit_failure, "nothing to update"},
      {{"group", "update", "x", "-d", "y"}, exit_failure, "Group 'x' was not found. Available: team"},
      {{"group", "remove", "x"}, exit_failure, "Group 'x' was not found. Available: team"},
      {{"group", "inspect", "x"}, exit_failure, "Unknown group: 'x'. Available: team"},
  };
  for (const auto& [command, code, says] : refusals) {
    CAPTURE(command);
    CHECK(shell.run(command) == code);
    CHECK_THAT(shell.err(), Contains(says));
    CHECK(shell.out().empty());
    CHECK(shell.text() == two_agents);
    if (code != exit_failure)
      continue;
    auto as_json = command;
    as_json.emplace_back("--json");
    CHECK(shell.run(as_json) == code);
    CHECK_THAT(shell.json()["error"].get<std::string>(), Contains(says));
  }
}

TEST_CASE("An unknown permission mode is stored, and said to be one") {
  two_agents_shell shell;
  REQUIRE(shell.run({"update", "b", "--permission-mode", "yolo", "--json"}) == 0);
  CHECK(shell.config().find_agent({"b"})->permission_mode == "yolo");
  CHECK_THAT(shell.err(), Contains("yolo"));
  CHECK_THAT(shell.json()["hint"].get<std::string>(), Contains("yolo"));
}

TEST_CASE("A removed agent stays a member of its groups, which are named") {
  two_agents_shell shell;
  REQUIRE(shell.run({"remove", "a"}) == 0);
  CHECK_THAT(shell.out(), Contains("Removed agent 'a'"));
  CHECK_THAT(shell.err(), Contains("still a member of: team"));
  CHECK_THAT(shell.text(), Contains("# mine\n") && Contains("  team: # both\n") && Contains("use_for: this\n"));
  CHECK(shell.config().agents.size() == 1);
  REQUIRE(shell.run({"group", "list", "--json"}) == 0);
  CHECK(shell.json()[0]["members"] == ordered_json::parse(R"([{"agent":"a","use_for":"this","unknown":true},
                                                              {"agent":"b","healthy":true}])"));
  REQUIRE(shell.run({"group", "inspect", "team"}) == 0);
  CHECK_THAT(shell.out(), Contains("a (unknown): this\n") && Contains("\n    b\n"));
  REQUIRE(shell.run({"remove", "b", "--json"}) == 0);
  CHECK(shell.json()["removed"] == "b");
  CHECK_THAT(shell.json()["hint"].get<std::string>(), Contains("team"));
  CHECK(shell.config().agents.empty());
}

TEST_CASE("An agent that is in no group goes without a word more") {
  shell shell;
  shell.write_config("agents: {a: {directory: /tmp}}\n");
  REQUIRE(shell.run({"remove", "a", "--json"}) == 0);
  CHECK(shell.json() == ordered_json{{"removed", "a"}});
  CHECK(shell.err().empty());
  CHECK(shell.home().read(".config/agent-dispatch/agents.yaml") == "agents: {}\n");
}

TEST_CASE("A group is added, shown, changed and removed") {
  two_agents_shell shell;
  REQUIRE(shell.run({"group", "add", "duo", "-d", "How", "--shared-context", "One\nTwo", "--member", "b", "--member",
                     "a", "--member", "b", "--json"}) == 0);
  CHECK(shell.json() ==
        ordered_json::parse(R"({"added":"duo","description":"How","shared_context":"One\nTwo","members":["b","a"]})"));
  REQUIRE(shell.run({"group", "inspect", "duo", "--json"}) == 0);
  CHECK(
      shell.json() ==
      ordered_json::parse(R"({"name":"duo","description":"How","shared_context":"One\nTwo","member_count":2,"members":[
          {"agent":"b","directory":"/tmp","healthy":true},
          {"agent":"a","directory":"/tmp","description":"A","healthy":true}]})"));
  REQUIRE(shell.run({"group", "list", "--json"}) == 0);
  CHECK(shell.json()[1] == ordered_json::parse(R"({"name":"duo","description":"How","shared_context_present":true,
      "member_count":2,"members":[{"agent":"b","healthy":true},{"agent":"a","healthy":true}]})"));
  REQUIRE(shell.run({"group", "inspect", "duo"}) == 0);
  CHECK_THAT(shell.out(), Contains("    One\n    Two\n"));
  REQUIRE(shell.run({"group", "list"}) == 0);
  CHECK_THAT(shell.out(), Contains("  How\n  has a shared context\n"));
  REQUIRE(shell.run({"group", "update", "duo", "-d", "none", "--shared-context", "", "--json"}) == 0);
  CHECK(shell.json() == ordered_json::parse(R"({"updated":"duo","fields":["description","shared_context"]})"));
  CHECK(shell.config().find_group("duo")->description == "none");
  CHECK(shell.config().find_group("duo")->shared_context.empty());
  CHECK(shell.config().find_group("duo")->members.size() == 2);
  REQUIRE(shell.run({"group", "update", "duo", "-d", "x", "--shared-context", " \n"}) == 0);
  CHECK_THAT(shell.out(), Contains("Updated group 'duo': description, shared_context\n"));
  REQUIRE(shell.run({"group", "list", "--json"}) == 0);
  CHECK(shell.json()[1]["shared_context_present"] == false);
  REQUIRE(shell.run({"group", "remove", "duo", "--json"}) == 0);
  CHECK(shell.json() == ordered_json{{"removed", "duo"}});
  CHECK(shell.text() == two_agents);
}

TEST_CASE("A group without members is made, with a note") {
  shell shell;
  REQUIRE(shell.run({"group", "add", "empty"}) == 0);
  CHECK_THAT(shell.err(), Contains("no members"));
  CHECK(shell.config().find_group("empty") != nullptr);
  REQUIRE(shell.run({"group", "update", "empty", "-d", "D"}) == 0);
  CHECK(shell.config().find_group("empty")->description == "D");
  REQUIRE(shell.run({"group", "list"}) == 0);
  CHECK_THAT(shell.out(), Contains("empty  (no members)") && Contains("  D\n"));
  REQUIRE(shell.run({"group", "remove", "empty"}) == 0);
  REQUIRE(shell.run({"group", "list"}) == 0);
  CHECK_THAT(shell.out(), Contains("No groups are configured"));
}

TEST_CASE("What an agent or group inherits is cleared so that the Python program can load it") {
  shell shell;
  shell.write_config("base: &b {directory: /tmp, model: m, max_budget_usd: 2, allowed_tools: [A], capabilities: [x]}\n"
                     "agents:\n  a:\n    <<: *b\n    timeout: 5\n"
                     "groups:\n  g: {<<: {description: D, shared_context: C}}\n");
  REQUIRE(shell.run({"update", "a", "--model", "none", "--max-budget", "0", "--allowed-tools", "none", "--capabilities",
                     "none"}) == 0);
  REQUIRE(shell.run({"group", "update", "g", "-d", "", "--shared-context", ""}) == 0);
  CHECK_THAT(shell.home().read(".config/agent-dispatch/agents.yaml"),
             Contains("    max_budget_usd: null\n    model: null\n    allowed_tools: null\n    capabilities: []\n") &&
                 Contains("description: \"\", shared_context: \"\""));
  const auto config = shell.config();
  CHECK_FALSE(config.agents.at(0).model);
  CHECK_FALSE(config.agents.at(0).max_budget_usd);
  CHECK_FALSE(config.agents.at(0).allowed_tools);
  CHECK(config.agents.at(0).capabilities.empty());
  CHECK(config.groups.at(0).description.empty());
}

TEST_CASE("A broken file is named by every command, and not written over") {
  shell shell;
  shell.write_config("agents: [\n");
  for (const auto& command :
       {words{"update", "a", "-d", "x"}, words{"remove", "a"}, words{"group", "add", "g"}, words{"group", "list"},
        words{"group", "inspect", "g"}, words{"group", "update", "g", "-d", "x"}, words{"group", "remove", "g"}}) {
    CAPTURE(command);
    CHECK(shell.run(command) == exit_failure);
    CHECK_THAT(shell.err(), Contains("agents.yaml:"));
    CHECK(shell.home().read(".config/agent-dispatch/agents.yaml") == "agents: [\n");
  }
}

TEST_CASE("Comments that an edit costs are not lost silently") {
  two_agents_shell shell;
  shell.write_config("agents:\n  a:\n    directory: /tmp\n    allowed_tools:\n      - Read # why\n");
  REQUIRE(shell.run({"update", "a", "--allowed-tools", "Bash"}) == 0);
  CHECK_THAT(shell.err(), Contains("comments in there may be gone"));
  shell.write_config("agents: # mine\n  a: &a\n    directory: /tmp\n  b: *a\n");
  REQUIRE(shell.run({"update", "a", "--model", "m", "--json"}) == 0);
  CHECK_THAT(shell.json()["hint"].get<std::string>(), Contains("its comments are gone"));
  CHECK_FALSE(shell.config().find_agent({"b"})->model);
}
