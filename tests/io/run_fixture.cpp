#include "tests/io/run_fixture.hpp"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#define CATCH_CONFIG_EXTERNAL_INTERFACES // for the listener
#include <catch2/catch.hpp>

#include "actors/run/process_table.hpp"

namespace agent_dispatch::test {

namespace {

std::atomic<int> run_count{0};

/// Common to all runs of this program, so that what is left of any can be found.
std::string key_prefix() { return "io" + std::to_string(::getpid()) + '.'; }

} // namespace

temporary_directory::temporary_directory() {
  auto pattern = (std::filesystem::temp_directory_path() / "agent-dispatch-io-XXXXXX").string();
  REQUIRE(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

bool wait_until(const std::function<bool()>& is_so) {
  const auto give_up = std::chrono::steady_clock::now() + patience;
  while (!is_so()) {
    if (std::chrono::steady_clock::now() > give_up)
      return false;
    std::this_thread::sleep_for(milliseconds{2});
  }
  return true;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file{path, std::ios::binary};
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

void write_file(const std::filesystem::path& path, std::string_view content) {
  std::ofstream{path, std::ios::binary} << content;
}

bool is_running(pid_t pid) {
  for (const auto& process : read_process_table())
    if (process.pid == pid)
      return !process.ended;
  return false;
}

pid_t wait_for_pid(const std::filesystem::path& file) {
  REQUIRE(wait_until([&] { return std::atoi(read_file(file).c_str()) > 0; }));
  return std::atoi(read_file(file).c_str());
}

std::vector<nlohmann::json> events(std::string_view output) {
  std::vector<nlohmann::json> found;
  std::istringstream lines{std::string{output}};
  for (std::string line; std::getline(lines, line);)
    if (auto event = nlohmann::json::parse(line, nullptr, false); event.is_object())
      found.push_back(std::move(event));
  return found;
}

nlohmann::json last_event(std::string_view output, std::string_view type) {
  nlohmann::json last;
  for (auto& event : events(output))
    if (event.value("type", "") == type)
      last = std::move(event);
  return last;
}

test_run::test_run(const temporary_directory& home, std::string_view script) {
  const int number = ++run_count;
  order.run.value = key_prefix() + std::to_string(number) + ".0";
  order.program = STAND_IN_CLI;
  order.argv = {"claude", "-p", "--output-format", "stream-json", "--verbose"};
  order.environment = {"PATH=/usr/bin:/bin"};
  order.directory = home.path().string();
  order.deadline = seconds{60};
  order.grace = seconds{10};
  if (!script.empty())
    order.environment.push_back("STAND_IN_SCRIPT=" + std::string{script});
  directory_ = home / ("run" + std::to_string(number));
}

test_run::~test_run() {
  if (!run_ || keeper_status_)
    return;
  // A test has failed half-way: nothing of it may stay.
  ::kill(run_->keeper, SIGKILL);
  reap_keeper(run_->keeper);
  sweep_by_mark(order.run);
}

expected<launched_run> test_run::try_start(const std::filesystem::path& keeper) {
  const auto program = keeper_program::open(keeper);
  REQUIRE(program);
  return launch(*program, directory_, order, prompt, R"({"format":1})");
}

test_run& test_run::start(const std::filesystem::path& keeper) {
  auto launched = try_start(keeper);
  INFO((launched ? "" : launched.error().message));
  REQUIRE(launched);
  run_ = std::move(*launched);
  return *this;
}

int test_run::wait_for_keeper() {
  pollfd watched{run_->control.get(), 0, 0};
  const int reported = ::poll(&watched, 1, static_cast<int>(milliseconds{patience}.count()));
  REQUIRE(reported == 1);
  REQUIRE((watched.revents & POLLERR) != 0);
  int status = 0;
  REQUIRE(::waitpid(run_->keeper, &status, 0) == run_->keeper);
  keeper_status_ = status;
  return status;
}

exit_record test_run::wait() {
  const int status = wait_for_keeper();
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  const auto record = read_exit_record(directory_);
  INFO((record ? "" : record.error().message));
  REQUIRE(record);
  REQUIRE(*record);
  return **record;
}

int processes_left() {
  int left = 0;
  const auto mark = "AGENT_DISPATCH_RUN=" + key_prefix();
  for (int looks = 0; looks < 5 && left == 0; ++looks)
    visit_processes([&](const process_entry& process) {
      const auto environment = read_file("/proc/" + std::to_string(process.pid) + "/environ");
      const auto at = environment.find(mark);
      if (process.ended || at == std::string::npos)
        return;
      std::fprintf(stderr, "process %d (%s) is left over: %s\n", process.pid, process.name.c_str(),
                   environment.c_str() + at);
      ++left;
    });
  return left;
}

namespace {

/// A run that outlives its test is a defect, whatever the test says.
struct leak_listener : Catch::TestEventListenerBase {
  using TestEventListenerBase::TestEventListenerBase;
  void testRunEnded(const Catch::TestRunStats& stats) override {
    TestEventListenerBase::testRunEnded(stats);
    if (processes_left() > 0)
      std::_Exit(70);
  }
};

CATCH_REGISTER_LISTENER(leak_listener)

} // namespace

} // namespace agent_dispatch::test
