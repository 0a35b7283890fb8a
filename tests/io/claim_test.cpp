#include <csignal>
#include <functional>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/exit_file.hpp"
#include "actors/run/keeper.hpp"
#include "actors/run/open_lock.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }

/// Called with the name of each file that is opened by way of a directory, before it is.
std::function<void(std::string_view)> before_opening;

unique_fd open_lock_file(const std::filesystem::path& path) {
  return unique_fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
}

} // namespace

// The linker puts these in the place of openat in this program (--wrap).
extern "C" int __real_openat(int directory, const char* name, int flags, mode_t mode);
extern "C" int __wrap_openat(int directory, const char* name, int flags, mode_t mode) {
  if (before_opening)
    before_opening(name);
  return __real_openat(directory, name, flags, mode);
}

TEST_CASE("A start that was claimed void never happens, however late the keeper wakes") {
  temporary_directory home;
  test_run run{home, R"([{"append":"count"}])"};
  run.start(LATE_KEEPER);
  CHECK_FALSE(is_keeper_alive(run.directory()));
  const auto won = claim_void(run.directory());
  REQUIRE(won);
  CHECK(*won == claim::won);
  write_file(run.directory() / "go", "");
  CHECK(exit_code_of(run.wait_for_keeper()) == static_cast<int>(keeper_exit::no_claim));
  CHECK_FALSE(std::filesystem::exists(home / "count"));
  const auto found = adopt(run.directory());
  REQUIRE(found);
  CHECK_FALSE(found->alive);
  CHECK(found->start == start_state::voided);
  CHECK_FALSE(found->exit);
}

TEST_CASE("A keeper that wakes while its voided directory is removed starts nothing") {
  temporary_directory home;
  test_run run{home, R"([{"append":"count"}])"};
  run.start(LATE_KEEPER);
  const auto won = claim_void(run.directory());
  REQUIRE(won);
  REQUIRE(*won == claim::won);
  // While the lease is ours, the keeper's opening of the draft waits, with the file found already.
  const auto draft = run.directory() / run_file::exit_draft;
  const unique_fd leased{::open(draft.c_str(), O_RDONLY | O_CLOEXEC)};
  std::signal(SIGIO, SIG_IGN);
  if (::fcntl(leased.get(), F_SETLEASE, F_RDLCK) < 0) {
    WARN("not checked: no leases here");
    return;
  }
  write_file(run.directory() / "go", "");
  REQUIRE(wait_until([&] { return ::fcntl(leased.get(), F_GETLEASE) == F_UNLCK; }));
  std::filesystem::remove(draft);
  std::filesystem::remove(run.directory() / run_file::started);
  REQUIRE(::fcntl(leased.get(), F_SETLEASE, F_UNLCK) == 0);
  CHECK(exit_code_of(run.wait_for_keeper()) == static_cast<int>(keeper_exit::no_draft));
  CHECK_FALSE(std::filesystem::exists(home / "count"));
}

TEST_CASE("Of a run directory whose draft cannot be removed, nothing is") {
  temporary_directory home;
  std::filesystem::create_directories(home / "run" / run_file::exit_draft / "full");
  write_file(home / "run" / run_file::started, started_void);
  CHECK_FALSE(remove_run_directory(home / "run"));
  CHECK(std::filesystem::exists(home / "run" / run_file::started));
  std::filesystem::remove_all(home / "run" / run_file::exit_draft);
  CHECK(remove_run_directory(home / "run"));
  CHECK_FALSE(std::filesystem::exists(home / "run"));
  CHECK(remove_run_directory(home / "run"));
}

TEST_CASE("A start that a keeper has claimed cannot be claimed void, during the run and after it") {
  temporary_directory home;
  test_run run{home, R"([{"append":"count"},{"wait_for":"go"}])"};
  run.start();
  REQUIRE(wait_until([&] { return std::filesystem::exists(home / "count"); }));
  auto second = claim_void(run.directory());
  REQUIRE(second);
  CHECK(*second == claim::lost);
  write_file(home / "go", "");
  run.wait();
  second = claim_void(run.directory());
  REQUIRE(second);
  CHECK(*second == claim::lost);
  CHECK(read_file(run.directory() / "started") == "keeper\n");
}

TEST_CASE("A start can be claimed void once") {
  temporary_directory home;
  std::filesystem::create_directory(home / "run");
  auto claimed = claim_void(home / "run");
  REQUIRE(claimed);
  CHECK(*claimed == claim::won);
  claimed = claim_void(home / "run");
  REQUIRE(claimed);
  CHECK(*claimed == claim::lost);
  CHECK_FALSE(claim_void(home / "missing"));
}

TEST_CASE("A keeper that does not get the lock starts nothing") {
  temporary_directory home;
  test_run run{home, R"([{"append":"count"}])"};
  run.start(LATE_KEEPER);
  const auto lock = open_lock_file(run.directory() / "lock");
  REQUIRE(try_lock(lock.get()) == lock_state::free);
  write_file(run.directory() / "go", "");
  CHECK(exit_code_of(run.wait_for_keeper()) == static_cast<int>(keeper_exit::no_lock));
  CHECK_FALSE(std::filesystem::exists(home / "count"));
  CHECK_FALSE(std::filesystem::exists(run.directory() / "started"));
}

TEST_CASE("A keeper is seen alive from its lock to its end, and the lock is free after it") {
  temporary_directory home;
  test_run run{home, R"([{"wait_for":"go"}])"};
  run.start();
  REQUIRE(wait_until([&] { return is_keeper_alive(run.directory()); }));
  write_file(home / "go", "");
  run.wait();
  CHECK_FALSE(is_keeper_alive(run.directory()));
  CHECK_FALSE(is_keeper_alive(home / "missing"));
}

TEST_CASE("A process that the CLI leaves behind does not hold the keeper's lock or its FIFO") {
  temporary_directory home;
  test_run run{home, R"([{"child":{"new_session":true,"pid_file":"pid"}},{"wait_for":"pid"}])"};
  run.start().wait(); // which sees the FIFO without a reader
  CHECK(is_running(wait_for_pid(home / "pid")));
  CHECK_FALSE(is_keeper_alive(run.directory()));
  CHECK(sweep_by_mark(run.order.run) == 0);
}

TEST_CASE("A run is adopted while it lives: it can be cancelled, its output read, its end seen") {
  temporary_directory home;
  test_run run{home, R"([{"text":"here"},{"hang":true}])"};
  run.start();
  REQUIRE(wait_until([&] { return run.output().find("here") != std::string::npos; }));
  const auto found = adopt(run.directory());
  REQUIRE(found);
  CHECK(found->alive);
  CHECK(found->start == start_state::keeper);
  CHECK_FALSE(found->exit);
  CHECK(file_size(found->output.get()) > 0);
  pollfd watched{found->control.get(), 0, 0};
  CHECK(::poll(&watched, 1, 0) == 0);
  REQUIRE(send_cancel(found->control.get()));
  REQUIRE(::poll(&watched, 1, 30'000) == 1);
  CHECK((watched.revents & POLLERR) != 0);
  CHECK(run.wait().reason == end_reason::cancelled);
}

TEST_CASE("A keeper that starts while its run is looked at is not taken for dead") {
  temporary_directory home;
  test_run run{home, R"([{"wait_for":"end"}])"};
  run.start(LATE_KEEPER);
  int looks = 0;
  before_opening = [&](std::string_view name) {
    if (name != run_file::lock && name != run_file::started)
      return;
    if (++looks != 2)
      return;
    write_file(run.directory() / "go", "");
    CHECK(wait_until([&] { return std::filesystem::exists(run.directory() / run_file::started); }));
  };
  const auto found = adopt(run.directory());
  before_opening = nullptr;
  REQUIRE(found);
  CHECK(looks >= 2);
  CHECK(found->alive);
  CHECK(found->control);
  write_file(home / "end", "");
  run.wait();
}

TEST_CASE("A run that ended meanwhile is adopted with its end") {
  temporary_directory home;
  test_run run{home, R"([{"exit":7}])"};
  run.start().wait();
  const auto found = adopt(run.directory());
  REQUIRE(found);
  CHECK_FALSE(found->alive);
  REQUIRE(found->exit);
  CHECK(found->exit->exit_code == 7);
  CHECK_FALSE(found->control);
}

TEST_CASE("A run whose end a power cut has spoiled is adopted without it") {
  temporary_directory home;
  test_run run{home, R"([{"exit":7}])"};
  run.start().wait();
  write_file(run.directory() / run_file::exit, GENERATE(std::string{}, std::string(512, '\0')));
  const auto found = adopt(run.directory());
  REQUIRE(found);
  CHECK_FALSE(found->alive);
  CHECK(found->start == start_state::keeper);
  CHECK_FALSE(found->exit);
}

TEST_CASE("A symlink that was planted in the run directory is not followed") {
  temporary_directory home;
  write_file(home / "precious", "untouched");
  const std::string name = GENERATE("lock", "started", "exit.json.part", "stdout", "stderr");
  INFO(name);
  test_run run{home, R"([{"append":"count"}])"};
  run.start(LATE_KEEPER);
  std::filesystem::remove(run.directory() / name);
  std::filesystem::create_symlink(home / "precious", run.directory() / name);
  write_file(run.directory() / "go", "");
  run.wait_for_keeper();
  CHECK(read_file(home / "precious") == "untouched");
  CHECK_FALSE(std::filesystem::exists(home / "count"));
}

TEST_CASE("A run directory that is a symlink is not adopted") {
  temporary_directory home;
  std::filesystem::create_directory(home / "real");
  std::filesystem::create_symlink(home / "real", home / "link");
  CHECK_FALSE(adopt(home / "link"));
  CHECK_FALSE(claim_void(home / "link"));
  CHECK_FALSE(std::filesystem::exists(home / "real" / "started"));
}

TEST_CASE("Nothing is removed through a link in the place of a run directory") {
  temporary_directory home;
  std::filesystem::create_directory(home / "real");
  write_file(home / "real" / run_file::exit_draft, "reserved");
  std::filesystem::create_symlink(home / "real", home / "link");
  CHECK(remove_run_directory(home / "link"));
  CHECK_FALSE(std::filesystem::is_symlink(home / "link"));
  CHECK(read_file(home / "real" / run_file::exit_draft) == "reserved");
}

TEST_CASE("A keeper that is given a damaged order starts nothing and says so") {
  temporary_directory home;
  test_run run{home};
  std::filesystem::create_directory(home / "run");
  const auto bytes = GENERATE(as<std::string>{}, "", "damaged", "ADrun\r\n\x1a and more");
  int error = 0;
  const unique_fd order = make_sealed_file("order", bytes, error);
  const unique_fd directory{::open((home / "run").c_str(), O_RDONLY | O_CLOEXEC)};
  REQUIRE(reserve_exit_file(directory.get()) == 0);
  REQUIRE(::mkfifo((home / "run" / "control").c_str(), 0600) == 0);
  const unique_fd control{::open((home / "run" / "control").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  const unique_fd null{::open("/dev/null", O_RDWR | O_CLOEXEC)};
  const pid_t keeper = ::fork();
  if (keeper == 0) {
    for (const auto& [from, to] : {std::pair{order.get(), 40}, {directory.get(), 41}, {control.get(), 42}})
      ::dup2(from, to);
    ::dup2(41, keeper_fd::directory);
    ::dup2(40, keeper_fd::order);
    ::dup2(42, keeper_fd::control);
    ::execl(KEEPER_PROGRAM, "agent-dispatch-run", nullptr);
    ::_exit(127);
  }
  int status = 0;
  REQUIRE(::waitpid(keeper, &status, 0) == keeper);
  CHECK(exit_code_of(status) == 0);
  const auto record = read_exit_record(home / "run");
  REQUIRE(record);
  REQUIRE(*record);
  CHECK_FALSE((*record)->started);
  CHECK((*record)->start_step == "read the launch order");
}

TEST_CASE("On a full disk the end of a run is still written down, and the next run is refused before it begins") {
  temporary_directory home;
  std::filesystem::create_directory(home / "small");
  // A file system of its own, in a mount namespace of a child. Only root may.
  const pid_t child = ::fork();
  if (child == 0) {
    const auto small = (home / "small").string();
    if (::unshare(CLONE_NEWNS) < 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("none", small.c_str(), "tmpfs", 0, "size=400k") < 0)
      ::_exit(77);
    const auto program = keeper_program::open(KEEPER_PROGRAM);
    launch_order order;
    order.run.value = "full.1.0";
    order.program = STAND_IN_CLI;
    order.argv = {"claude", "-p"};
    order.directory = "/";
    order.environment = {R"(STAND_IN_SCRIPT=[{"flood":1000000},{"exit":5}])"};
    const auto answer = [&] {
      const auto record = read_exit_record(home / "small" / "run");
      return record && *record ? (*record)->exit_code.value_or(-1) : -1;
    };
    auto run = launch(*program, home / "small" / "run", order, "", "{}");
    if (!run)
      ::_exit(1);
    reap_keeper(run->keeper);
    write_file(home / "small" / "probe", std::string(8192, 'x'));
    if (std::filesystem::file_size(home / "small" / "probe") == 8192)
      ::_exit(2);
    if (answer() != 5)
      ::_exit(3);
    // And now that it is full, the next one is refused before it begins.
    order.run.value = "full.2.0";
    const auto refused = launch(*program, home / "small" / "run2", order, "", "{}");
    ::_exit(!refused && !std::filesystem::exists(home / "small" / "run2") ? 0 : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (exit_code_of(status) == 77)
    WARN("not checked: this user may not mount");
  else
    CHECK(exit_code_of(status) == 0);
}

TEST_CASE("A keeper that finds no room to claim its start says so, and one that has it starts without further room") {
  temporary_directory home;
  std::filesystem::create_directory(home / "small");
  const bool has_name = GENERATE(false, true);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto small = home / "small";
    if (::unshare(CLONE_NEWNS) < 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("none", small.c_str(), "tmpfs", 0, "size=1m,nr_inodes=64") < 0)
      ::_exit(77);
    const auto late = keeper_program::open(LATE_KEEPER);
    launch_order order;
    order.run.value = "full.1.0";
    order.program = STAND_IN_CLI;
    order.argv = {"claude", "-p"};
    order.directory = "/";
    order.environment = {R"(STAND_IN_SCRIPT=[{"exit":5}])"};
    auto run = launch(*late, small / "run", order, "", "{}");
    if (!run)
      ::_exit(1);
    write_file(small / "go", "");
    // Full of bytes, and where it has no name for `started` either, of files.
    write_file(small / "filler", std::string(1 << 20, 'x'));
    for (int n = 0; !has_name && n < 64; ++n)
      write_file(small / std::to_string(n), "");
    std::filesystem::rename(small / "go", small / "run" / "go");
    reap_keeper(run->keeper);
    const auto record = read_exit_record(small / "run");
    if (!record || !*record)
      ::_exit(2);
    const auto& end = **record;
    if (has_name)
      ::_exit(end.exit_code == 5 ? 0 : 3);
    ::_exit(!end.started && end.start_step == "claim the start in the run directory" && end.start_errno == ENOSPC ? 0
                                                                                                                  : 4);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  if (exit_code_of(status) == 77)
    WARN("not checked: this user may not mount");
  else
    CHECK(exit_code_of(status) == 0);
}

TEST_CASE("A lock stays when another descriptor of its file is closed, and goes with its own") {
  temporary_directory home;
  auto held = open_lock_file(home / "lock");
  REQUIRE(try_lock(held.get()) == lock_state::free);
  const auto other = open_lock_file(home / "lock");
  { const auto third = open_lock_file(home / "lock"); }
  CHECK(probe_lock(other.get()) == lock_state::held);
  CHECK(try_lock(other.get()) == lock_state::held);
  held.reset();
  CHECK(probe_lock(other.get()) == lock_state::free);
  CHECK(try_lock(other.get()) == lock_state::free);
}
