#include "config/agent_edits.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <limits>
#include <thread>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "config/atomic_write.hpp"
#include "config/lock.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

agent_config agent(const std::string& name) {
  agent_config result;
  result.name = {name};
  result.directory = "/tmp";
  result.description = "Agent " + name;
  return result;
}

mode_t mode_of(const std::filesystem::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

/// Runs `body` in a process of its own. Returns its pid.
template <class Body>
pid_t in_child(Body body) {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0)
    ::_exit(body());
  return child;
}

int exit_code_of(pid_t child) {
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

/// Whether somebody in this process waits for a lock that the test holds: then both have its file open. Looks for 30 s
/// at most.
bool is_waited_for(const std::filesystem::path& lock) {
  const auto is_open_twice = [&] {
    int count = 0;
    std::error_code closed_meanwhile;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc/self/fd"})
      count += std::filesystem::read_symlink(entry, closed_meanwhile) == lock ? 1 : 0;
    return count == 2;
  };
  const auto give_up = std::chrono::steady_clock::now() + 30s;
  while (!is_open_twice()) {
    if (std::chrono::steady_clock::now() > give_up)
      return false;
    std::this_thread::yield();
  }
  return true;
}

std::vector<std::string> files_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{directory})
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

} // namespace

TEST_CASE("An agent that is added is there with all that was given") {
  const temporary_directory home;
  auto given = agent("infra");
  given.description = "Says \"yes\": # and more — ü\nsecond line";
  given.timeout = 0;
  given.max_budget_usd = 0.25;
  given.model = "5";
  given.permission_mode = "no";
  given.allowed_tools = std::vector<std::string>{};
  given.disallowed_tools = std::vector<std::string>{"Bash(git:*)", "- x"};
  given.capabilities = {"null"};
  given.risky_capabilities = {"~"};
  given.max_parallel = 3;
  const auto saved = add_agent(home.config(), given);
  REQUIRE(saved);
  CHECK(saved->value.agents == std::vector<agent_config>{given});
  CHECK(load_configuration(home.config())->value.agents == std::vector<agent_config>{given});
}

TEST_CASE("Only what is set is written") {
  const temporary_directory home;
  REQUIRE(add_agent(home.config(), agent("a")));
  CHECK(home.read("agents.yaml") ==
        "agents:\n  a:\n    directory: /tmp\n    description: \"Agent a\"\n    timeout: 300\n");
}

TEST_CASE("Comments, order and unknown keys survive") {
  const temporary_directory home;
  const std::string before = "# mine\nfuture: {x: 1}\nagents:\n  a: # first\n    directory: /a\n    future: 2\n\n# "
                             "rest\nsettings:\n  max_concurrency: 2\n";
  home.write("agents.yaml", before);
  REQUIRE(add_agent(home.config(), agent("b")));
  auto after = home.read("agents.yaml");
  const std::string block = "  b:\n    directory: /tmp\n    description: \"Agent b\"\n    timeout: 300\n";
  const auto at = after.find(block);
  REQUIRE(at != std::string::npos);
  CHECK(after.erase(at, block.size()) == before);
}

TEST_CASE("What cannot be added changes nothing") {
  const temporary_directory home;
  const std::string text = "agents: {a: {directory: /a}} # mine\n";
  home.write("agents.yaml", text);
  const auto refused = [&](const agent_config& given) {
    const auto saved = add_agent(home.config(), given);
    REQUIRE_FALSE(saved);
    CHECK(home.read("agents.yaml") == text);
    CHECK(saved.error().kind == fault_kind::invalid_argument);
    return saved.error().message;
  };
  CHECK_THAT(refused(agent("a")), Contains("already exists") && Contains("agent-dispatch update a"));
  for (const auto* name : {"", "a b", "-x", "../x", "ä", "x\n"})
    CHECK_THAT(refused(agent(name)), Contains("cannot be the name of an agent"));
  auto given = agent("b");
  given.timeout = -1;
  CHECK_THAT(refused(given), Contains("timeout"));
  given = agent("b");
  given.max_budget_usd = std::numeric_limits<double>::quiet_NaN();
  CHECK_THAT(refused(given), Contains("budget"));
  given = agent("b");
  given.directory = "/tmp/\xff";
  CHECK_THAT(refused(given), Contains("UTF-8"));
}

TEST_CASE("A broken file is not written over") {
  const temporary_directory home;
  home.write("agents.yaml", "agents: [\n");
  const auto saved = add_agent(home.config(), agent("a"));
  REQUIRE_FALSE(saved);
  CHECK(saved.error().kind == fault_kind::config_syntax);
  CHECK(home.read("agents.yaml") == "agents: [\n");
}

TEST_CASE("The file is its owner's alone, and so is a directory that is made for it") {
  const temporary_directory home;
  const auto old_mask = ::umask(0);
  const config_paths paths{home.path(), home.path() / "one/agent-dispatch/agents.yaml", home.path() / "jobs"};
  REQUIRE(add_agent(paths, agent("a")));
  CHECK(mode_of(paths.config) == 0600);
  CHECK(mode_of(paths.config.parent_path()) == 0700);
  CHECK(mode_of(home.path() / "one") == 0700);
  ::chmod(paths.config.c_str(), 0644);
  ::chmod(paths.config.parent_path().c_str(), 0755);
  REQUIRE(add_agent(paths, agent("b")));
  CHECK(mode_of(paths.config) == 0600);
  CHECK(mode_of(paths.config.parent_path()) == 0700);
  ::chmod(home.path().c_str(), 0755);
  REQUIRE(add_agent(home.config(), agent("c")));
  CHECK(mode_of(home.path()) == 0755);
  ::umask(old_mask);
}

TEST_CASE("A link stays a link, and what it points to is replaced") {
  const temporary_directory home;
  home.write("dotfiles/agents.yaml", "# mine\n");
  std::filesystem::create_symlink("dotfiles/agents.yaml", home.path() / "second");
  std::filesystem::create_symlink("second", home.config().config);
  REQUIRE(add_agent(home.config(), agent("a")));
  CHECK(std::filesystem::is_symlink(home.config().config));
  CHECK(std::filesystem::is_symlink(home.path() / "second"));
  CHECK_THAT(home.read("dotfiles/agents.yaml"), Contains("# mine\n") && Contains("a:"));
  CHECK(files_in(home.path() / "dotfiles") == std::vector<std::string>{"agents.yaml"});
  CHECK(std::filesystem::exists(home.path() / "agents.yaml.lock"));
}

TEST_CASE("A link may lead to another file system") {
  const temporary_directory home;
  struct stat here {};
  struct stat there {};
  REQUIRE(::stat(home.path().c_str(), &here) == 0);
  if (::stat("/dev/shm", &there) != 0 || here.st_dev == there.st_dev) {
    WARN("/dev/shm is no other file system here");
    return;
  }
  const std::filesystem::path target = "/dev/shm/agent-dispatch-" + std::to_string(::getpid()) + ".yaml";
  std::filesystem::create_symlink(target, home.config().config);
  CHECK(add_agent(home.config(), agent("a")));
  CHECK(load_configuration(home.config())->value.agents.size() == 1);
  std::filesystem::remove(target);
}

TEST_CASE("A link to nothing yet gets its file") {
  const temporary_directory home;
  std::filesystem::create_symlink("later.yaml", home.config().config);
  REQUIRE(add_agent(home.config(), agent("a")));
  CHECK(std::filesystem::is_symlink(home.config().config));
  CHECK_THAT(home.read("later.yaml"), Contains("a:"));
}

TEST_CASE("Two processes that add at once lose nothing") {
  constexpr int each = 25;
  const temporary_directory home;
  const auto adds = [&](const std::string& prefix) {
    return in_child([&] {
      for (int i = 0; i < each; ++i)
        if (!add_agent(home.config(), agent(prefix + std::to_string(i)), 60s))
          return 1;
      return 0;
    });
  };
  const auto first = adds("a");
  const auto second = adds("b");
  CHECK(exit_code_of(first) == 0);
  CHECK(exit_code_of(second) == 0);
  CHECK(load_configuration(home.config())->value.agents.size() == 2 * each);
  CHECK(files_in(home.path()) == std::vector<std::string>{"agents.yaml", "agents.yaml.lock"});
}

TEST_CASE("A writer that is killed leaves the old file or the new one") {
  const temporary_directory home;
  std::string large = "agents: {}\n";
  for (int i = 0; i < 20'000; ++i)
    large.append("# a comment that makes the file large\n");
  home.write("agents.yaml", large);
  std::size_t known = 0;
  for (int round = 0; round < 20; ++round) {
    const auto child = in_child([&] {
      for (int i = 0; i < 1'000'000; ++i)
        if (!add_agent(home.config(), agent("r" + std::to_string(round) + "-" + std::to_string(i)), 60s))
          return 1;
      return 0;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds{5 + 3 * round});
    ::kill(child, SIGKILL);
    CHECK(exit_code_of(child) == -SIGKILL);
    const auto loaded = load_configuration(home.config());
    REQUIRE(loaded);
    CHECK(loaded->value.agents.size() >= known);
    known = loaded->value.agents.size();
    CHECK_THAT(home.read("agents.yaml"), Contains("# a comment that makes the file large\n"));
  }
  CHECK(add_agent(home.config(), agent("last")));
}

TEST_CASE("A lock that another program keeps is a fault, not a wait for ever") {
  const temporary_directory home;
  home.write("agents.yaml", "agents: {}\n");
  const int fd = ::open((home.path() / "agents.yaml.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  REQUIRE(::flock(fd, LOCK_EX) == 0);
  const auto saved = add_agent(home.config(), agent("a"), 50ms);
  REQUIRE_FALSE(saved);
  CHECK(saved.error().kind == fault_kind::lock_timeout);
  CHECK_THAT(saved.error().message, Contains("agents.yaml.lock") && Contains("fuser -v"));
  CHECK(home.read("agents.yaml") == "agents: {}\n");
  ::close(fd);
  CHECK(add_agent(home.config(), agent("a"), 50ms));
}

TEST_CASE("A lock is waited for") {
  const temporary_directory home;
  const auto path = home.path() / "x.lock";
  auto held = std::make_unique<file_lock>(*file_lock::acquire(path, 0ms));
  CHECK_FALSE(file_lock::acquire(path, 0ms));
  bool acquired = false;
  std::thread waiter{[&] { acquired = file_lock::acquire(path, 60s).has_value(); }};
  CHECK(is_waited_for(path));
  held.reset();
  waiter.join();
  CHECK(acquired);
}

TEST_CASE("A lock file that is replaced while it is waited for does not count") {
  const temporary_directory home;
  const auto path = home.path() / "x.lock";
  auto held = file_lock::acquire(path, 0ms);
  REQUIRE(held);
  std::filesystem::remove(path);
  const auto second = file_lock::acquire(path, 0ms);
  REQUIRE(second);
  CHECK_FALSE(file_lock::acquire(path, 0ms));
}

TEST_CASE("Who waited for a lock file that was replaced waits for the new one") {
  const temporary_directory home;
  const auto path = home.path() / "x.lock";
  auto first = std::make_unique<file_lock>(*file_lock::acquire(path, 0ms));
  std::atomic<bool> acquired = false;
  std::thread waiter{[&] { acquired = file_lock::acquire(path, 60s).has_value(); }};
  CHECK(is_waited_for(path));
  std::filesystem::remove(path);
  auto second = std::make_unique<file_lock>(*file_lock::acquire(path, 0ms));
  first.reset();
  CHECK(is_waited_for(path));
  CHECK_FALSE(acquired);
  second.reset();
  waiter.join();
  CHECK(acquired);
}

TEST_CASE("A lock path that is no file is a fault") {
  const temporary_directory home;
  std::filesystem::create_directory(home.path() / "x.lock");
  const auto lock = file_lock::acquire(home.path() / "x.lock", 0ms);
  REQUIRE_FALSE(lock);
  CHECK(lock.error().kind == fault_kind::config_write);
}

TEST_CASE("A lock is not taken through a link, which would make a file elsewhere, nor on what is no file") {
  const temporary_directory home;
  const auto check_refused = [&] {
    const auto lock = file_lock::acquire(home.path() / "x.lock", 0ms);
    REQUIRE_FALSE(lock);
    CHECK(lock.error().kind == fault_kind::config_write);
    CHECK_THAT(lock.error().message, Catch::Matchers::Contains("mv " + (home.path() / "x.lock").native()));
    std::filesystem::remove(home.path() / "x.lock");
  };
  std::filesystem::create_symlink("elsewhere", home.path() / "x.lock");
  check_refused();
  CHECK_FALSE(std::filesystem::exists(home.path() / "elsewhere"));
  REQUIRE(::mkfifo((home.path() / "x.lock").c_str(), 0600) == 0);
  check_refused();
}

TEST_CASE("A write that fails changes nothing, says so, and leaves nothing behind") {
  const temporary_directory home;
  home.write("agents.yaml", "agents: {}\n");
  const auto child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{8, 8}; // a full disk
    ::setrlimit(RLIMIT_FSIZE, &limit);
    const auto saved = add_agent(home.config(), agent("a"));
    return !saved && saved.error().kind == fault_kind::config_write ? 0 : 1;
  });
  CHECK(exit_code_of(child) == 0);
  CHECK(home.read("agents.yaml") == "agents: {}\n");
  CHECK(files_in(home.path()) == std::vector<std::string>{"agents.yaml", "agents.yaml.lock"});
}

TEST_CASE("A directory that cannot be made is a fault that names it") {
  const temporary_directory home;
  home.write("file", "");
  const auto made = make_private_directory(home.path() / "file/sub");
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, Contains("file"));
  CHECK_FALSE(make_private_directory(home.path() / "file"));
  CHECK(make_private_directory(home.path()));
}

TEST_CASE("A configuration is made when there is none, and kept when there is one") {
  const temporary_directory home;
  CHECK(create_configuration(home.config()) == creation::made);
  CHECK(mode_of(home.config().config) == 0600);
  const auto loaded = load_configuration(home.config());
  REQUIRE(loaded);
  CHECK(loaded->value == configuration{});
  CHECK(create_configuration(home.config()) == creation::was_there);
  REQUIRE(add_agent(home.config(), agent("a")));
  CHECK_THAT(home.read("agents.yaml"), Contains("# Agents of agent-dispatch"));

  home.write("agents.yaml", "agents: [\n");
  CHECK(create_configuration(home.config()) == creation::was_there);
  CHECK(home.read("agents.yaml") == "agents: [\n");
}
