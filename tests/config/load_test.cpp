#include "config/load.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;

namespace {

const config_paths paths{"/home/ann", "/etc/ad/agents.yaml", "/etc/ad/jobs"};

configuration parsed(std::string_view text) {
  const auto loaded = parse_configuration(text, paths);
  INFO((loaded ? "" : loaded.error().message));
  REQUIRE(loaded);
  return loaded->value;
}

fault refused(std::string_view text) {
  const auto loaded = parse_configuration(text, paths);
  INFO(text);
  REQUIRE_FALSE(loaded);
  return loaded.error();
}

std::vector<std::string> warnings(std::string_view text) {
  const auto loaded = parse_configuration(text, paths);
  REQUIRE(loaded);
  return loaded->warnings;
}

/// One agent `a` with more keys.
std::string agent_with(std::string_view line) {
  return "agents:\n  a:\n    directory: /tmp\n    " + std::string{line} + "\n";
}

agent_config agent(std::string_view line) { return parsed(agent_with(line)).agents.at(0); }

} // namespace

TEST_CASE("Nothing is no agents and the defaults") {
  for (const auto* text : {"", "# nothing\n", "---\n", "agents:\n", "agents: {}\n", "agents: {}\ngroups:\nsettings:\n",
                           "settings: {cache: }\n"}) {
    INFO(text);
    CHECK(parsed(text) == configuration{});
  }
}

TEST_CASE("Every key of an agent is read") {
  const auto config = parsed(R"(agents:
  infra:
    directory: ~/projects/infra
    description: "Infrastructure. MCP: portainer."
    timeout: 120
    max_budget_usd: 1.5
    model: sonnet
    permission_mode: bypassPermissions
    allowed_tools:
      - Read
      - Bash(git *)
    disallowed_tools: [Write]
    capabilities: [docker_logs, deploy_debug]
    risky_capabilities:
    - restart_services
    max_parallel: 2
    something_of_a_later_version: {x: 1}
)");
  REQUIRE(config.agents.size() == 1);
  CHECK(config.agents[0] == agent_config{.name = {"infra"},
                                         .directory = "/home/ann/projects/infra",
                                         .description = "Infrastructure. MCP: portainer.",
                                         .timeout = 120,
                                         .max_budget_usd = 1.5,
                                         .model = "sonnet",
                                         .permission_mode = "bypassPermissions",
                                         .allowed_tools = std::vector<std::string>{"Read", "Bash(git *)"},
                                         .disallowed_tools = std::vector<std::string>{"Write"},
                                         .capabilities = {"docker_logs", "deploy_debug"},
                                         .risky_capabilities = {"restart_services"},
                                         .max_parallel = 2});
}

TEST_CASE("An agent needs nothing but its directory") {
  agent_config expected;
  expected.name = {"a"};
  expected.directory = "/tmp";
  CHECK(agent("timeout:") == expected);
}

TEST_CASE("Every key of the settings and groups is read") {
  const auto config = parsed(R"(agents:
  a: {directory: /a}
groups:
  release:
    description: Ship it
    shared_context: |
      Tag is v2.
    members:
      - agent: a
        use_for: tests
      - {agent: gone}
  empty:
settings:
  default_timeout: 60
  default_max_budget_usd: 2
  default_permission_mode: plan
  default_allowed_tools: [Read]
  default_disallowed_tools: []
  max_dispatch_depth: 4
  max_concurrency: 9
  job_retention_days: 30
  idle_exit_seconds: 0
  confirm_risky: true
  cache: {enabled: no, ttl: 1.5, max_size: 7}
)");
  REQUIRE(config.groups.size() == 2);
  CHECK(config.groups[0] == group_config{"release", "Ship it", "Tag is v2.\n", {{{"a"}, "tests"}, {{"gone"}, ""}}});
  CHECK(config.groups[1] == group_config{"empty", "", "", {}});
  settings expected;
  expected.default_timeout = 60;
  expected.default_max_budget_usd = 2;
  expected.default_permission_mode = "plan";
  expected.default_allowed_tools = std::vector<std::string>{"Read"};
  expected.default_disallowed_tools = std::vector<std::string>{};
  expected.max_dispatch_depth = 4;
  expected.max_concurrency = 9;
  expected.job_retention_days = 30;
  expected.idle_exit_seconds = 0;
  expected.confirm_risky = true;
  expected.cache = {false, 1.5, 7};
  CHECK(config.settings == expected);
}

TEST_CASE("An empty model or permission mode is none") {
  CHECK(agent("model: ''").model == std::nullopt);
  CHECK(agent("permission_mode: \"\"").permission_mode == std::nullopt);
  const auto config = parsed("settings: {default_permission_mode: ''}\n");
  CHECK(config.settings.default_permission_mode == std::nullopt);
}

TEST_CASE("A tool list is inherited, empty, or exactly what it says") {
  CHECK(agent("model: x").allowed_tools == std::nullopt);
  CHECK(agent("allowed_tools:").allowed_tools == std::nullopt);
  CHECK(agent("allowed_tools: null").allowed_tools == std::nullopt);
  CHECK(agent("allowed_tools: []").allowed_tools == std::vector<std::string>{});
  CHECK(agent("allowed_tools: [Read]").allowed_tools == std::vector<std::string>{"Read"});
  const auto config = parsed("agents:\n  inherits: {directory: /a}\n  none: {directory: /b, allowed_tools: []}\n"
                             "settings: {default_allowed_tools: [Bash]}\n");
  CHECK(resolve(config.agents[0], config.settings).allowed_tools == std::vector<std::string>{"Bash"});
  CHECK(resolve(config.agents[1], config.settings).allowed_tools == std::vector<std::string>{});
}

TEST_CASE("Numbers may stand in quotes, and zero stands for the default") {
  CHECK(agent("timeout: '45'").timeout == 45);
  CHECK(agent("timeout: 45.0").timeout == 45);
  CHECK(agent("max_budget_usd: '0.5'").max_budget_usd == 0.5);
  const auto config = parsed("agents: {a: {directory: /a, timeout: 0, max_budget_usd: 0}}\n"
                             "settings: {default_timeout: 77, default_max_budget_usd: 3}\n");
  CHECK(resolve(config.agents[0], config.settings).timeout == std::chrono::seconds{77});
  CHECK(resolve(config.agents[0], config.settings).max_budget_usd == 3);
}

TEST_CASE("Directories become absolute") {
  const auto directory = [](std::string_view text) {
    return parsed("agents: {a: {directory: " + std::string{text} + "}}\n").agents.at(0).directory;
  };
  CHECK(directory("~/x") == "/home/ann/x");
  CHECK(directory("'~'") == "/home/ann");
  CHECK(directory("~root/x").string().ends_with("/x"));
  CHECK(directory("/a//b/./c/") == "/a/b/c");
  CHECK(directory("/a/link/../c") == "/a/link/../c");
  CHECK(directory("sub") == "/etc/ad/sub");
  CHECK(directory("2024") == "/etc/ad/2024");
  CHECK(directory("/a~/~") == "/a~/~");
}

TEST_CASE("Anchors, aliases and merges work") {
  const auto config =
      parsed("x-base: &base\n  timeout: 9\n  allowed_tools: &tools [Read]\nagents:\n"
             "  a: {<<: *base, directory: /a}\n  b:\n    directory: /b\n    disallowed_tools: *tools\n");
  CHECK(config.agents.at(0).timeout == 9);
  CHECK(config.agents.at(0).allowed_tools == std::vector<std::string>{"Read"});
  CHECK(config.agents.at(1).disallowed_tools == std::vector<std::string>{"Read"});
}

TEST_CASE("Every broken value has its line, its name and a remedy") {
  struct broken {
    std::string text;
    int line;
    const char* says;
  };
  const std::vector<broken> texts{
      {"- a\n", 1, "the file is a list, not a map"},
      {"just text\n", 1, "the file is `just text`, not a map"},
      {"agents: [a]\n", 1, "agents is a list, not a map"},
      {"agents:\n  a: 7\n", 2, "agents.a is `7`, not a map"},
      {"agents:\n  a:\n", 2, "agents.a has no directory"},
      {"\n\nagents:\n  a:\n    timeout: 5\n", 4, "agents.a has no directory"},
      {"agents:\n  a:\n    directory: [x]\n", 3, "agents.a.directory is a list, not a path"},
      {"agents:\n  a:\n    directory: ''\n", 3, "agents.a.directory is \"\", not a path"},
      {"agents:\n  a:\n    directory: ~no-such-user/x\n", 3, "the home directory in it is not known"},
      {agent_with("timeout: soon"), 4, "agents.a.timeout is `soon`, not a whole number of at least 0"},
      {agent_with("timeout: -1"), 4, "agents.a.timeout is `-1`"},
      {agent_with("timeout: 1.5"), 4, "agents.a.timeout is `1.5`"},
      {agent_with("timeout: yes"), 4, "agents.a.timeout is `yes`"},
      {agent_with("timeout: ''"), 4, "agents.a.timeout is \"\""},
      {agent_with("timeout: .nan"), 4, "agents.a.timeout is `.nan`"},
      {agent_with("timeout: 99999999999"), 4, "Write a smaller number"},
      {agent_with("timeout: [1]"), 4, "agents.a.timeout is a list"},
      {agent_with("max_budget_usd: -0.5"), 4, "agents.a.max_budget_usd is `-0.5`, not a finite number"},
      {agent_with("max_budget_usd: .inf"), 4, "agents.a.max_budget_usd is `.inf`"},
      {agent_with("max_budget_usd: true"), 4, "agents.a.max_budget_usd is `true`"},
      {agent_with("max_budget_usd: much"), 4, "agents.a.max_budget_usd is `much`"},
      {agent_with("max_parallel: 0"), 4, "agents.a.max_parallel is `0`, not a whole number of at least 1"},
      {agent_with("description: 5"), 4, "agents.a.description is `5`, not a text"},
      {agent_with("model: [x]"), 4, "agents.a.model is a list, not a text"},
      {agent_with("permission_mode: no"), 4, "agents.a.permission_mode is `no`, not a text"},
      {agent_with("allowed_tools: Bash"), 4, "agents.a.allowed_tools is `Bash`, not a list"},
      {agent_with("allowed_tools:\n      - Read\n      - 7"), 6, "agents.a.allowed_tools[1] is `7`, not a text"},
      {agent_with("disallowed_tools: {a: 1}"), 4, "agents.a.disallowed_tools is a map, not a list"},
      {agent_with("capabilities: x"), 4, "agents.a.capabilities is `x`, not a list"},
      {"groups: x\n", 1, "groups is `x`, not a map"},
      {"groups:\n  'a b':\n    description: x\n", 2, "\"a b\" cannot be the name of a group"},
      {"groups:\n  g:\n    members: a\n", 3, "groups.g.members is `a`, not a list"},
      {"groups:\n  g:\n    members:\n      - a\n", 4, "groups.g.members is `a`, not a map"},
      {"groups:\n  g:\n    members:\n      - use_for: x\n", 4, "names no agent"},
      {"groups:\n  g:\n    members:\n      - agent: 'a b'\n", 4, "\"a b\" cannot be the name of an agent"},
      {"groups:\n  g:\n    shared_context: 3\n", 3, "groups.g.shared_context is `3`, not a text"},
      {"settings: 3\n", 1, "settings is `3`, not a map"},
      {"settings:\n  default_timeout: 0\n", 2, "settings.default_timeout is `0`, not a whole number of at least 1"},
      {"settings:\n  max_dispatch_depth: 0\n", 2, "settings.max_dispatch_depth"},
      {"settings:\n  max_concurrency: 0\n", 2, "settings.max_concurrency"},
      {"settings:\n  job_retention_days: -1\n", 2, "settings.job_retention_days"},
      {"settings:\n  idle_exit_seconds: -1\n", 2, "settings.idle_exit_seconds"},
      {"settings:\n  default_max_budget_usd: nan\n", 2, "settings.default_max_budget_usd"},
      {"settings:\n  cache: 1\n", 2, "settings.cache is `1`, not a map"},
      {"settings:\n  cache:\n    enabled: maybe\n", 3, "settings.cache.enabled is `maybe`, not a yes or no"},
      {"settings:\n  cache:\n    ttl: -1\n", 3, "settings.cache.ttl"},
      {"settings:\n  cache:\n    max_size: 0\n", 3, "settings.cache.max_size"},
  };
  for (const auto& [text, line, says] : texts) {
    const auto fault = refused(text);
    INFO(text);
    CHECK(fault.kind == fault_kind::config_schema);
    CHECK_THAT(fault.message,
               StartsWith("/etc/ad/agents.yaml:" + std::to_string(line) + ": on line " + std::to_string(line) + ", "));
    CHECK_THAT(fault.message, Contains(says));
    CHECK(fault.message.back() == '.');
  }
}

TEST_CASE("A text that is no YAML is a fault of syntax with its line") {
  const auto fault = refused("agents:\n  a:\n    directory: [unclosed\n");
  CHECK(fault.kind == fault_kind::config_syntax);
  CHECK_THAT(fault.message, StartsWith("/etc/ad/agents.yaml:"));
  CHECK_THAT(fault.message, Contains("`[` is not closed"));
}

TEST_CASE("What is odd without being wrong is a warning with its line") {
  const auto one = [](std::string_view text) {
    const auto all = warnings(text);
    REQUIRE(all.size() == 1);
    return all[0];
  };
  CHECK_THAT(one(agent_with("permission_mode: yolo")),
             StartsWith("/etc/ad/agents.yaml:4: ") && Contains("yolo") && Contains("acceptEdits"));
  CHECK_THAT(one("settings: {default_permission_mode: yolo}"), Contains("settings.default_permission_mode"));
  CHECK_THAT(one(agent_with("timeout: 1\n    timeout: 2")),
             Contains(":5: ") && Contains("agents.a.timeout is given before, on line 4"));
  CHECK_THAT(one("groups:\n  g:\n    members:\n    - agent: gone\n"), Contains(":4: ") && Contains("gone"));
  CHECK_THAT(one("agents:\n  'o d d': {directory: /a}\n"), Contains("\"o d d\""));
  CHECK(warnings(agent_with("permission_mode: acceptEdits")).empty());
}

TEST_CASE("Of the warnings, those of members that name no agent are known as such") {
  temporary_directory directory;
  const auto loaded = parse_configuration("agents:\n  a:\n    directory: /x\n    permission_mode: odd\ngroups:\n  g:\n"
                                          "    members:\n    - agent: a\n    - agent: gone\n",
                                          directory.config());
  REQUIRE(loaded);
  REQUIRE(loaded->warnings.size() == 2);
  CHECK(loaded->dangling_members == std::vector{loaded->warnings[1]});
}

TEST_CASE("The last of equal agents counts, in the place of the first") {
  const auto config = parsed("agents:\n  a: {directory: /1}\n  b: {directory: /2}\n  a: {directory: /3}\n");
  REQUIRE(config.agents.size() == 2);
  CHECK(config.agents[0].name.value == "a");
  CHECK(config.agents[0].directory == "/3");
}

TEST_CASE("An odd agent name breaks nothing") {
  for (const auto* name : {"''", "'\\e[31m'", "'a/../b'", "\"\\0\"", "5", "yes", "~", "'ä ö'", "'-x'"}) {
    INFO(name);
    const auto config = parsed("agents:\n  " + std::string{name} + ": {directory: /tmp}\n");
    CHECK(config.agents.size() == 1);
  }
}

TEST_CASE("A name or value as large as the file does not make a sentence as large") {
  const std::string large(1u << 20, 'x');
  CHECK(refused("agents:\n  '" + large + " y': 5\n").message.size() < 1000);
  CHECK(refused(agent_with("timeout: " + large)).message.size() < 1000);
}

TEST_CASE("A missing file is no agents") {
  const temporary_directory home;
  const auto loaded = load_configuration(home.config());
  REQUIRE(loaded);
  CHECK(*loaded == loaded_configuration{});
}

TEST_CASE("A file that cannot be read says why and what to do") {
  const temporary_directory home;
  const auto config = home.config();
  const auto why = [&] {
    const auto loaded = load_configuration(config);
    REQUIRE_FALSE(loaded);
    CHECK(loaded.error().kind == fault_kind::config_unreadable);
    CHECK_THAT(loaded.error().message, StartsWith(config.config.string()));
    return loaded.error().message;
  };
  SECTION("a directory") {
    std::filesystem::create_directory(config.config);
    CHECK_THAT(why(), Contains("is a directory"));
  }
  SECTION("a FIFO, which is not waited for") {
    REQUIRE(::mkfifo(config.config.c_str(), 0600) == 0);
    CHECK_THAT(why(), Contains("not a regular file"));
  }
  SECTION("a device") {
    std::filesystem::create_symlink("/dev/zero", config.config);
    CHECK_THAT(why(), Contains("not a regular file"));
  }
  SECTION("links in a circle") {
    std::filesystem::create_symlink(config.config, config.config);
    CHECK_THAT(why(), Contains("cannot be read: "));
  }
  SECTION("a file on the way") {
    std::filesystem::create_symlink(home.write("file", "") / "x", config.config);
    CHECK_THAT(why(), Contains("Not a directory"));
  }
  SECTION("too large") {
    home.write("agents.yaml", "");
    std::filesystem::resize_file(config.config, greatest_config_bytes + 1);
    CHECK_THAT(why(), Contains("larger than 16 MiB"));
  }
}

TEST_CASE("A file at the greatest size is read") {
  const temporary_directory home;
  home.write("agents.yaml", "agents: {a: {directory: /tmp}}\n" + std::string(greatest_config_bytes - 31, '#'));
  REQUIRE(std::filesystem::file_size(home.config().config) == greatest_config_bytes);
  const auto loaded = load_configuration(home.config());
  REQUIRE(loaded);
  CHECK(loaded->value.agents.size() == 1);
}

namespace {

/// Loads as a user who is nobody, for root may read everything. Returns the fault's sentence.
std::string fault_for_nobody(const config_paths& config) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0))
      ::_exit(1);
    const auto loaded = load_configuration(config);
    const std::string text = loaded ? "loaded" : loaded.error().message;
    ::_exit(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  ::close(ends[1]);
  std::string text(4096, '\0');
  const auto count = ::read(ends[0], text.data(), text.size());
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  text.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
  return text;
}

} // namespace

TEST_CASE("A file without permission says which command gives it") {
  const temporary_directory home;
  std::filesystem::permissions(home.path(), std::filesystem::perms{0755});
  home.write("it's here/agents.yaml", "");
  const config_paths config{home.path(), home.path() / "it's here/agents.yaml", home.path() / "jobs"};
  std::filesystem::permissions(config.config, std::filesystem::perms::none);
  CHECK_THAT(fault_for_nobody(config), Contains("chmod u+r '" + home.path().string() + "/it'\\''s here/agents.yaml'"));
  std::filesystem::permissions(config.config.parent_path(), std::filesystem::perms::none);
  CHECK_THAT(fault_for_nobody(config), Contains("namei -l"));
  std::filesystem::permissions(config.config.parent_path(), std::filesystem::perms::owner_all);
}
