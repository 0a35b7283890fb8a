/// Times other programs from a process that is small itself, so that its own fork is no part of what is measured.
///
///     stopwatch run COMMAND…               from the start to the exit; stdout goes to /dev/null
///     stopwatch answer LINE COMMAND…       from the start until the answer to LINE, a line of its stdout, was read
///     stopwatch many COUNT WIDTH COMMAND…  COUNT times, WIDTH at once, until the last one has ended
///
/// Prints nanoseconds. Exit 1 when a program failed or did not answer.

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

using steady = std::chrono::steady_clock;

[[noreturn]] void fail(const char* what) {
  std::fprintf(stderr, "stopwatch: %s\n", what);
  std::exit(1);
}

pid_t start(char** command, int input, int output) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  if (::posix_spawnp(&child, command[0], &actions, nullptr, command, environ) != 0)
    fail("the program could not be started");
  ::posix_spawn_file_actions_destroy(&actions);
  return child;
}

void wait_for(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, 0) < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    fail("the program failed");
}

int nothing() {
  const int fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  return fd < 0 ? (fail("/dev/null"), -1) : fd;
}

void print_since(steady::time_point begin) {
  std::printf("%lld\n", static_cast<long long>(
                            std::chrono::duration_cast<std::chrono::nanoseconds>(steady::now() - begin).count()));
}

void time_run(char** command) {
  const int null = nothing();
  const auto begin = steady::now();
  wait_for(start(command, null, null));
  print_since(begin);
}

void time_answer(const std::string& line, char** command) {
  int input[2];
  int output[2];
  if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
    fail("pipe");
  const auto begin = steady::now();
  const pid_t child = start(command, input[0], output[1]);
  ::close(input[0]);
  ::close(output[1]);
  const auto asked = line + "\n";
  if (::write(input[1], asked.data(), asked.size()) != static_cast<ssize_t>(asked.size()))
    fail("the program does not read");
  char answer[1 << 16];
  for (bool is_whole = false; !is_whole;) {
    const auto got = ::read(output[0], answer, sizeof answer);
    if (got <= 0)
      fail("the program did not answer");
    is_whole = std::memchr(answer, '\n', static_cast<std::size_t>(got)) != nullptr;
  }
  print_since(begin);
  ::close(input[1]);
  int ignored = 0;
  ::waitpid(child, &ignored, 0);
}

void time_many(int count, int width, char** command) {
  const int null = nothing();
  const auto begin = steady::now();
  int live = 0;
  while (count > 0 || live > 0) {
    if (count > 0 && live < width) {
      start(command, null, null);
      --count;
      ++live;
    } else {
      wait_for(-1);
      --live;
    }
  }
  print_since(begin);
}

} // namespace

int main(int argc, char** argv) {
  const std::string how = argc > 2 ? argv[1] : "";
  if (how == "run")
    time_run(argv + 2);
  else if (how == "answer" && argc > 3)
    time_answer(argv[2], argv + 3);
  else if (how == "many" && argc > 4)
    time_many(std::atoi(argv[2]), std::atoi(argv[3]), argv + 4);
  else
    fail("usage: run COMMAND… | answer LINE COMMAND… | many COUNT WIDTH COMMAND…");
}
