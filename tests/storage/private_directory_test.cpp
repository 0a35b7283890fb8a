#include "actors/storage/private_directory.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <array>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

constexpr uid_t stranger = 12345;

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

void make(const fs::path& directory, mode_t mode = 0700) {
  REQUIRE(::mkdir(directory.c_str(), mode) == 0);
  REQUIRE(::chmod(directory.c_str(), mode) == 0);
}

template <class Result>
void check_refused(const Result& result, const fs::path& culprit, const std::string& words) {
  REQUIRE_FALSE(result);
  CHECK(result.error().kind == fault_kind::io);
  CHECK_THAT(result.error().message,
             Catch::Matchers::Contains(culprit.native() + " ") || Catch::Matchers::Contains(culprit.native() + ";") ||
                 Catch::Matchers::Contains(culprit.native() + ":") || Catch::Matchers::EndsWith(culprit.native()));
  CHECK_THAT(result.error().message, Catch::Matchers::Contains(words));
}

} // namespace

TEST_CASE("What is missing of a way is made 0700, whatever the umask") {
  const temporary_directory directory;
  const auto mask = ::umask(0);
  const auto made = make_private_way(directory.path() / "a" / "b" / "c", "THE_PLACE");
  ::umask(mask);
  REQUIRE(made);
  CHECK(*made == directory.path() / "a" / "b" / "c");
  for (const auto* name : {"a", "a/b", "a/b/c"})
    CHECK(mode_of(directory.path() / name) == 0700);
}

TEST_CASE("Nothing is made by a look") {
  const temporary_directory directory;
  CHECK(check_private_directory(directory.path() / "a" / "b", "THE_PLACE"));
  CHECK(fs::is_empty(directory.path()));
}

TEST_CASE("A way through a directory that others may write to is refused, with the command and the variable") {
  const temporary_directory directory;
  for (const mode_t mode : {0777U, 0770U, 0702U}) {
    if (mode == 0770U && ::geteuid() != 0)
      continue; // one's own group may be one's own alone
    CAPTURE(mode);
    const auto open = directory.path() / ("open" + std::to_string(mode));
    make(open, mode);
    make(open / "ours");
    if ((mode & 0020U) != 0 && ::geteuid() == 0)
      REQUIRE(::chown(open.c_str(), 0, 12345) == 0); // a group of others
    for (const auto& target : {open / "ours", open / "ours" / "new"}) {
      check_refused(make_private_way(target, "THE_PLACE"), open, "chmod go-w " + open.native());
      check_refused(check_private_directory(target, "THE_PLACE"), open, "THE_PLACE");
    }
    CHECK_FALSE(fs::exists(open / "ours" / "new"));
  }
}

TEST_CASE("A sticky directory on the way is taken, as /tmp is, but not as the place itself") {
  const temporary_directory directory;
  make(directory.path() / "sticky", 01777);
  CHECK(make_private_way(directory.path() / "sticky" / "ours", "THE_PLACE"));
  check_refused(make_private_way(directory.path() / "sticky", "THE_PLACE"), directory.path() / "sticky", "chmod 700");
}

TEST_CASE("A way through a directory or a link of another user is refused, and nothing is made behind it") {
  if (::geteuid() != 0)
    return; // only root can give something away
  const temporary_directory directory;
  make(directory.path() / "sticky", 01777);
  const auto theirs = directory.path() / "sticky" / "theirs";
  const auto link = directory.path() / "sticky" / "link";
  make(theirs, 0755);
  make(directory.path() / "mine");
  fs::create_directory_symlink(directory.path() / "mine", link);
  REQUIRE(::chown(theirs.c_str(), stranger, stranger) == 0);
  REQUIRE(::lchown(link.c_str(), stranger, stranger) == 0);
  for (const auto& way : {theirs, link}) {
    CAPTURE(way);
    check_refused(make_private_way(way / "state", "THE_PLACE"), way, "uid 12345");
    check_refused(make_private_way(way, "THE_PLACE"), way, "THE_PLACE");
  }
  CHECK(fs::is_empty(theirs));
  CHECK(fs::is_empty(directory.path() / "mine"));
}

TEST_CASE("One's own links are followed: absolute, relative, upward, one after the other") {
  const temporary_directory directory;
  fs::create_directories(directory.path() / "disk" / "deep");
  fs::permissions(directory.path() / "disk", fs::perms::owner_all);
  make(directory.path() / "home");
  fs::create_directory_symlink(directory.path() / "disk" / "deep", directory.path() / "home" / "absolute");
  fs::create_directory_symlink("../disk/deep/../deep", directory.path() / "home" / "relative");
  fs::create_directory_symlink("relative", directory.path() / "home" / "second");
  for (const auto* name : {"absolute", "relative", "second", "relative/../deep"}) {
    CAPTURE(name);
    const auto made = make_private_way(directory.path() / "home" / name / "jobs", "THE_PLACE");
    REQUIRE(made);
    CHECK(*made == directory.path() / "disk" / "deep" / "jobs");
  }
}

TEST_CASE("A link that leads through what others may write to is refused") {
  const temporary_directory directory;
  make(directory.path() / "open", 0777);
  make(directory.path() / "open" / "ours");
  fs::create_directory_symlink("open/ours", directory.path() / "link");
  check_refused(make_private_way(directory.path() / "link" / "jobs", "THE_PLACE"), directory.path() / "open", "chmod");
}

TEST_CASE("Links that lead to themselves, and what is no directory, are faults that name it") {
  const temporary_directory directory;
  fs::create_symlink("loop", directory.path() / "loop");
  directory.write("file", "mine");
  check_refused(make_private_way(directory.path() / "loop" / "x", "THE_PLACE"), directory.path() / "loop", "links");
  check_refused(make_private_way(directory.path() / "file" / "x", "THE_PLACE"), directory.path() / "file",
                "is not a directory");
  CHECK(directory.read("file") == "mine");
}

TEST_CASE("Below the state directory a link is refused, also one's own, and so is whatever is no directory") {
  const temporary_directory directory;
  make(directory.path() / "mine");
  directory.write("mine/kept", "");
  fs::create_directory_symlink("mine", directory.path() / "link");
  directory.write("file", "");
  REQUIRE(::mkfifo((directory.path() / "fifo").c_str(), 0600) == 0);
  for (const auto* name : {"link", "file", "fifo"})
    check_refused(make_private_child(directory.path() / name), directory.path() / name, "is not a directory");
  CHECK(fs::exists(directory.path() / "mine" / "kept"));
  CHECK(make_private_child(directory.path() / "child"));
  CHECK(mode_of(directory.path() / "child") == 0700);
}
