#include "actors/storage/places.hpp"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "actors/storage/owner.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

/// Places below one directory, with what the environment says of the rest.
expected<places> places_in(const temporary_directory& directory, std::vector<std::string> environment) {
  return find_places(directory.path() / "agents.yaml", directory.path() / "jobs",
                     environment_of(std::move(environment)));
}

places own_places(const temporary_directory& directory) {
  const auto where = places_in(directory, {"XDG_STATE_HOME=" + (directory.path() / "state").native(),
                                           "XDG_RUNTIME_DIR=" + (directory.path() / "run").native()});
  REQUIRE(where);
  return *where;
}

void check_refused(const places& where, const fs::path& culprit) {
  const auto made = make_state_directories(where);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == fault_kind::io);
  CHECK_THAT(made.error().message, Catch::Matchers::Contains(culprit.native()));
}

} // namespace

// The values of the FNV reference for "", "a" and "foobar".
TEST_CASE("A path's name is its 64-bit FNV-1a in hexadecimal digits") {
  CHECK(name_of("") == "cbf29ce484222325");
  CHECK(name_of("a") == "af63dc4c8601ec8c");
  CHECK(name_of("foobar") == "85944171f73967e8");
  CHECK(name_of("/\xff") != name_of("/\x7f"));
}

TEST_CASE("State and socket are where the XDG variables say") {
  const temporary_directory directory;
  const auto where = places_in(directory, {"XDG_STATE_HOME=/st", "XDG_RUNTIME_DIR=/run/user/1", "HOME=/h"});
  REQUIRE(where);
  const auto name = name_of(directory.path() / "jobs");
  CHECK(where->config == directory.path() / "agents.yaml");
  CHECK(where->jobs == directory.path() / "jobs");
  CHECK(where->state == "/st/agent-dispatch/" + name);
  CHECK(where->socket == "/run/user/1/agent-dispatch/" + name + ".sock");
  CHECK(where->lock() == where->jobs / ".supervisor");
  CHECK(where->log() == where->state / "supervisor.log");
}

TEST_CASE("Without XDG variables the state is in the home directory and the socket in the state") {
  const temporary_directory directory;
  const auto state = "/h/.local/state/agent-dispatch/" + name_of(directory.path() / "jobs");
  for (const auto& environment : {std::vector<std::string>{"HOME=/h"},
                                  {"HOME=/h", "XDG_STATE_HOME=", "XDG_RUNTIME_DIR="},
                                  {"HOME=/h", "XDG_STATE_HOME=relative", "XDG_RUNTIME_DIR=./relative"}}) {
    const auto where = places_in(directory, environment);
    REQUIRE(where);
    CHECK(where->state == state);
    CHECK(where->socket == state + "/socket");
  }
}

TEST_CASE("Without any home there is no place for the state, and the fault says what to set") {
  const temporary_directory directory;
  for (const auto& environment : {std::vector<std::string>{}, {"HOME="}, {"HOME=h", "XDG_STATE_HOME=s"}}) {
    const auto where = places_in(directory, environment);
    REQUIRE_FALSE(where);
    CHECK(where.error().kind == fault_kind::invalid_argument);
    CHECK_THAT(where.error().message, Catch::Matchers::Contains("XDG_STATE_HOME"));
  }
}

TEST_CASE("The jobs directory is made private, and nothing else is made") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  CHECK(mode_of(where.jobs) == 0700);
  CHECK_FALSE(fs::exists(directory.path() / "state"));
  CHECK_FALSE(fs::exists(directory.path() / "run"));
}

TEST_CASE("Places can be named without making anything") {
  const temporary_directory directory;
  const auto jobs = directory.path() / "jobs";
  const auto named = name_places(directory.path() / "agents.yaml", jobs, environment_of({"XDG_STATE_HOME=/s"}));
  REQUIRE(named);
  CHECK_FALSE(fs::exists(jobs));
  const auto found = places_in(directory, {"XDG_STATE_HOME=/s"});
  REQUIRE(found);
  CHECK(named->state == found->state);
  CHECK(named->socket == found->socket);
}

TEST_CASE("Two ways to one jobs directory lead to one supervisor, two directories to two") {
  const temporary_directory directory;
  const auto environment = environment_of({"HOME=/h"});
  fs::create_directories(directory.path() / "real");
  fs::create_directory_symlink("real", directory.path() / "link");
  const auto real = find_places("/c", directory.path() / "real", environment);
  const auto link = find_places("/c", directory.path() / "link", environment);
  const auto other = find_places("/c", directory.path() / "other", environment);
  REQUIRE((real && link && other));
  CHECK(link->jobs == real->jobs);
  CHECK(link->state == real->state);
  CHECK(link->socket == real->socket);
  CHECK(other->state != real->state);
  CHECK(other->socket != real->socket);
}

TEST_CASE("A jobs directory that cannot be made is a fault that names it") {
  const temporary_directory directory;
  directory.write("file", "");
  const auto where = find_places("/c", directory.path() / "file" / "jobs", environment_of({"HOME=/h"}));
  REQUIRE_FALSE(where);
  CHECK(where.error().kind == fault_kind::io);
  CHECK_THAT(where.error().message, Catch::Matchers::Contains((directory.path() / "file").native()));
}

TEST_CASE("A jobs directory that others may write to is refused: what is in it says where to connect") {
  const temporary_directory directory;
  const auto jobs = own_places(directory).jobs;
  for (const mode_t mode : {0770U, 0702U, 01777U}) {
    REQUIRE(::chmod(jobs.c_str(), mode) == 0);
    const auto where = places_in(directory, {"HOME=/h"});
    REQUIRE_FALSE(where);
    CHECK(where.error().kind == fault_kind::io);
    CHECK_THAT(where.error().message, Catch::Matchers::Contains("chmod 700 '" + jobs.native() + "'"));
  }
  REQUIRE(::chmod(jobs.c_str(), 0755) == 0);
  CHECK(places_in(directory, {"HOME=/h"}));
}

TEST_CASE("A jobs directory of another user is refused, with the variable that names another") {
  if (::geteuid() != 0)
    return; // only root can give a directory away
  const temporary_directory directory;
  REQUIRE(::chown(own_places(directory).jobs.c_str(), 12345, 12345) == 0);
  const auto where = places_in(directory, {"HOME=/h"});
  REQUIRE_FALSE(where);
  CHECK_THAT(where.error().message, Catch::Matchers::Contains("AGENT_DISPATCH_JOBS_DIR"));
}

TEST_CASE("A supervisor's directories are made private, and made again without harm") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  const auto mask = ::umask(0);
  const auto made = make_state_directories(where);
  ::umask(mask);
  REQUIRE(made);
  for (const auto& made_directory : {where.state.parent_path(), where.state, where.socket.parent_path(), where.runs(),
                                     where.requests(), where.frontends(), where.spares(), where.trash()}) {
    CAPTURE(made_directory);
    CHECK(mode_of(made_directory) == 0700);
  }
  CHECK(make_state_directories(where));
}

TEST_CASE("A directory that others may write to is refused, with the command that mends it") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  REQUIRE(make_state_directories(where));
  for (const auto& open : {where.state, where.socket.parent_path(), where.runs(), where.trash()})
    for (const mode_t mode : {0770U, 0702U, 01777U}) {
      CAPTURE(open, mode);
      REQUIRE(::chmod(open.c_str(), mode) == 0);
      check_refused(where, open);
      CHECK_THAT(make_state_directories(where).error().message,
                 Catch::Matchers::Contains("chmod 700 '" + open.native() + "'"));
      REQUIRE(::chmod(open.c_str(), 0700) == 0);
      CHECK(make_state_directories(where));
    }
}

TEST_CASE("A directory that others may only read is taken") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  REQUIRE(make_state_directories(where));
  REQUIRE(::chmod(where.state.c_str(), 0755) == 0);
  CHECK(make_state_directories(where));
}

TEST_CASE("A directory of another user is refused") {
  if (::geteuid() != 0)
    return; // only root can give a directory away
  const temporary_directory directory;
  const auto where = own_places(directory);
  REQUIRE(make_state_directories(where));
  REQUIRE(::chown(where.runs().c_str(), 12345, 12345) == 0);
  check_refused(where, where.runs());
}

TEST_CASE("A link in the place of what is cleared without asking is refused, and what it leads to is left alone") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  REQUIRE(make_state_directories(where));
  fs::create_directory(directory.path() / "precious");
  directory.write("precious/thing", "mine");
  fs::permissions(directory.path() / "precious", fs::perms::owner_all);
  for (const auto& place : {where.trash(), where.spares(), where.runs(), where.requests(), where.frontends()}) {
    fs::remove(place);
    fs::create_directory_symlink(directory.path() / "precious", place);
    check_refused(where, place);
    fs::remove(place);
  }
  CHECK(directory.read("precious/thing") == "mine");
}

TEST_CASE("What stands in a directory's place is left alone and named") {
  const temporary_directory directory;
  const auto where = own_places(directory);
  fs::create_directories(where.state.parent_path());
  fs::permissions(where.state.parent_path(), fs::perms::owner_all);
  directory.write(fs::relative(where.state, directory.path()).native(), "mine");
  const auto made = make_state_directories(where);
  REQUIRE_FALSE(made);
  CHECK_THAT(made.error().message, Catch::Matchers::Contains(where.state.native()));
  CHECK(directory.read(fs::relative(where.state, directory.path()).native()) == "mine");
}

TEST_CASE("An owner is told by machine, boot, pid namespace and jobs directory") {
  const auto owner = owner_of("/j");
  CHECK(std::count(owner.begin(), owner.end(), ':') == 3);
  CHECK_THAT(owner, Catch::Matchers::EndsWith(":" + name_of("/j")));
  CHECK(owner == owner_of("/j"));
  CHECK(owner != owner_of("/k"));
  CHECK(owner.find('\n') == std::string::npos);
}
