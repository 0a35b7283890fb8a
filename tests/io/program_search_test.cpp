#include <string>

#include <catch2/catch.hpp>

#include "actors/run/program_search.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

void make_program(const std::filesystem::path& path, std::filesystem::perms permissions) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path, "#!/bin/sh\n");
  std::filesystem::permissions(path, permissions);
}

constexpr auto executable = std::filesystem::perms::owner_all;
constexpr auto plain = std::filesystem::perms::owner_read;

} // namespace

TEST_CASE("A program is found in the first directory of PATH that has it") {
  temporary_directory home;
  make_program(home / "b/claude", executable);
  make_program(home / "c/claude", executable);
  const auto path = (home / "a").string() + ':' + (home / "b").string() + ':' + (home / "c").string();
  CHECK(find_program("claude", path, "/") == home / "b/claude");
}

TEST_CASE("What cannot be executed is passed over, as execvp does") {
  temporary_directory home;
  make_program(home / "a/claude", plain);
  std::filesystem::create_directories(home / "b/claude");
  make_program(home / "c/claude", executable);
  const auto first = (home / "a").string() + ':' + (home / "b").string();
  CHECK(find_program("claude", first + ':' + (home / "c").string(), "/") == home / "c/claude");
  const auto none = find_program("claude", first, "/");
  REQUIRE_FALSE(none);
  CHECK(none.error().message.find((home / "a/claude").string()) != std::string::npos);
}

TEST_CASE("Empty and relative entries of PATH are relative to the caller's directory") {
  temporary_directory home;
  make_program(home / "claude", executable);
  make_program(home / "bin/other", executable);
  for (const char* path : {":/nowhere", "/nowhere:", "/nowhere::/nowhere2", "."})
    CHECK(std::filesystem::equivalent(*find_program("claude", path, home.path()), home / "claude"));
  CHECK(find_program("other", "bin", home.path()) == home / "bin/other");
}

TEST_CASE("A name with a slash is looked for where it says and nowhere else") {
  temporary_directory home;
  make_program(home / "bin/claude", executable);
  CHECK(find_program("bin/claude", "/nowhere", home.path()) == home / "bin/claude");
  CHECK(find_program((home / "bin/claude").string(), "", "/") == home / "bin/claude");
  CHECK_FALSE(find_program("./claude", (home / "bin").string(), home.path()));
}

TEST_CASE("Without PATH the usual directories are searched") {
  const auto shell = find_program("sh", "", "/");
  REQUIRE(shell);
  CHECK(shell->filename() == "sh");
}

TEST_CASE("A program that is nowhere is a fault that names it and PATH") {
  const auto found = find_program("no-such-program", "/nowhere:/else", "/");
  REQUIRE_FALSE(found);
  CHECK(found.error().message.find("no-such-program") != std::string::npos);
  CHECK(found.error().message.find("/nowhere:/else") != std::string::npos);
  CHECK_FALSE(find_program("", "/bin", "/"));
}
