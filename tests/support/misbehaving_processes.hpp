#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

/// Files, signals and other processes of the stand-in CLI (misbehaving_cli.cpp). Failures are left alone: it is a test
/// that asked for them, and that notices.
namespace stand_in {

using json = nlohmann::ordered_json;

/// How it was called.
struct invocation {
  std::vector<std::string> argv;
  std::string prompt;
  std::string session = "00000000-0000-4000-8000-000000000000";
  bool fresh_session_asked = false;
  json started_with; ///< what `record` writes
};

void write_all(int fd, std::string_view bytes);
std::string read_whole(int fd);
void wait_ms(long ms);
[[noreturn]] void wait_for_ever();

/// One write to the end of a file, which is created when there is none.
void append_line(const std::string& path, const std::string& line);
/// By a draft and a rename: who sees the file sees all of it.
void write_whole_file(const std::string& path, const std::string& content);

/// From a number, or a name like `SIGINT`.
int signal_number(const json& value);
void set_signal(int number, void (*handler)(int));
void ignore_all(const json& signals);

/// What `record` writes. To be asked before this program handles any signal.
json started_with(const invocation& call);

/// The steps `child`, `forker` and `run`.
void start_child(const json& wanted);
void start_forker(long generation_ms);
std::string run_command(const std::string& command);

} // namespace stand_in
