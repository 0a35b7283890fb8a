#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "actors/run/launch.hpp"

namespace agent_dispatch::test {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What nothing in these tests may take longer than.
inline constexpr auto patience = seconds{30};

/// A directory of its own under the system's temporary directory, gone at the end.
class temporary_directory {
public:
  temporary_directory();
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

private:
  std::filesystem::path path_;
};

/// Looks every 2 ms until it is so. False when it is not after `patience`.
bool wait_until(const std::function<bool()>& is_so);

std::string read_file(const std::filesystem::path& path);
void write_file(const std::filesystem::path& path, std::string_view content);

/// Whether a process is there and not a zombie.
bool is_running(pid_t pid);

/// Waits until the file holds a number.
pid_t wait_for_pid(const std::filesystem::path& file);

/// Lines of a stdout that are JSON objects.
std::vector<nlohmann::json> events(std::string_view output);

/// The last event of a type; null when there is none.
nlohmann::json last_event(std::string_view output, std::string_view type);

/// One run of the stand-in CLI through `launch`. Ends what it has started.
class test_run {
public:
  /// Changes `order` as a test likes before `start`.
  explicit test_run(const temporary_directory& home, std::string_view script = "");
  ~test_run();
  test_run(const test_run&) = delete;
  test_run& operator=(const test_run&) = delete;

  launch_order order;
  std::string prompt = "the prompt";

  /// Fails the test when the launch fails.
  test_run& start(const std::filesystem::path& keeper = KEEPER_PROGRAM);
  expected<launched_run> try_start(const std::filesystem::path& keeper = KEEPER_PROGRAM);

  /// Waits for the keeper's end, reaps it and gives its exit status as waitpid has it.
  int wait_for_keeper();
  /// The same, and the exit record, which must be there.
  exit_record wait();

  const std::filesystem::path& directory() const { return directory_; }
  std::string output() const { return read_file(directory_ / "stdout"); }
  nlohmann::json result() const { return last_event(output(), "result"); }
  int control() const { return run_->control.get(); }
  pid_t keeper() const { return run_->keeper; }

private:
  std::filesystem::path directory_;
  std::optional<launched_run> run_;
  std::optional<int> keeper_status_;
};

/// Processes of any run of this test program that still live.
int processes_left();

} // namespace agent_dispatch::test
