#include <csignal>
#include <iterator>
#include <sstream>
#include <string>

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

constexpr auto short_grace = milliseconds{150};

/// Waits until the CLI has printed something.
void wait_for_output(const test_run& run, std::string_view text) {
  REQUIRE(wait_until([&] { return run.output().find(text) != std::string::npos; }));
}

std::string before_signal(const test_run& run, const exit_record& record) {
  REQUIRE(record.output_at_signal);
  return run.output().substr(0, *record.output_at_signal);
}

} // namespace

TEST_CASE("At the deadline SIGINT comes first, and what the CLI then reports is behind the mark") {
  temporary_directory home;
  test_run run{home, R"([{"text":"partial"},{"hang":true}])"};
  run.order.deadline = milliseconds{200};
  const auto record = run.start().wait();
  CHECK(record.reason == end_reason::deadline);
  CHECK(record.exit_code == 0);
  CHECK(record.wall_ms >= 200);
  CHECK(record.wall_ms < 5000); // it did not wait for the grace to pass
  CHECK(record.output_end == run.output().size());
  CHECK(last_event(before_signal(run, record), "result").is_null());
  CHECK(before_signal(run, record).find("partial") != std::string::npos);
  CHECK(run.result()["terminal_reason"] == "aborted_tools");
}

TEST_CASE("A CLI that ignores SIGINT gets SIGTERM, and one that ignores both is killed") {
  temporary_directory home;
  std::string script;
  bool killed = false;
  SECTION("SIGINT") { script = R"([{"ignore":["SIGINT"]},{"text":"deaf"},{"hang":true}])"; }
  SECTION("both") {
    script = R"([{"ignore":["SIGINT","SIGTERM"]},{"text":"deaf"},{"hang":true}])";
    killed = true;
  }
  test_run run{home, script};
  run.order.grace = short_grace;
  run.start();
  wait_for_output(run, "deaf");
  REQUIRE(send_cancel(run.control()));
  const auto record = run.wait();
  CHECK(record.reason == end_reason::cancelled);
  if (killed) {
    CHECK(record.signal == SIGKILL);
    CHECK(record.wall_ms >= 2 * short_grace.count());
  } else {
    CHECK(record.exit_code == 143);
    CHECK(record.wall_ms >= short_grace.count());
  }
  CHECK(record.left_over == 0);
}

TEST_CASE("A CLI that has stopped itself is ended like any other") {
  temporary_directory home;
  test_run run{home, R"([{"text":"going to sleep"},{"stop":true},{"hang":true}])"};
  run.order.deadline = milliseconds{300};
  const auto record = run.start().wait();
  CHECK(record.reason == end_reason::deadline);
  CHECK(record.exit_code == 0);
  CHECK(run.result()["terminal_reason"] == "aborted_tools");
}

TEST_CASE("A result that was printed before the deadline lies before the mark, also when the CLI then hangs") {
  temporary_directory home;
  test_run run{home, R"([{"result":"paid for"},{"hang":true}])"};
  run.order.deadline = milliseconds{300};
  const auto record = run.start().wait();
  CHECK(record.reason == end_reason::deadline);
  CHECK(last_event(before_signal(run, record), "result")["result"] == "paid for");
  CHECK(run.result()["is_error"] == true); // the aborted one is appended
}

TEST_CASE("A cancel through the FIFO ends the run, and a second one changes nothing") {
  temporary_directory home;
  test_run run{home, R"([{"abort_delay":200},{"text":"here"},{"hang":true}])"};
  run.start();
  wait_for_output(run, "here");
  REQUIRE(send_cancel(run.control()));
  REQUIRE(send_cancel(run.control()));
  const auto record = run.wait();
  CHECK(record.reason == end_reason::cancelled);
  CHECK(record.exit_code == 0);
  const auto late = send_cancel(run.control());
  REQUIRE_FALSE(late);
  CHECK(late.error().kind == fault_kind::lost);
}

TEST_CASE("A cancel that is sent before the CLI runs is not lost") {
  temporary_directory home;
  test_run run{home, R"([{"hang":true}])"};
  run.start(LATE_KEEPER);
  REQUIRE(send_cancel(run.control()));
  write_file(run.directory() / "go", "");
  CHECK(run.wait().reason == end_reason::cancelled);
}

TEST_CASE("What is no command does not end a run") {
  temporary_directory home;
  test_run run{home, R"([{"text":"here"},{"wait_for":"go"}])"};
  run.start();
  const std::string garbage =
      "cancel it\ncancelcancel\n\nextend -5\nextend x\n" + std::string(3000, 'x') + "\n" + std::string(2, '\0') + "\n";
  REQUIRE(::write(run.control(), garbage.data(), garbage.size()) == static_cast<ssize_t>(garbage.size()));
  wait_for_output(run, "here");
  write_file(home / "go", "");
  CHECK(run.wait().reason == end_reason::none);
}

TEST_CASE("Extending moves the deadline") {
  temporary_directory home;
  test_run run{home, R"([{"sleep":900}])"};
  run.order.deadline = milliseconds{500};
  run.start();
  REQUIRE(send_extend(run.control(), seconds{60}));
  const auto record = run.wait();
  CHECK(record.reason == end_reason::none);
  CHECK(record.wall_ms >= 900);
}

TEST_CASE("A deadline that was extended still comes") {
  temporary_directory home;
  test_run run{home, R"([{"hang":true}])"};
  run.order.deadline = milliseconds{100};
  run.start();
  REQUIRE(send_extend(run.control(), milliseconds{400}));
  const auto record = run.wait();
  CHECK(record.reason == end_reason::deadline);
  CHECK(record.wall_ms >= 500);
}

TEST_CASE("SIGTERM to the keeper ends its run in order; SIGINT and SIGHUP are nothing to it") {
  temporary_directory home;
  test_run run{home, R"([{"text":"here"},{"wait_for":"go"}])"};
  run.start();
  wait_for_output(run, "here");
  SECTION("SIGTERM") {
    ::kill(run.keeper(), SIGTERM);
    const auto record = run.wait();
    CHECK(record.reason == end_reason::cancelled);
    CHECK(record.exit_code == 0);
  }
  SECTION("others") {
    for (const int number : {SIGINT, SIGHUP, SIGQUIT, SIGPIPE, SIGUSR1, SIGALRM})
      ::kill(run.keeper(), number);
    write_file(home / "go", "");
    CHECK(run.wait().reason == end_reason::none);
  }
}

TEST_CASE("Output over the limit ends the run, on whichever stream it comes") {
  temporary_directory home;
  const std::string to = GENERATE("stdout", "stderr");
  test_run run{home, R"([{"flood":2000000,"to":")" + to + R"("},{"hang":true}])"};
  run.order.output_limit = 1'000'000;
  const auto record = run.start().wait();
  CHECK(record.reason == end_reason::output_limit);
  CHECK(std::filesystem::file_size(run.directory() / to) >= 2'000'000);
}

TEST_CASE("Output under the limit is kept whole, and stderr is read up to its first 64 KiB") {
  temporary_directory home;
  test_run run{home, R"([{"flood":300000,"to":"stderr"},{"flood":500000},{"text":"end"}])"};
  run.order.output_limit = 1'000'000;
  CHECK(run.start().wait().reason == end_reason::none);
  CHECK(run.result()["result"] == "end");
  CHECK(std::filesystem::file_size(run.directory() / "stderr") == 300'000);
  const auto text = read_stderr(run.directory());
  REQUIRE(text);
  CHECK(text->size() == 64u << 10);
}

TEST_CASE("Garbage, bytes that are no UTF-8 and a result of many megabytes arrive as they were written") {
  temporary_directory home;
  test_run run{home, R"([{"garbage":70000},{"raw":"\n"},{"raw_hex":"fffe000a"},{"huge_result":8000000}])"};
  CHECK(run.start().wait().exit_code == 0);
  CHECK(run.output().find(std::string{"\xff\xfe\0\n", 4}) != std::string::npos);
  CHECK(run.result()["result"].get<std::string>().size() == 8'000'000);
}

TEST_CASE("A CLI that dies by a signal of its own has crashed: the record names the signal and no reason") {
  temporary_directory home;
  test_run run{home, R"([{"text":"last words"},{"die":"SIGABRT"}])"};
  const auto record = run.start().wait();
  CHECK(record.started);
  CHECK(record.signal == SIGABRT);
  CHECK_FALSE(record.exit_code);
  CHECK(record.reason == end_reason::none);
  CHECK_FALSE(record.output_at_signal);
}

TEST_CASE("A CLI that closes its stdout runs to its end") {
  temporary_directory home;
  test_run run{home, R"([{"text":"first"},{"close_stdout":true},{"sleep":50},{"text":"unheard"}])"};
  const auto record = run.start().wait();
  CHECK(record.exit_code == 0);
  CHECK(run.output().find("unheard") == std::string::npos);
}

TEST_CASE("A keeper without supervisor keeps its run, and its deadline") {
  temporary_directory home;
  test_run run{home, R"([{"hang":true}])"};
  run.order.deadline = milliseconds{300};
  auto launched = run.try_start();
  REQUIRE(launched);
  launched->control.reset(); // the last writer goes, as when the supervisor is killed
  reap_keeper(launched->keeper);
  const auto record = read_exit_record(run.directory());
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->reason == end_reason::deadline);
}

TEST_CASE("A keeper of a silent run costs next to nothing, with a supervisor and without") {
  temporary_directory home;
  const bool has_supervisor = GENERATE(true, false);
  test_run run{home};
  run.order.program = "/bin/sh"; // a CLI that wakes nobody either
  run.order.argv = {"sh", "-c", "echo here; while ! test -e go; do sleep 0.2; done"};
  auto launched = run.try_start();
  REQUIRE(launched);
  wait_for_output(run, "here");
  if (!has_supervisor)
    launched->control.reset();
  const auto proc = std::filesystem::path{"/proc"} / std::to_string(launched->keeper);
  const auto wake_ups = [&] {
    const auto status = read_file(proc / "status");
    return std::stol(status.substr(status.find("\nvoluntary_ctxt_switches:") + 25));
  };
  const auto ticks = [&] {
    std::istringstream stat{read_file(proc / "stat")};
    std::vector<std::string> fields{std::istream_iterator<std::string>{stat}, {}};
    return std::stol(fields.at(13)) + std::stol(fields.at(14)); // utime and stime
  };
  const auto started = std::chrono::steady_clock::now();
  const auto has_passed = [&](milliseconds time) { return std::chrono::steady_clock::now() - started > time; };
  REQUIRE(wait_until([&] { return has_passed(milliseconds{500}); }));
  const long wake_ups_before = wake_ups();
  REQUIRE(wait_until([&] { return has_passed(milliseconds{3500}); }));
  CHECK(wake_ups() - wake_ups_before <= 6);
  CHECK(ticks() <= 5);
  write_file(home / "go", "");
  reap_keeper(launched->keeper);
  const auto record = read_exit_record(run.directory());
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->exit_code == 0);
}
