#include "messages/agent.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

using tools = std::vector<std::string>;

agent_config agent_named(const char* name) {
  agent_config agent;
  agent.name = {name};
  agent.directory = "/d";
  return agent;
}

} // namespace

TEST_CASE("An agent's own settings come before the general ones") {
  auto agent = agent_named("a");
  agent.timeout = 7;
  agent.max_budget_usd = 1.5;
  agent.model = "m";
  agent.permission_mode = "plan";
  agent.allowed_tools = tools{"Read"};
  agent.disallowed_tools = tools{"Bash"};
  agent.max_parallel = 4;
  settings defaults;
  defaults.default_timeout = 99;
  defaults.default_max_budget_usd = 9;
  defaults.default_permission_mode = "default";
  defaults.default_allowed_tools = tools{"Edit"};
  defaults.default_disallowed_tools = tools{"Write"};
  CHECK(resolve(agent, defaults) == resolved_agent{.name = {"a"},
                                                   .directory = "/d",
                                                   .timeout = 7s,
                                                   .max_budget_usd = 1.5,
                                                   .model = "m",
                                                   .permission_mode = "plan",
                                                   .allowed_tools = tools{"Read"},
                                                   .disallowed_tools = tools{"Bash"},
                                                   .max_parallel = 4});
}

TEST_CASE("What an agent does not say is taken from the general settings") {
  auto agent = agent_named("a");
  agent.timeout = 0;
  settings defaults;
  defaults.default_timeout = 99;
  defaults.default_max_budget_usd = 9;
  defaults.default_permission_mode = "plan";
  defaults.default_allowed_tools = tools{"Edit"};
  defaults.default_disallowed_tools = tools{"Write"};
  const auto resolved = resolve(agent, defaults);
  CHECK(resolved.timeout == 99s);
  CHECK(resolved.max_budget_usd == 9);
  CHECK(resolved.model == std::nullopt);
  CHECK(resolved.permission_mode == "plan");
  CHECK(resolved.allowed_tools == tools{"Edit"});
  CHECK(resolved.disallowed_tools == tools{"Write"});
}

TEST_CASE("An empty list of tools is explicitly none, not inherited") {
  auto agent = agent_named("a");
  agent.allowed_tools = tools{};
  agent.disallowed_tools = tools{};
  settings defaults;
  defaults.default_allowed_tools = tools{"Edit"};
  defaults.default_disallowed_tools = tools{"Write"};
  const auto resolved = resolve(agent, defaults);
  CHECK(resolved.allowed_tools == tools{});
  CHECK(resolved.disallowed_tools == tools{});
}

TEST_CASE("Lists of tools nobody speaks of stay absent, and an inherited empty list stays a list") {
  settings defaults;
  CHECK(resolve(agent_named("a"), defaults).allowed_tools == std::nullopt);
  defaults.default_allowed_tools = tools{};
  const auto resolved = resolve(agent_named("a"), defaults);
  CHECK(resolved.allowed_tools == tools{});
  CHECK(resolved.disallowed_tools == std::nullopt);
}

TEST_CASE("A budget of 0 is the general one, and a general one of 0 is no limit") {
  auto agent = agent_named("a");
  settings defaults;
  agent.max_budget_usd = 0;
  CHECK(resolve(agent, defaults).max_budget_usd == std::nullopt);
  defaults.default_max_budget_usd = 2;
  CHECK(resolve(agent, defaults).max_budget_usd == 2);
  defaults.default_max_budget_usd = 0;
  CHECK(resolve(agent, defaults).max_budget_usd == std::nullopt);
  agent.max_budget_usd = 0.01;
  CHECK(resolve(agent, defaults).max_budget_usd == 0.01);
}

TEST_CASE("An agent's default timeout is 300 s, whatever the general one") {
  settings defaults;
  defaults.default_timeout = 5;
  CHECK(resolve(agent_named("a"), defaults).timeout == 300s);
}

TEST_CASE("Agents and groups are found by their whole name") {
  configuration config;
  config.agents = {agent_named("a"), agent_named("ab")};
  config.groups.resize(2);
  config.groups[1].name = "g";
  CHECK(config.find_agent({"ab"}) == &config.agents[1]);
  CHECK(config.find_agent({"A"}) == nullptr);
  CHECK(config.find_agent({"abc"}) == nullptr);
  CHECK(config.find_group("g") == &config.groups[1]);
  CHECK(config.find_group("gg") == nullptr);
}

TEST_CASE("An unknown agent is told with those that are there, in the order of the file") {
  configuration config;
  CHECK(unknown_agent_sentence(config, "foo") == "Unknown agent: 'foo'. Available: none");
  config.agents = {agent_named("b"), agent_named("a")};
  CHECK(unknown_agent_sentence(config, "foo") == "Unknown agent: 'foo'. Available: b, a");
}
