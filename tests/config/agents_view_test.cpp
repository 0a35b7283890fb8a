#include "frontends/views/agents_view.hpp"

#include <catch2/catch.hpp>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;

namespace {

agent_config agent(const std::string& name, const std::filesystem::path& directory) {
  agent_config result;
  result.name = {name};
  result.directory = directory;
  return result;
}

std::vector<std::string> keys(const ordered_json& json) {
  std::vector<std::string> names;
  for (const auto& [key, value] : json.items())
    names.push_back(key);
  return names;
}

using words = std::vector<std::string>;

} // namespace

TEST_CASE("No agents are an error that says how to add one") {
  const auto json = list_agents_json({});
  REQUIRE(json.is_object());
  CHECK_THAT(json["error"].get<std::string>(), Catch::Matchers::Contains("agent-dispatch add"));
}

TEST_CASE("The list has what is there, in the order of the interface") {
  const temporary_directory home;
  home.write("full/CLAUDE.md", "x");
  home.write("full/.mcp.json", R"({"mcpServers": {"m": {}}})");
  home.write("full/go.mod", "");
  home.write("full/schema.prisma", "");
  std::filesystem::create_directory(home.path() / "bare");
  configuration config;
  config.agents.push_back(agent("full", home.path() / "full"));
  auto& full = config.agents.back();
  full.permission_mode = "plan";
  full.allowed_tools = words{};
  full.disallowed_tools = words{"Write"};
  full.capabilities = {"c"};
  full.risky_capabilities = {"r"};
  config.agents.push_back(agent("bare", home.path() / "bare"));
  config.agents.push_back(agent("gone", home.path() / "gone"));
  const auto json = list_agents_json(config);
  REQUIRE(json.is_array());
  REQUIRE(json.size() == 3);
  CHECK(keys(json[0]) == words{"name", "directory", "description", "healthy", "has_claude_md", "has_mcp_config",
                               "mcp_servers", "stacks", "dbs", "permission_mode", "allowed_tools", "disallowed_tools",
                               "capabilities", "risky_capabilities"});
  CHECK(json[0]["healthy"] == true);
  CHECK(json[0]["mcp_servers"] == words{"m"});
  CHECK(json[0]["allowed_tools"] == ordered_json::array());
  CHECK(keys(json[1]) == words{"name", "directory", "description", "healthy", "has_claude_md", "has_mcp_config"});
  CHECK(json[1]["has_claude_md"] == false);
  CHECK(json[2]["healthy"] == false);
}

TEST_CASE("An unknown agent is an error that names those there are") {
  configuration config;
  config.agents = {agent("a", "/a"), agent("b", "/b")};
  CHECK(inspect_agent_json(config, "foo", 40)["error"] == "Unknown agent: 'foo'. Available: a, b");
}

TEST_CASE("An inspection has what is set, and what a healthy directory shows") {
  const temporary_directory home;
  home.write("p/CLAUDE.md", "one\ntwo\nthree\n");
  home.write("p/README.md", "r\n");
  configuration config;
  config.agents = {agent("p", home.path() / "p"), agent("gone", home.path() / "gone")};
  config.agents[0].model = "sonnet";
  config.agents[0].max_budget_usd = 1.5;
  const auto json = inspect_agent_json(config, "p", 2);
  CHECK(keys(json) == words{"name", "directory", "description", "timeout", "model", "max_budget_usd", "healthy",
                            "mcp_servers", "stacks", "dbs", "has_claude_md", "has_readme", "has_mcp_config",
                            "claude_md_preview", "claude_md_truncated", "readme_preview"});
  CHECK(json["claude_md_preview"] == "one\ntwo");
  CHECK(json["claude_md_truncated"] == true);
  CHECK(json["readme_preview"] == "r");
  CHECK(json["mcp_servers"] == ordered_json::array());
  CHECK(json["timeout"] == 300);
  CHECK(keys(inspect_agent_json(config, "gone", 40)) ==
        words{"name", "directory", "description", "timeout", "healthy"});
}

TEST_CASE("Preview lines are clamped, and none are none") {
  const temporary_directory home;
  std::string lines;
  for (int i = 0; i < 300; ++i)
    lines.append("x\n");
  home.write("p/CLAUDE.md", lines);
  configuration config;
  config.agents = {agent("p", home.path() / "p")};
  CHECK_FALSE(inspect_agent_json(config, "p", 0).contains("claude_md_preview"));
  CHECK_FALSE(inspect_agent_json(config, "p", -5).contains("claude_md_preview"));
  CHECK(inspect_agent_json(config, "p", 100'000)["claude_md_preview"].get<std::string>().size() == 399);
}

TEST_CASE("What a project breaks is in the inspection") {
  const temporary_directory home;
  home.write("p/.mcp.json", "{");
  configuration config;
  config.agents = {agent("p", home.path() / "p")};
  CHECK_THAT(inspect_agent_json(config, "p", 1)["scan_error"].get<std::string>(),
             Catch::Matchers::Contains(".mcp.json"));
}

TEST_CASE("Bytes that are no text do not keep an answer from being written") {
  configuration config;
  config.agents = {agent("\xff", "/\xfe")};
  config.agents[0].description = "\xed\xa0\x80";
  CHECK_FALSE(dump_pretty(list_agents_json(config)).empty());
  CHECK_FALSE(dump_pretty(inspect_agent_json(config, "\xff", 3)).empty());
  CHECK_FALSE(dump_pretty(inspect_agent_json(config, "\xfe", 3)).empty());
}

TEST_CASE("What was added is answered with what was given") {
  auto given = agent("a", "/a");
  given.description = "d";
  CHECK(keys(added_agent_json(given)) == words{"added", "directory", "description"});
  given.permission_mode = "plan";
  given.allowed_tools = words{};
  given.capabilities = {"c"};
  CHECK(keys(added_agent_json(given)) ==
        words{"added", "directory", "description", "permission_mode", "allowed_tools", "capabilities"});
}
