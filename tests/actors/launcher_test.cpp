#include "actors/launcher.hpp"

#include <cerrno>
#include <fstream>
#include <optional>
#include <set>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "actors/run/keeper.hpp"
#include "actors/run/open_lock.hpp"
#include "actors/run/run_directory.hpp"
#include "tests/actors/neighbours.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;

namespace {

namespace fs = std::filesystem;

/// How often the file of this name cannot be opened by way of its directory.
struct hindrance {
  std::string name;
  int times = 0;
};
std::optional<hindrance> hindered;

bool is_hindered(std::string_view name) { return hindered && name == hindered->name && hindered->times-- > 0; }

} // namespace

// The linker puts these in the place of openat in this program (--wrap).
extern "C" int __real_openat(int directory, const char* name, int flags, mode_t mode);
extern "C" int __wrap_openat(int directory, const char* name, int flags, mode_t mode) {
  if (is_hindered(name)) {
    errno = EMFILE;
    return -1;
  }
  return __real_openat(directory, name, flags, mode);
}

namespace {

/// The launcher with real keepers and the stand-in CLI. Every keeper is a child of this process.
struct launcher_fixture {
  launcher_fixture() {
    hindered.reset();
    REQUIRE(make_state_directories(where));
    fs::create_directory(home.path() / "project");
  }

  launcher_actor launcher_with(const char* keeper) {
    auto program = keeper_program::open(keeper);
    REQUIRE(program);
    return world.keep(
        world.system().spawn(launcher, where, "mark", std::make_shared<const keeper_program>(std::move(*program))));
  }

  /// The only request there is: the CLI does the steps of `script`.
  run_spec_ptr spec(const std::string& script) const {
    auto made = spec_of("0123456789abcdef0123456789abcdef");
    made->agent.directory = home.path() / "project";
    made->request.task = "@@" + script + "@@";
    made->timeout = std::chrono::seconds{60};
    auto caller = std::make_shared<caller_context>();
    caller->environment = {"PATH=" STAND_IN_DIRECTORY ":/usr/bin:/bin"};
    caller->directory = home.path();
    made->caller = std::move(caller);
    return made;
  }

  template <class Result, class Question>
  Result ask(const launcher_actor& launcher, Question question) {
    std::optional<Result> answer;
    const auto asker = [&](caf::event_based_actor* self) {
      self->request(launcher, caf::infinite, question).then([&](const Result& given) { answer = given; });
    };
    world.keep(world.system().spawn(asker));
    world.settle();
    REQUIRE(answer);
    return *answer;
  }

  fs::path run_directory(const run_spec& spec) const { return where.runs() / spec.key.value; }

  temporary_directory home;
  places where{.config = home.path() / "agents.yaml",
               .jobs = home.path(),
               .state = home.path() / "state" / "agent-dispatch" / "name",
               .socket = home.path() / "socket"};
  actor_world world;
};

/// Its exit code.
int wait_for_keeper() {
  int status = 0;
  while (::waitpid(-1, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

} // namespace

TEST_CASE_METHOD(launcher_fixture, "a run that is swept before its keeper has begun never begins") {
  const auto launcher = launcher_with(LATE_KEEPER);
  const auto run = spec(R"([{"append":"count"}])");
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  CHECK(ask<int>(launcher, sweep_run{run->key}) == 0);
  std::ofstream{run_directory(*run) / "go"};
  CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::no_claim));
  CHECK_FALSE(fs::exists(home.path() / "project" / "count"));
}

TEST_CASE_METHOD(launcher_fixture, "a run that is swept while its keeper begins, or has begun, ends") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto run = spec(R"([{"wait_for":"never"}])");
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  const auto asker = [&](caf::event_based_actor* self) {
    self->request(launcher, caf::infinite, sweep_run{run->key}).then([&](int left) {
      world.note(std::to_string(left) + " stay");
    });
  };
  world.keep(world.system().spawn(asker));
  world.settle();
  wait_for_keeper(); // or this test does not end
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"0 stay"});
  CHECK(fs::exists(run_directory(*run))); // until its request is acknowledged
}

TEST_CASE_METHOD(launcher_fixture, "the end of a run that cannot be opened for want of a descriptor is read later") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto run = spec(R"([{"text":"paid for"}])");
  const auto request = std::make_shared<const accepted_request>(
      accepted_request{.key = {{"f0000000-0000-4000-8000-000000000001"}, 1}, .spec = run});
  CHECK_FALSE(ask<write_outcome>(launcher, record_request{request}).problem);
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  wait_for_keeper();
  hindered = {std::string{run_file::exit}, 2};
  const auto found = ask<recovered_state_ptr>(launcher_with(KEEPER_PROGRAM), recover_state{});
  CHECK(hindered->times <= 0);
  REQUIRE(found->requests.size() == 1);
  CHECK(found->requests.front().condition == run_condition::ended);
  const auto end = ask<exit_report>(launcher, read_exit{run->key, attempt::first});
  REQUIRE(end.record);
  CHECK(end.record->has_value());
}

TEST_CASE_METHOD(launcher_fixture, "a live run that cannot be opened for want of a descriptor is live") {
  const auto launcher = launcher_with(LATE_KEEPER);
  const auto run = spec(R"([{"append":"count"}])");
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  unique_fd lock{::open((run_directory(*run) / run_file::lock).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  REQUIRE(try_lock(lock.get()) == lock_state::free); // as its keeper does
  hindered = {std::string{run_file::control}, 1000};
  const auto found = ask<recovered_request>(launcher, find_run{run});
  hindered.reset();
  CHECK(found.condition == run_condition::live);
  CHECK(found.how.handles == nullptr);
  lock.reset();
  CHECK(ask<int>(launcher, sweep_run{run->key}) == 0);
  std::ofstream{run_directory(*run) / "go"};
  CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::no_claim));
}

TEST_CASE_METHOD(launcher_fixture, "a request whose answer is known takes no run over, whatever lies there") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto run = spec(R"([{"text":"x"}])");
  accepted_request known{.key = {{"f0000000-0000-4000-8000-000000000001"}, 1}, .spec = run};
  known.known = dispatch_result{};
  const auto request = std::make_shared<const accepted_request>(std::move(known));
  CHECK_FALSE(ask<write_outcome>(launcher, record_request{request}).problem);
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  wait_for_keeper();
  const auto found = ask<recovered_state_ptr>(launcher_with(KEEPER_PROGRAM), recover_state{});
  REQUIRE(found->requests.size() == 1);
  CHECK(found->requests.front().condition == run_condition::not_started);
}

TEST_CASE_METHOD(launcher_fixture, "what is discarded is out of the way at once, and removed a moment later") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto discard = [&](const run_key& run) {
    fs::create_directory(where.runs() / run.value);
    std::ofstream{where.runs() / run.value / "stdout"} << "text";
    caf::anon_send(launcher, discard_run{run});
    world.settle();
    CHECK(fs::is_empty(where.runs()));
  };
  const auto graves = [&] { return std::distance(fs::directory_iterator{where.trash()}, {}); };
  discard({"0123456789abcdef0123456789abcdef"});
  discard({"0123456789abcdef0123456789abcde0"});
  CHECK(graves() == 2);
  world.pass(std::chrono::milliseconds{20});
  CHECK(graves() == 0);
  // A name may come again.
  discard({"0123456789abcdef0123456789abcdef"});
  CHECK(graves() == 1);
  CHECK(ask<bool>(launcher, finish_discarding{}));
  CHECK(graves() == 0);
  world.pass(std::chrono::milliseconds{20});
}

TEST_CASE_METHOD(launcher_fixture, "what waits to be removed is bounded") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  for (int number = 0; number < 200; ++number) {
    const run_key run{"run-" + std::to_string(number)};
    fs::create_directory(where.runs() / run.value);
    caf::anon_send(launcher, discard_run{run});
    world.settle();
  }
  CHECK(std::distance(fs::directory_iterator{where.trash()}, {}) == 64);
}

TEST_CASE_METHOD(launcher_fixture, "a run takes the directory that was made for it before, unless that is spoiled") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto spares = [&] {
    std::set<fs::path> found;
    for (const auto& entry : fs::directory_iterator{where.spares()})
      found.insert(entry.path());
    return found;
  };
  const auto run_once = [&] {
    const auto run = spec(R"([{"text":"done"}])");
    CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
    CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::done));
    const auto report = ask<exit_report>(launcher, read_exit{run->key, attempt::first});
    REQUIRE(report.record);
    REQUIRE(*report.record);
    CHECK((*report.record)->exit_code == 0);
    caf::anon_send(launcher, discard_run{run->key});
    world.settle();
  };
  run_once(); // there is none yet
  std::set<ino_t> made;
  const auto inode = [](const fs::path& path) {
    struct stat status {};
    CHECK(::stat(path.c_str(), &status) == 0);
    return status.st_ino;
  };
  for (const auto& spare : spares())
    made.insert(inode(spare));
  CHECK(made.size() == 2);
  const auto run = spec(R"([{"text":"done"}])");
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  CHECK(made.contains(inode(run_directory(*run))));
  CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::done));
  caf::anon_send(launcher, discard_run{run->key});
  world.settle();
  for (const auto& spare : spares())
    fs::remove(spare / "stdout");
  run_once();
  for (const auto& spare : spares())
    fs::remove_all(spare);
  run_once();
  CHECK(ask<bool>(launcher, finish_discarding{}));
  CHECK(spares().empty());
}

TEST_CASE_METHOD(launcher_fixture, "a start that fails gives up what lies ready, and is tried once more") {
  const auto launcher = launcher_with(KEEPER_PROGRAM);
  const auto run = spec(R"([{"text":"done"}])");
  hindered = hindrance{std::string{run_file::errors}, 1};
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::system);
  hindered.reset();
  fs::create_directory(where.runs() / "done-with");
  caf::anon_send(launcher, discard_run{{"done-with"}});
  world.settle();
  for (const auto& spare : fs::directory_iterator{where.spares()})
    fs::remove_all(spare);
  hindered = hindrance{std::string{run_file::errors}, 1};
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  CHECK(fs::is_empty(where.trash()));
  CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::done));
}

TEST_CASE_METHOD(launcher_fixture, "a keeper that begins when its run has been found to be nobody's starts nothing") {
  const auto launcher = launcher_with(LATE_KEEPER);
  const auto run = spec(R"([{"append":"count"}])");
  CHECK(ask<launch_result>(launcher, launch_run{run, attempt::first, {}}).problem == launch_problem::none);
  CHECK(ask<recovered_state_ptr>(launcher, recover_state{})->requests.empty());
  const fs::directory_iterator grave{where.trash()};
  REQUIRE(grave != fs::directory_iterator{});
  std::ofstream{grave->path() / "go"};
  CHECK(wait_for_keeper() == static_cast<int>(keeper_exit::no_claim));
  CHECK_FALSE(fs::exists(home.path() / "project" / "count"));
}
