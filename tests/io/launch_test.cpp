#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <thread>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

/// What the CLI was started with.
nlohmann::json record_of(test_run& run, const std::filesystem::path& file) {
  run.order.environment.push_back("STAND_IN_SCRIPT=[{\"record\":\"" + file.string() + "\"}]");
  run.start().wait();
  auto record = nlohmann::json::parse(read_file(file), nullptr, false);
  REQUIRE(record.is_object());
  return record;
}

} // namespace

TEST_CASE("A run's answer is in its stdout, and its exit record says that it ended by itself") {
  temporary_directory home;
  test_run run{home};
  run.order.argv.insert(run.order.argv.end(), {"--session-id", "11111111-1111-4111-8111-111111111111"});
  const auto record = run.start().wait();
  CHECK(record.started);
  CHECK(record.exit_code == 0);
  CHECK_FALSE(record.signal);
  CHECK(record.reason == end_reason::none);
  CHECK_FALSE(record.output_at_signal);
  CHECK(record.output_end == run.output().size());
  CHECK(record.left_over == 0);
  CHECK(run.result()["result"] == "the prompt");
  CHECK(run.result()["session_id"] == "11111111-1111-4111-8111-111111111111");
  CHECK(read_file(run.directory() / "run.json") == R"({"format":1})");
  CHECK_FALSE(std::filesystem::exists(run.directory() / "exit.json.part"));
}

TEST_CASE("An exit code and an empty output are recorded as they are") {
  temporary_directory home;
  test_run run{home, R"([{"exit":3}])"};
  const auto record = run.start().wait();
  CHECK(record.started);
  CHECK(record.exit_code == 3);
  CHECK(record.reason == end_reason::none);
  CHECK(record.output_end == 0);
}

TEST_CASE("The prompt reaches the CLI on stdin, whatever it looks like and however long it is") {
  temporary_directory home;
  test_run run{home};
  run.prompt = "--version\n" + std::string(1 << 20, 'p') + "\xff\n";
  const auto record = record_of(run, home / "record");
  const auto got = record["stdin"].get<std::string>();
  CHECK(got.substr(0, 20) == run.prompt.substr(0, 20));
  CHECK(got.size() == run.prompt.size() + 2); // the byte that is no UTF-8 is written as U+FFFD
}

TEST_CASE("The CLI has exactly stdin, stdout and stderr") {
  temporary_directory home;
  // One that this process leaks, as a library might.
  const int leaked = ::open("/dev/null", O_RDONLY); // NOLINT: without CLOEXEC on purpose
  test_run run{home};
  const auto descriptors = record_of(run, home / "record")["descriptors"];
  ::close(leaked);
  REQUIRE(descriptors.size() == 3);
  CHECK(descriptors["0"]["target"].get<std::string>().find("memfd:prompt") != std::string::npos);
  CHECK(descriptors["0"]["access"] == O_RDONLY);
  for (const auto& [number, name] : {std::pair{"1", "stdout"}, std::pair{"2", "stderr"}}) {
    CHECK(descriptors[number]["target"] == (run.directory() / name).string());
    CHECK(descriptors[number]["append"] == true);
    CHECK(descriptors[number]["access"] == O_WRONLY);
  }
}

TEST_CASE("stdout and stderr of the CLI are blocking") {
  temporary_directory home;
  test_run run{home};
  const auto descriptors = record_of(run, home / "record")["descriptors"];
  for (const char* number : {"0", "1", "2"})
    CHECK(descriptors[number]["nonblocking"] == false);
}

TEST_CASE("The CLI's environment is the one given, and its mark") {
  temporary_directory home;
  test_run run{home};
  run.order.environment = {"A=1", "EMPTY=", "A=2", "odd", "HOME=/nowhere"};
  const auto environment = record_of(run, home / "record")["environment"].get<std::vector<std::string>>();
  auto wanted = run.order.environment;
  wanted.push_back("AGENT_DISPATCH_RUN=" + run.order.run.value);
  CHECK(environment == wanted);
}

TEST_CASE("The mark of the run that asks does not pass for the mark of the run that is asked for") {
  temporary_directory home;
  test_run run{home};
  run.order.environment = {"AGENT_DISPATCH_RUN=parent.1.0", "AGENT_DISPATCH_RUNNER=other"};
  const auto environment = record_of(run, home / "record")["environment"].get<std::vector<std::string>>();
  CHECK(std::count(environment.begin(), environment.end(), "AGENT_DISPATCH_RUN=parent.1.0") == 0);
  CHECK(std::count(environment.begin(), environment.end(), "AGENT_DISPATCH_RUN=" + run.order.run.value) == 1);
  CHECK(std::count(environment.begin(), environment.end(), "AGENT_DISPATCH_RUNNER=other") == 1);
}

TEST_CASE("The CLI runs in its directory, with the caller's umask, in a session of its own, with clean signals") {
  temporary_directory home;
  std::filesystem::create_directory(home / "project");
  test_run run{home};
  run.order.directory = (home / "project").string();
  run.order.umask = 0117;
  const auto record = record_of(run, home / "record");
  CHECK(record["directory"] == std::filesystem::canonical(home / "project").string());
  CHECK(record["umask"] == 0117);
  CHECK(record["session"] == record["pid"]);
  CHECK(record["group"] == record["pid"]);
  CHECK(record["parent"] == run.keeper());
  CHECK(record["signals"]["SigBlk"] == "0000000000000000");
  CHECK(record["signals"]["SigIgn"] == "0000000000000000");
  const int own = std::atoi(read_file("/proc/self/oom_score_adj").c_str());
  CHECK(record["oom_score_adj"] == std::min(own + 500, 1000));
}

TEST_CASE("The CLI has the caller's limits, and those not named as they were") {
  temporary_directory home;
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  test_run run{home};
  run.order.limits = {{RLIMIT_NOFILE, 100, 200}};
  const auto limits = record_of(run, home / "record")["limits"];
  CHECK(limits["nofile"] == nlohmann::json{100, 200});
  CHECK(limits["core"] == nlohmann::json{core.rlim_cur, core.rlim_max});
}

TEST_CASE("An environment of a megabyte is no obstacle") {
  temporary_directory home;
  test_run run{home};
  for (int i = 0; i < 16; ++i)
    run.order.environment.push_back("BIG" + std::to_string(i) + '=' + std::string(64 << 10, 'e'));
  const auto environment = record_of(run, home / "record")["environment"].get<std::vector<std::string>>();
  for (int i = 0; i < 16; ++i)
    CHECK(std::count(environment.begin(), environment.end(),
                     run.order.environment.at(static_cast<std::size_t>(i) + 1)) == 1);
}

TEST_CASE("A keeper has the descriptors it needs, a minimal environment, and its own session") {
  temporary_directory home;
  const int leaked = ::fcntl(STDERR_FILENO, F_DUPFD, 40); // NOLINT: without CLOEXEC on purpose
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  const rlimit allowed{core.rlim_max, core.rlim_max};
  ::setrlimit(RLIMIT_CORE, &allowed);
  test_run run{home, R"([{"wait_for":"go"}])"};
  run.start();
  ::close(leaked);
  ::setrlimit(RLIMIT_CORE, &core);
  const auto proc = std::filesystem::path{"/proc"} / std::to_string(run.keeper());
  // The lock is what a keeper takes last of its descriptors but for what its CLI needs.
  REQUIRE(wait_until([&] { return is_keeper_alive(run.directory()); }));
  CHECK(::getsid(run.keeper()) == run.keeper());
  CHECK(read_file(proc / "comm") == "agent-dispatch-\n");
  std::error_code error;
  std::filesystem::directory_iterator list{proc / "fd", error};
  if (::geteuid() != 0) { // it is not dumpable
    CHECK(error.value() == EACCES);
  } else {
    CHECK(read_file(proc / "environ") == std::string{"PATH=/usr/local/bin:/usr/bin:/bin\0", 34});
    CHECK(std::filesystem::read_symlink(proc / "cwd") == "/");
    CHECK(wait_until(
        [&] { return read_file(proc / "limits").find("Max core file size        0") != std::string::npos; }));
    for (const auto& entry : list) {
      INFO(entry.path() << " " << std::filesystem::read_symlink(entry.path(), error));
      CHECK(std::atoi(entry.path().filename().c_str()) < 20);
    }
  }
  write_file(home / "go", "");
  CHECK(run.wait().exit_code == 0);
}

TEST_CASE("A run directory that is there already is refused and left alone") {
  temporary_directory home;
  test_run run{home, R"([{"append":"count"}])"};
  std::filesystem::create_directory(run.directory());
  write_file(run.directory() / "run.json", "earlier");
  const auto launched = run.try_start();
  REQUIRE_FALSE(launched);
  CHECK(launched.error().kind == fault_kind::io);
  CHECK(launched.error().message.find(run.directory().string()) != std::string::npos);
  CHECK(read_file(run.directory() / "run.json") == "earlier");
  CHECK_FALSE(std::filesystem::exists(home / "count"));
}

TEST_CASE("A launch that fails leaves no directory behind") {
  temporary_directory home;
  write_file(home / "keeper", "this is no program");
  std::filesystem::permissions(home / "keeper", std::filesystem::perms::owner_all);
  test_run run{home};
  const auto launched = run.try_start(home / "keeper");
  REQUIRE_FALSE(launched);
  CHECK(launched.error().message.find("agent-dispatch-run") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(run.directory()));
}

TEST_CASE("A keeper program that is not there or cannot be executed is refused") {
  temporary_directory home;
  CHECK_FALSE(keeper_program::open(home / "missing"));
  write_file(home / "plain", "x");
  CHECK_FALSE(keeper_program::open(home / "plain"));
  CHECK_FALSE(keeper_program::open(home.path()));
}

TEST_CASE("A keeper program that is replaced on disk is still the one that was opened") {
  temporary_directory home;
  std::filesystem::copy_file(KEEPER_PROGRAM, home / "keeper");
  const auto program = keeper_program::open(home / "keeper");
  REQUIRE(program);
  std::filesystem::remove(home / "keeper");
  write_file(home / "keeper", "#!/bin/false\n");
  test_run run{home};
  auto launched = launch(*program, run.directory(), run.order, "p", "{}");
  REQUIRE(launched);
  reap_keeper(launched->keeper);
  const auto record = read_exit_record(run.directory());
  REQUIRE(record);
  REQUIRE(*record);
  CHECK((*record)->exit_code == 0);
}

TEST_CASE("What keeps a CLI from being executed is named in the exit record") {
  temporary_directory home;
  test_run run{home};
  std::string step = "execve";
  int error = 0;
  SECTION("there is no such program") {
    run.order.program = (home / "missing").string();
    error = ENOENT;
  }
  SECTION("the program is not executable") {
    write_file(home / "plain", "x");
    run.order.program = (home / "plain").string();
    error = EACCES;
  }
  SECTION("an argument is too long") {
    run.order.argv.push_back(std::string(256 << 10, 'a'));
    error = E2BIG;
  }
  SECTION("the environment is too large") {
    for (int i = 0; i < 100; ++i)
      run.order.environment.push_back("V" + std::to_string(i) + '=' + std::string(100 << 10, 'e'));
    error = E2BIG;
  }
  SECTION("the working directory is gone") {
    run.order.directory = (home / "missing").string();
    step = "chdir";
    error = ENOENT;
  }
  SECTION("the working directory is a file") {
    write_file(home / "plain", "x");
    run.order.directory = (home / "plain").string();
    step = "chdir";
    error = ENOTDIR;
  }
  const auto record = run.start().wait();
  CHECK_FALSE(record.started);
  CHECK(record.start_step == step);
  CHECK(record.start_errno == error);
  CHECK_FALSE(record.exit_code);
  CHECK(record.output_end == 0);
}

TEST_CASE("A script without an interpreter line runs as it does from a shell") {
  temporary_directory home;
  write_file(home / "script", "echo \"$0|$1\"\n");
  std::filesystem::permissions(home / "script", std::filesystem::perms::owner_all);
  test_run run{home};
  run.order.program = (home / "script").string();
  run.order.argv = {"script", "one two"};
  CHECK(run.start().wait().exit_code == 0);
  CHECK(run.output() == (home / "script").string() + "|one two\n");
}

TEST_CASE("A script that truncates its stdout leaves no hole, and what follows is whole") {
  temporary_directory home;
  test_run run{home, R"([{"text":"before"},{"truncate_stdout":true},{"text":"after"}])"};
  const auto record = run.start().wait();
  const auto output = run.output();
  CHECK(output.find('\0') == std::string::npos);
  CHECK(output.find("before") == std::string::npos); // by the script, and nobody can keep it from that
  CHECK(run.result()["result"] == "after");
  CHECK(record.output_end == output.size());
}

TEST_CASE("Fifty keepers at once keep fifty runs apart") {
  temporary_directory home;
  const auto program = keeper_program::open(KEEPER_PROGRAM);
  REQUIRE(program);
  std::vector<std::unique_ptr<test_run>> runs;
  for (int i = 0; i < 50; ++i)
    runs.push_back(std::make_unique<test_run>(home));
  std::atomic<std::size_t> next{0};
  std::vector<std::thread> threads;
  std::vector<std::optional<launched_run>> launched(runs.size());
  for (int t = 0; t < 5; ++t)
    threads.emplace_back([&] {
      for (std::size_t i = next++; i < runs.size(); i = next++)
        if (auto one = launch(*program, runs[i]->directory(), runs[i]->order, "prompt " + std::to_string(i), "{}"))
          launched[i] = std::move(*one);
    });
  for (auto& thread : threads)
    thread.join();
  for (std::size_t i = 0; i < runs.size(); ++i) {
    REQUIRE(launched[i]);
    reap_keeper(launched[i]->keeper);
    const auto record = read_exit_record(runs[i]->directory());
    REQUIRE(record);
    REQUIRE(*record);
    CHECK((*record)->exit_code == 0);
    CHECK(runs[i]->result()["result"] == "prompt " + std::to_string(i));
  }
}

TEST_CASE("A run whose descriptors are over a limit that was lowered meanwhile is refused, not started without them") {
  temporary_directory home;
  const auto program = keeper_program::open(KEEPER_PROGRAM);
  REQUIRE(program);
  rlimit before{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
  std::vector<unique_fd> fillers; // so that the directory's descriptors have high numbers
  while (fillers.empty() || fillers.back().get() < 100)
    fillers.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  auto prepared = prepared_directory::make(home.path() / "spare");
  REQUIRE(prepared);
  fillers.clear();
  test_run run{home};
  rlimit lowered = before;
  lowered.rlim_cur = 100;
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &lowered) == 0);
  const auto launched = launch(*program, home.path() / "run", run.order, "the prompt", "{}", std::move(*prepared));
  REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
  REQUIRE_FALSE(launched);
  CHECK(launched.error().kind == fault_kind::io);
  CHECK_FALSE(std::filesystem::exists(home.path() / "run"));
}
