#include "frontends/cli/doctor/checks.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cerrno>
#include <set>

using namespace agent_dispatch;
using namespace agent_dispatch::doctor;
using Catch::Matchers::Contains;
using role = place_facts::role;

namespace {

constexpr auto ok = finding_status::ok;
constexpr auto warning = finding_status::warning;
constexpr auto failure_ = finding_status::failure;

mcp_registration good_registration() {
  return {.scope = mcp_scope::user, .command = "/opt/agent-dispatch", .arguments = {"serve"}, .environment = {}};
}

place_facts good_place(role what, const std::filesystem::path& path) {
  return {.what = what, .path = path, .existing = path, .exchangeable = {}, .free_bytes = 1u << 30};
}

agent_config agent(const std::string& name) {
  agent_config made;
  made.name = {name};
  made.directory = "/projects/" + name;
  return made;
}

/// A machine where everything is as it should be, with one agent and one group.
facts good_machine() {
  facts seen{.directory = "/work",
             .settings = {},
             .add_command = "agent-dispatch add work /work",
             .version = "1.2.3",
             .installation = {"/opt/agent-dispatch", {}},
             .claude = {},
             .registered = {},
             .config = {},
             .agents = {},
             .places = {},
             .no_places = {},
             .supervisor = {},
             .descriptors = {1024, 1u << 20}};
  seen.claude.program = "/usr/bin/claude";
  seen.claude.version = command_outcome{0, false, 0, "2.1.329 (Claude Code)\n"};
  seen.claude.directory = "/home/u/.claude";
  seen.claude.state_file = "/home/u/.claude.json";
  seen.claude.state_reading = file_reading::read;
  seen.claude.registrations = {good_registration()};
  seen.claude.login = "ANTHROPIC_API_KEY";
  seen.registered = {{"/opt/agent-dispatch", true}};
  seen.paths = config_paths{"/home/u", "/home/u/c/agents.yaml", "/home/u/c/jobs"};
  seen.config_file = config_file_kind::readable;
  configuration config;
  config.agents = {agent("infra")};
  config.groups = {{"ops", "", "", {{{"infra"}, ""}}}};
  seen.config = loaded_configuration{config, {}, {}};
  seen.agents = {directory_health::healthy};
  seen.places = {good_place(role::configuration, "/home/u/c"), good_place(role::jobs, "/home/u/c/jobs"),
                 good_place(role::state, "/home/u/s"), good_place(role::socket, "/run/u")};
  seen.supervisor = supervisor_facts{.probe = {.entry = {}, .socket = "/run/u/x.sock", .version = {}},
                                     .log = "/home/u/s/supervisor.log",
                                     .control_group = {},
                                     .most_descriptors = {}};
  return seen;
}

configuration& config_of(facts& seen) { return (*seen.config)->value; }

/// What is not fine.
findings problems(const facts& seen) {
  auto all = examine(seen);
  std::erase_if(all, [](const finding& one) { return one.status == ok; });
  return all;
}

/// The only thing that is not fine.
finding problem(const facts& seen) {
  const auto found = problems(seen);
  INFO(found.size() << " problems");
  for (const auto& one : found)
    UNSCOPED_INFO(one.check << ": " << one.message);
  REQUIRE(found.size() == 1);
  CHECK(std::string_view{" :"}.find(found[0].message.back()) == std::string_view::npos);
  return found[0];
}

facts serving(const std::string& version) {
  auto seen = good_machine();
  auto& probe = seen.supervisor->probe;
  probe.presence = supervisor_presence::serving;
  probe.pid = 42;
  probe.version = version;
  probe.entry = supervisor_entry{"/run/u/x.sock", "/home/u/s", "/home/u/c/agents.yaml", version, 1};
  seen.supervisor->most_descriptors = 1u << 20;
  return seen;
}

facts with_presence(supervisor_presence presence, char state = 'S') {
  auto seen = serving("1.2.3");
  seen.supervisor->probe.presence = presence;
  seen.supervisor->process_state = state;
  return seen;
}

place_facts& place(facts& seen, role what) { return *std::ranges::find(seen.places, what, &place_facts::what); }

} // namespace

TEST_CASE("Where all is well, every check says so once") {
  const auto all = examine(good_machine());
  std::set<std::string> names;
  for (const auto& one : all) {
    CHECK(one.status == ok);
    CHECK(one.remedy.empty());
    CHECK(names.insert(one.check).second);
  }
  CHECK(names == std::set<std::string>{"installation", "cli", "login", "registration", "config", "agents", "groups",
                                       "config_directory", "jobs_directory", "state_directory", "socket_directory",
                                       "supervisor", "descriptors"});
}

TEST_CASE("A program that is missing beside this one is a failure") {
  auto seen = good_machine();
  seen.installation.missing = {"agent-dispatch-run"};
  CHECK(problem(seen).status == failure_);
  CHECK_THAT(problem(seen).message, Contains("agent-dispatch-run is not in /opt"));
}

TEST_CASE("A shell that has a run's depth is warned") {
  auto seen = good_machine();
  seen.depth = 2;
  CHECK(problems(seen).empty());
  seen.depth = 3;
  CHECK(problem(seen).check == "depth");
  CHECK(problem(seen).remedy == "unset AGENT_DISPATCH_DEPTH");
}

TEST_CASE("A place that another user can exchange is a failure, with another place as its remedy") {
  for (const auto what : {role::jobs, role::state, role::socket}) {
    auto seen = good_machine();
    place(seen, what).exchangeable = "others may write to /shared";
    CHECK(problem(seen).status == failure_);
    CHECK_THAT(problem(seen).message, Contains("others may write to /shared"));
    CHECK_FALSE(problem(seen).remedy.empty());
  }
}

// --- the CLI ---

TEST_CASE("A CLI that is missing, does not start, hangs or is too old is a failure") {
  auto seen = good_machine();
  seen.claude.version_limit = std::chrono::seconds{10};
  std::string expected;
  SECTION("missing") {
    seen.claude.program.reset();
    seen.claude.version.reset();
    expected = "no claude on PATH";
  }
  SECTION("not startable") {
    seen.claude.version = command_outcome{ENOEXEC, false, {}, ""};
    expected = "Exec format error";
  }
  SECTION("hanging") {
    seen.claude.version = command_outcome{0, true, {}, ""};
    expected = "within 10 s";
  }
  SECTION("too old") {
    seen.claude.version = command_outcome{0, false, 0, "2.0.27 (Claude Code)\n"};
    expected = "2.0.27";
    CHECK(problem(seen).remedy == "claude update");
  }
  const auto found = problem(seen);
  CHECK(found.check == "cli");
  CHECK(found.status == failure_);
  CHECK_THAT(found.message, Contains(expected));
  CHECK_FALSE(found.remedy.empty());
}

TEST_CASE("The oldest version that will do is good") {
  auto seen = good_machine();
  seen.claude.version->output = std::string{oldest_cli} + " (Claude Code)";
  CHECK(problems(seen).empty());
}

TEST_CASE("A claude that says no version is a warning that shows how to ask it") {
  auto seen = good_machine();
  seen.claude.version->output = "usage: claude";
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "/usr/bin/claude --version");
}

TEST_CASE("No login is a warning") {
  auto seen = good_machine();
  seen.claude.login.reset();
  CHECK(problem(seen).check == "login");
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "claude auth login");
  CHECK_THAT(problem(seen).message, Contains("/home/u/.claude "));
}

// --- registration ---

TEST_CASE("No registration is a warning with the command that makes one") {
  auto seen = good_machine();
  seen.claude.registrations.clear();
  seen.registered.clear();
  SECTION("the file is there") {}
  SECTION("the file is not") { seen.claude.state_reading = file_reading::missing; }
  CHECK(problem(seen).status == warning);
  CHECK(
      problem(seen).remedy ==
      R"(claude mcp add-json agent-dispatch '{"type":"stdio","command":"/opt/agent-dispatch","args":["serve"]}' --scope user)");
}

TEST_CASE("A registration of a program that is gone is a failure, of another one a warning") {
  auto seen = good_machine();
  seen.claude.registrations[0].command = "/old/agent-dispatch";
  seen.registered[0] = {};
  CHECK(problem(seen).status == failure_);
  CHECK_THAT(problem(seen).message, Contains("/old/agent-dispatch") && Contains("no such program"));
  seen.registered[0] = {"/old/agent-dispatch", false};
  CHECK(problem(seen).status == warning);
  CHECK_THAT(problem(seen).message, Contains("/old/agent-dispatch") && Contains("/opt/agent-dispatch"));
  CHECK_THAT(problem(seen).remedy,
             Catch::Matchers::StartsWith("claude mcp remove agent-dispatch --scope user && claude mcp "
                                         "add-json agent-dispatch "));
}

TEST_CASE("A registration without `serve` is a failure") {
  auto seen = good_machine();
  seen.claude.registrations[0].arguments = {"status"};
  CHECK(problem(seen).status == failure_);
  seen.claude.registrations[0].arguments = {"serve", "--embedded"};
  CHECK(problems(seen).empty());
}

TEST_CASE("A registration that leads to another configuration is a warning") {
  auto seen = good_machine();
  seen.claude.registrations[0].environment = {"AGENT_DISPATCH_CONFIG=/elsewhere.yaml"};
  CHECK(problem(seen).status == warning);
  CHECK_THAT(problem(seen).message, Contains("AGENT_DISPATCH_CONFIG=/elsewhere.yaml"));
  seen.claude.registrations[0].environment = {"AGENT_DISPATCH_CONFIG=~/c/agents.yaml", "OTHER=1"};
  CHECK(problems(seen).empty());
}

TEST_CASE("A registration in this directory hides the user's, and is told by itself") {
  auto seen = good_machine();
  auto local = good_registration();
  local.scope = mcp_scope::local;
  seen.claude.registrations.insert(seen.claude.registrations.begin(), local);
  seen.registered.insert(seen.registered.begin(), {std::filesystem::path{"/old/agent-dispatch"}, false});
  CHECK_THAT(problem(seen).message, Contains("in this directory"));
  CHECK(problem(seen).remedy == "claude mcp remove agent-dispatch --scope local");
}

TEST_CASE("A state file of Claude Code that cannot be read is told") {
  auto seen = good_machine();
  seen.claude.state_reading = file_reading::unreadable;
  CHECK(problem(seen).status == warning);
  seen.claude.state_reading = file_reading::not_json;
  CHECK(problem(seen).status == failure_);
  CHECK_THAT(problem(seen).message, Contains("/home/u/.claude.json"));
}

// --- configuration ---

TEST_CASE("Where the configuration's place is not known, nothing else is asked of it") {
  auto seen = good_machine();
  seen.paths = failure(fault_kind::invalid_argument, "Set HOME.");
  seen.config.reset();
  seen.places.clear();
  seen.supervisor.reset();
  CHECK(problem(seen) == finding{"config", failure_, "Set HOME.", ""});
}

TEST_CASE("No configuration is a warning") {
  auto seen = good_machine();
  seen.config_file = config_file_kind::missing;
  seen.config = loaded_configuration{};
  seen.agents.clear();
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "agent-dispatch init");
}

TEST_CASE("A configuration that is broken is a failure, and is opened in the editor") {
  auto seen = good_machine();
  seen.config = failure(fault_kind::config_syntax, "a.yaml:3: on line 3, …");
  seen.editor = "code --wait";
  CHECK(problem(seen) == finding{"config", failure_, "a.yaml:3: on line 3, …", "code --wait /home/u/c/agents.yaml"});
}

TEST_CASE("A configuration that cannot be read is a failure, with what mends that") {
  auto seen = good_machine();
  seen.config = failure(fault_kind::config_unreadable, "…");
  seen.config_file = config_file_kind::not_readable;
  CHECK(problem(seen).remedy == "chmod u+r /home/u/c/agents.yaml");
  seen.config_file = config_file_kind::no_file;
  CHECK(problem(seen).remedy == "mv /home/u/c/agents.yaml /home/u/c/agents.yaml.old && agent-dispatch init");
}

TEST_CASE("What is odd about the configuration is a warning each, a dangling member a failure of its group") {
  auto seen = good_machine();
  (*seen.config)->warnings = {"odd.", "dangling."};
  (*seen.config)->dangling_members = {"dangling."};
  const auto found = problems(seen);
  REQUIRE(found.size() == 2);
  CHECK(found[0] == finding{"config", warning, "odd.", "vi /home/u/c/agents.yaml"});
  CHECK(found[1] == finding{"groups", failure_, "dangling.", "vi /home/u/c/agents.yaml"});
}

TEST_CASE("No agents are a warning that offers to add the project at hand") {
  auto seen = good_machine();
  config_of(seen).agents.clear();
  config_of(seen).groups.clear();
  seen.agents.clear();
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "agent-dispatch add work /work");
}

TEST_CASE("An agent whose directory is gone or closed is a failure") {
  auto seen = good_machine();
  seen.agents[0] = directory_health::missing;
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "agent-dispatch remove infra");
  CHECK_THAT(problem(seen).message, Contains("/projects/infra"));
  seen.agents[0] = directory_health::unreadable;
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "chmod u+rx /projects/infra");
}

TEST_CASE("Root's agents may not bypass permissions, except in a sandbox") {
  auto seen = good_machine();
  SECTION("by the agent's own mode") { config_of(seen).agents[0].permission_mode = "bypassPermissions"; }
  SECTION("by the default") { config_of(seen).settings.default_permission_mode = "bypassPermissions"; }
  CHECK(problems(seen).empty());
  seen.is_root = true;
  CHECK_THAT(problem(seen).message, Contains("bypassPermissions"));
  CHECK(problem(seen).status == failure_);
  seen.is_sandbox = true;
  CHECK(problems(seen).empty());
}

TEST_CASE("A value that the CLI would take for an option is a failure") {
  auto seen = good_machine();
  auto& infra = config_of(seen).agents[0];
  SECTION("model") { infra.model = "-x"; }
  SECTION("mode") { infra.permission_mode = "--plan"; }
  SECTION("tool") { infra.allowed_tools = {"Read", "-x"}; }
  SECTION("refused tool") { infra.disallowed_tools = {"-x"}; }
  CHECK(problem(seen).status == failure_);
}

TEST_CASE("An empty group is a warning") {
  auto seen = good_machine();
  config_of(seen).groups[0].members.clear();
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "agent-dispatch group remove ops");
}

TEST_CASE("Where there are no groups nothing is said of them") {
  auto seen = good_machine();
  config_of(seen).groups.clear();
  CHECK(std::ranges::count(examine(seen), "groups", &finding::check) == 0);
}

TEST_CASE("A program that is not on PATH is named by its path in each remedy") {
  auto seen = good_machine();
  seen.program = "'/opt/a b/agent-dispatch'";
  config_of(seen).groups[0].members.clear();
  CHECK(problem(seen).remedy == "'/opt/a b/agent-dispatch' group remove ops");
}

// --- places ---

TEST_CASE("A file in the place of a directory is a failure") {
  auto seen = good_machine();
  const auto what = GENERATE(role::configuration, role::jobs, role::state, role::socket);
  auto& wrong = place(seen, what);
  wrong.existing = "/home/u/file";
  wrong.path = "/home/u/file/deeper";
  wrong.is_directory = false;
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "mv /home/u/file /home/u/file.old");
}

TEST_CASE("A directory that cannot be written is a failure, with what can be done") {
  auto seen = good_machine();
  auto& state = place(seen, role::state);
  state.error = EACCES;
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "chmod u+rwx /home/u/s");
  state.error = EROFS;
  CHECK_THAT(problem(seen).message, Contains("Read-only file system"));
  CHECK_THAT(problem(seen).remedy, Contains("export XDG_STATE_HOME="));
  state.error = 0;
  state.is_ours = false;
  CHECK(problem(seen).remedy == "sudo chown -R \"$(id -un)\" /home/u/s");
}

TEST_CASE("A directory that cannot be made is a failure") {
  auto seen = good_machine();
  auto& socket = place(seen, role::socket);
  socket.existing = "/run";
  socket.is_ours = false;
  socket.error = EACCES;
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "unset XDG_RUNTIME_DIR");
  CHECK_THAT(problem(seen).message, Contains("cannot be made in /run"));
}

TEST_CASE("One that will be made is fine, whoever may write above it") {
  auto seen = good_machine();
  auto& jobs = place(seen, role::jobs);
  jobs.existing = "/home";
  jobs.others_may_write = true;
  jobs.is_ours = false;
  CHECK(problems(seen).empty());
}

TEST_CASE("A directory that others may write is a failure, but a warning for the configuration") {
  auto seen = good_machine();
  const auto what = GENERATE(role::configuration, role::jobs, role::state, role::socket);
  place(seen, what).others_may_write = true;
  CHECK(problem(seen).status == (what == role::configuration ? warning : failure_));
  CHECK_THAT(problem(seen).remedy, Contains("chmod go-w /"));
}

TEST_CASE("A network file system is a failure where locks matter") {
  auto seen = good_machine();
  place(seen, role::configuration).is_on_network = true;
  place(seen, role::socket).is_on_network = true;
  CHECK(problems(seen).empty());
  SECTION("jobs") {
    place(seen, role::jobs).is_on_network = true;
    CHECK_THAT(problem(seen).remedy, Contains("export AGENT_DISPATCH_JOBS_DIR="));
  }
  SECTION("state") {
    place(seen, role::state).is_on_network = true;
    CHECK_THAT(problem(seen).remedy, Contains("export XDG_STATE_HOME="));
  }
  CHECK(problem(seen).status == failure_);
}

TEST_CASE("A disk that is nearly full is a warning") {
  auto seen = good_machine();
  place(seen, role::state).free_bytes = 3u << 20;
  CHECK(problem(seen).status == warning);
  CHECK_THAT(problem(seen).message, Contains("3 MiB"));
  place(seen, role::state).free_bytes.reset();
  CHECK(problems(seen).empty());
}

TEST_CASE("That nobody knows where state belongs is a failure") {
  auto seen = good_machine();
  seen.no_places = fault{fault_kind::invalid_argument, "Set one."};
  CHECK(problem(seen) == finding{"state_directory", failure_, "Set one.", ""});
}

// --- the supervisor ---

TEST_CASE("A supervisor of this version that serves is fine") { CHECK(problems(serving("1.2.3")).empty()); }

TEST_CASE("A supervisor of another version is a warning") {
  auto seen = serving("1.2.2");
  seen.supervisor->probe.live_runs = 2;
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "agent-dispatch stop --keep-runs");
  CHECK_THAT(problem(seen).message, Contains("1.2.2") && Contains("1.2.3") && Contains("2 runs"));
  CHECK_THAT(problem(serving("1.10.0")).message, Contains("this program is older"));
}

TEST_CASE("A supervisor that does not understand this version is a failure; its end keeps the runs") {
  const auto seen = with_presence(supervisor_presence::refusing);
  CHECK(problem(seen).status == failure_);
  CHECK(problem(seen).remedy == "kill -TERM 42");
}

TEST_CASE("A supervisor of another configuration is a warning") {
  auto seen = serving("1.2.3");
  seen.supervisor->probe.entry->config = "/other.yaml";
  CHECK(problem(seen).status == warning);
  CHECK_THAT(problem(seen).message, Contains("/other.yaml"));
  seen.supervisor->probe.entry->config = "";
  CHECK(problems(seen).empty());
}

TEST_CASE("A supervisor that is stopped is a failure, and is let go on") {
  const auto presence = GENERATE(supervisor_presence::hanging, supervisor_presence::not_listening);
  const auto found = problem(with_presence(presence, 'T'));
  CHECK(found.status == failure_);
  CHECK(found.remedy == "kill -CONT 42");
}

TEST_CASE("A supervisor that hangs is a failure, one that is on its way a warning") {
  CHECK(problem(with_presence(supervisor_presence::hanging)).status == failure_);
  CHECK(problem(with_presence(supervisor_presence::hanging)).remedy == "kill -KILL 42");
  CHECK(problem(with_presence(supervisor_presence::not_listening)).status == warning);
  auto unknown = with_presence(supervisor_presence::hanging);
  unknown.supervisor->probe.pid = 0;
  CHECK(problem(unknown).remedy.empty());
}

TEST_CASE("A socket that was left is a warning, one of somebody else a failure") {
  auto seen = with_presence(supervisor_presence::stale_socket);
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy == "rm -f /run/u/x.sock");
  seen = with_presence(supervisor_presence::other_user);
  CHECK(problem(seen).status == failure_);
  seen = with_presence(supervisor_presence::not_ours);
  CHECK(problem(seen).status == failure_);
}

TEST_CASE("A supervisor in a login session is a warning, with the command that makes it a service") {
  auto seen = serving("1.2.3");
  seen.settings = {"AGENT_DISPATCH_CONFIG=/a b.yaml"};
  seen.supervisor->control_group = "0::/user.slice/user-1000.slice/session-3.scope";
  CHECK(problem(seen).check == "login_session");
  CHECK(problem(seen).status == warning);
  CHECK(problem(seen).remedy ==
        "loginctl enable-linger && agent-dispatch stop --keep-runs && systemd-run --user --collect "
        "--unit=agent-dispatch-supervisor --property=KillMode=process --property=OOMPolicy=continue "
        "'--setenv=AGENT_DISPATCH_CONFIG=/a b.yaml' /opt/agent-dispatch supervise");
}

TEST_CASE("Only the scope of a login session is one") {
  auto seen = serving("1.2.3");
  const auto [group, is_session] = GENERATE(table<std::string, bool>({
      {"", false},
      {"0::/", false},
      {"1:name=systemd:/user.slice/user-0.slice/session-c1.scope", true},
      {"0::/user.slice/user-1000.slice/session-3.scope/inner", true},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/agent-dispatch.service", false},
      {"0::/user.slice/user-1000.slice/user@1000.service/app.slice/session-tool.service/x.scope", false},
  }));
  seen.supervisor->control_group = group;
  CHECK(problems(seen).size() == (is_session ? 1 : 0));
}

// --- limits ---

TEST_CASE("A low limit of open files is a warning") {
  auto seen = good_machine();
  seen.descriptors = {256, 1u << 20};
  CHECK(problem(seen).remedy == "ulimit -S -n 4096");
  CHECK(problem(seen).status == warning);
  seen.descriptors = {256, 2048};
  CHECK(problem(seen).remedy == "ulimit -S -n 2048");
  seen.descriptors = {256, 256};
  CHECK(problem(seen).remedy == "sudo prlimit --pid $$ --nofile=4096:4096");
}

TEST_CASE("A supervisor needs room for all runs at once") {
  auto seen = good_machine();
  config_of(seen).settings.max_concurrency = 500;
  seen.descriptors = {1024, 4096};
  CHECK(problem(seen).remedy == "sudo prlimit --pid $$ --nofile=4128:4128");
  seen = serving("1.2.3");
  seen.supervisor->most_descriptors = 64;
  CHECK(problem(seen).remedy == "agent-dispatch stop --keep-runs");
}
