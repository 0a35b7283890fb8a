#include "config/atomic_write.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <vector>

#include "config/agent_edits.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

/// What was synced since the last look: inode numbers. This program's fsync, below, notes them.
std::vector<ino_t> synced;

ino_t inode_of(const fs::path& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

bool is_synced(ino_t inode) { return std::find(synced.begin(), synced.end(), inode) != synced.end(); }

std::vector<std::string> names_in(const fs::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator{directory})
    names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

const std::vector<std::string> all_steps{"opened", "written", "synced", "renamed", "synced directory"};

/// Writes in a process of its own that is killed, as by kill -9, right after `step`.
void write_and_die(const fs::path& path, std::string_view text, std::string_view step) {
  const auto child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    static_cast<void>(write_file_atomically(path, text, [&](std::string_view at) {
      if (at == step)
        ::raise(SIGKILL);
    }));
    ::_exit(1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status)); // it did come to that step
}

} // namespace

/// In the place of libc's: notes what is synced, and syncs.
extern "C" int fsync(int descriptor) {
  struct stat status {};
  if (::fstat(descriptor, &status) == 0)
    synced.push_back(status.st_ino);
  return static_cast<int>(::syscall(SYS_fsync, descriptor));
}

TEST_CASE("A writer that is killed at any step leaves the old file or the new one, whole") {
  const std::string old_text = "agents: {} # old\n";
  const std::string new_text = "agents: {a: {directory: /tmp}}\n" + std::string(100'000, '#') + "\n";
  for (const auto& step : all_steps) {
    CAPTURE(step);
    const temporary_directory home;
    home.write("agents.yaml", old_text);
    write_and_die(home.config().config, new_text, step);
    const bool is_placed = step == "renamed" || step == "synced directory";
    CHECK(home.read("agents.yaml") == (is_placed ? new_text : old_text));
    // What it left is gone with the next edit, by whomever.
    agent_config agent;
    agent.name = {"b"};
    agent.directory = "/tmp";
    REQUIRE(add_agent(home.config(), agent));
    CHECK(names_in(home.path()) == std::vector<std::string>{"agents.yaml", "agents.yaml.lock"});
  }
}

TEST_CASE("A writer that is killed before there was a file leaves none or the new one, whole") {
  for (const auto& step : all_steps) {
    CAPTURE(step);
    const temporary_directory home;
    write_and_die(home.config().config, "agents: {}\n", step);
    const bool is_placed = step == "renamed" || step == "synced directory";
    CHECK(fs::exists(home.config().config) == is_placed);
    if (is_placed)
      CHECK(home.read("agents.yaml") == "agents: {}\n");
  }
}

TEST_CASE("A text is on disk before it takes the name, and the name before the write is done") {
  const temporary_directory home;
  home.write("agents.yaml", "old\n");
  synced.clear();
  std::vector<std::string> steps;
  ino_t temporary = 0;
  REQUIRE(write_file_atomically(home.config().config, "new\n", [&](std::string_view step) {
    steps.emplace_back(step);
    if (step == "written")
      temporary = inode_of(home.path() / names_in(home.path()).front());
    if (step == "synced")
      CHECK(is_synced(temporary));
    if (step == "renamed")
      CHECK(inode_of(home.config().config) == temporary);
  }));
  CHECK(steps == all_steps);
  CHECK(is_synced(inode_of(home.path())));
}

TEST_CASE("The file is its owner's alone at every step of its writing") {
  const temporary_directory home;
  const auto mask = ::umask(0);
  const auto written = write_file_atomically(home.config().config, "x\n", [&](std::string_view) {
    for (const auto& name : names_in(home.path())) {
      struct stat status {};
      REQUIRE(::lstat((home.path() / name).c_str(), &status) == 0);
      CHECK((status.st_mode & 07777U) == 0600U);
    }
  });
  ::umask(mask);
  REQUIRE(written);
}

TEST_CASE("Files of others that look like temporary ones are left alone") {
  const temporary_directory home;
  for (const auto* name :
       {".agents.yaml.backup", ".agents.yaml.agent-dispatch-", ".agents.yaml.agent-dispatch-notes.md"})
    home.write(name, "mine");
  const auto before = names_in(home.path());
  REQUIRE(write_file_atomically(home.config().config, "x\n"));
  auto after = names_in(home.path());
  std::erase(after, "agents.yaml");
  CHECK(after == before);
}
