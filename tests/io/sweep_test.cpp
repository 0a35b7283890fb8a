#include <csignal>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "actors/run/process_table.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

std::string child_step(const temporary_directory& home, std::string_view more) {
  return R"({"child":{"pid_file":")" + (home / "pid").string() + '"' + std::string{more} + "}}";
}

/// How a run may end other than by itself.
enum class ending { deadline, cancel, crash };

std::string script_for(ending how, const std::string& child) {
  const std::string last = how == ending::crash ? R"({"die":"SIGSEGV"})" : R"({"hang":true})";
  return "[" + child + R"(,{"wait_for":"pid"},{"text":"ready"},)" + last + "]";
}

exit_record end(test_run& run, ending how) {
  if (how == ending::deadline)
    run.order.deadline = milliseconds{300};
  run.start();
  if (how == ending::cancel) {
    REQUIRE(wait_until([&] { return run.output().find("ready") != std::string::npos; }));
    REQUIRE(send_cancel(run.control()));
  }
  return run.wait();
}

} // namespace

TEST_CASE("A grandchild that holds the output does not delay the end of a run, and is kept") {
  temporary_directory home;
  const std::string more = GENERATE("", R"(,"new_session":true)", R"(,"new_session":true,"double_fork":true)");
  const std::string last = GENERATE(R"({"text":"done"})", R"({"exit":3})");
  test_run run{home, "[" + child_step(home, more) + R"(,{"wait_for":"pid"},)" + last + "]"};
  const auto record = run.start().wait();
  CHECK(record.reason == end_reason::none);
  CHECK(record.exit_code == (last.find("exit") == std::string::npos ? 0 : 3));
  CHECK(record.wall_ms < 10'000);
  CHECK(is_running(wait_for_pid(home / "pid")));
  CHECK(sweep_by_mark(run.order.run) == 0);
}

TEST_CASE("Nothing that a run has started outlives its timeout, its cancel or its crash") {
  temporary_directory home;
  const auto how = GENERATE(ending::deadline, ending::cancel, ending::crash);
  const std::string more =
      GENERATE("", R"(,"new_session":true)", R"(,"new_session":true,"double_fork":true)",
               R"(,"new_session":true,"double_fork":true,"clear_environment":true)",
               R"(,"new_session":true,"ignore":["SIGINT","SIGTERM","SIGHUP"],"close_output":true)");
  INFO(more);
  test_run run{home, script_for(how, child_step(home, more))};
  const auto record = end(run, how);
  const pid_t left = wait_for_pid(home / "pid");
  const bool outlives = is_running(left);
  CHECK_FALSE(outlives);
  CHECK(record.left_over == 0);
  if (outlives)
    ::kill(left, SIGKILL);
}

TEST_CASE("A process that is always replaced by its child does not slip through the sweep") {
  const std::string generation = GENERATE("0", "1", "5");
  for (int round = 0; round < 5; ++round) {
    temporary_directory home;
    test_run run{home, R"([{"forker":)" + generation + R"(},{"forker":1},{"text":"ready"},{"hang":true}])"};
    run.start();
    REQUIRE(wait_until([&] { return run.output().find("ready") != std::string::npos; }));
    REQUIRE(send_cancel(run.control()));
    CHECK(run.wait().left_over == 0);
    CHECK(processes_left() == 0);
  }
}

TEST_CASE("Nor does it slip through the sweep by mark, when its keeper was killed") {
  for (int round = 0; round < 5; ++round) {
    temporary_directory home;
    test_run run{home, R"([{"forker":1},{"text":"ready"},{"hang":true}])"};
    run.start();
    REQUIRE(wait_until([&] { return run.output().find("ready") != std::string::npos; }));
    ::kill(run.keeper(), SIGKILL);
    run.wait_for_keeper();
    CHECK(sweep_by_mark(run.order.run) == 0);
    CHECK(processes_left() == 0);
  }
}

TEST_CASE("A keeper that is killed takes its CLI along, and the mark finds the rest") {
  temporary_directory home;
  test_run run{home, "[" + child_step(home, R"(,"new_session":true,"double_fork":true)") +
                         R"(,{"record":"record"},{"hang":true}])"};
  run.start();
  const pid_t detached = wait_for_pid(home / "pid");
  REQUIRE(wait_until([&] { return std::filesystem::exists(home / "record"); }));
  const pid_t cli = nlohmann::json::parse(read_file(home / "record"))["pid"];
  REQUIRE(is_running(cli));
  ::kill(run.keeper(), SIGKILL);
  const int status = run.wait_for_keeper();
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(wait_until([&] { return !is_running(cli); }));
  CHECK(is_running(detached));
  const auto found = adopt(run.directory());
  REQUIRE(found);
  CHECK_FALSE(found->alive);
  CHECK(found->start == start_state::keeper);
  CHECK_FALSE(found->exit);
  CHECK(sweep_by_mark(run.order.run) == 0);
  CHECK_FALSE(is_running(detached));
}

TEST_CASE("The mark is compared whole: a run whose key only begins the same is left alone") {
  temporary_directory home;
  test_run run{home, "[" + child_step(home, R"(,"new_session":true)") + R"(,{"wait_for":"pid"}])"};
  const run_key key = run.order.run;
  run.start().wait();
  const pid_t kept = wait_for_pid(home / "pid");
  run_key shorter{key.value.substr(0, key.value.size() - 1)};
  run_key longer{key.value + "0"};
  CHECK(sweep_by_mark(shorter) == 0);
  CHECK(sweep_by_mark(longer) == 0);
  CHECK(is_running(kept));
  CHECK(sweep_by_mark(key) == 0);
  CHECK_FALSE(is_running(kept));
}

TEST_CASE("A sweep by mark also ends what a marked process has started with another environment") {
  for (int round = 0; round < 5; ++round) {
    temporary_directory home;
    // The shell has the mark; what it starts has not.
    test_run run{home};
    run.order.program = "/bin/sh";
    run.order.argv = {"sh", "-c",
                      "setsid sh -c 'env -i sleep 60 & echo $! > pid; wait' & while ! test -s pid; do :; done"};
    run.start().wait();
    const pid_t unmarked = wait_for_pid(home / "pid");
    REQUIRE(is_running(unmarked));
    CHECK(sweep_by_mark(run.order.run) == 0);
    CHECK_FALSE(is_running(unmarked));
  }
}

TEST_CASE("A supervisor or keeper that holds its lock survives the sweep of the run it was started in") {
  temporary_directory home;
  const std::string name = GENERATE("agent-dispatchd", "agent-dispatch-");
  const auto lock = (home / "lock").string();
  test_run run{home, script_for(ending::cancel, child_step(home, R"(,"new_session":true,"name":")" + name +
                                                                     R"(","lock":")" + lock + '"'))};
  end(run, ending::cancel);
  const pid_t spared = wait_for_pid(home / "pid");
  CHECK(is_running(spared));
  ::kill(spared, SIGKILL);
  CHECK(wait_until([&] { return !is_running(spared); }));
}

TEST_CASE("A process that has only the name of a supervisor does not survive the sweep, nor one that has only a lock") {
  temporary_directory home;
  const std::string more = GENERATE(R"("name":"agent-dispatchd")", R"("name":"agent-dispatch","lock":"@")");
  auto child = child_step(home, R"(,"new_session":true,)" + more);
  if (const auto at = child.find('@'); at != std::string::npos)
    child.replace(at, 1, (home / "lock").string());
  test_run run{home, script_for(ending::cancel, child)};
  CHECK(end(run, ending::cancel).left_over == 0);
  CHECK_FALSE(is_running(wait_for_pid(home / "pid")));
}

TEST_CASE("A signal does not reach a process that has got the number of the one it was meant for") {
  const pid_t child = ::fork();
  if (child == 0)
    for (;;)
      ::pause();
  process_entry stale;
  for (const auto& process : read_process_table())
    if (process.pid == child)
      stale = process;
  REQUIRE(stale.pid == child);
  --stale.start_time;
  CHECK_FALSE(signal_process(stale, SIGKILL));
  CHECK(is_running(child));
  ++stale.start_time;
  CHECK(signal_process(stale, SIGKILL));
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WTERMSIG(status) == SIGKILL);
}

TEST_CASE("Two runs at once: the sweep of one leaves the other alone") {
  temporary_directory home;
  test_run ended{home, R"([{"text":"ready"},{"hang":true}])"};
  test_run kept{home, R"([{"text":"ready"},{"wait_for":"go"},{"text":"kept"}])"};
  ended.start();
  kept.start();
  REQUIRE(wait_until([&] { return kept.output().find("ready") != std::string::npos; }));
  REQUIRE(send_cancel(ended.control()));
  CHECK(ended.wait().reason == end_reason::cancelled);
  write_file(home / "go", "");
  CHECK(kept.wait().exit_code == 0);
  CHECK(kept.result()["result"] == "kept");
}
