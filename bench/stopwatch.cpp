/// Times other programs from a process that is small itself, so that its own fork is no part of what is measured.
///
///     stopwatch run COMMAND…               from the start to the exit; stdout goes to /dev/null
///     stopwatch answer LINE COMMAND…       from the start until the answer to LINE, a line of its stdout, was read
///     stopwatch many COUNT WIDTH COMMAND…  COUNT times, WIDTH at once, until the last one has ended
///     stopwatch calls COUNT FIRST LINE COMMAND…  asks FIRST, then LINE once, and then LINE COUNT times, each when the
///     one
///                                          before was answered: those COUNT alone; messages with a method are no
///                                          answers
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

/// A program that is asked a line at a time.
class asked_program {
public:
  explicit asked_program(char** command) {
    int input[2];
    int output[2];
    if (::pipe2(input, O_CLOEXEC) != 0 || ::pipe2(output, O_CLOEXEC) != 0)
      fail("pipe");
    child_ = start(command, input[0], output[1]);
    ::close(input[0]);
    ::close(output[1]);
    to_ = input[1];
    from_ = output[0];
  }

  void ask(const std::string& line) {
    const auto asked = line + "\n";
    if (::write(to_, asked.data(), asked.size()) != static_cast<ssize_t>(asked.size()))
      fail("the program does not read");
    while (is_notification(read_line())) {
    }
  }

  void end() {
    ::close(to_);
    int ignored = 0;
    ::waitpid(child_, &ignored, 0);
  }

private:
  static bool is_notification(const std::string& line) {
    return line.substr(0, std::strlen("{'jsonrpc':'2.0','method'")).find("\"method\"") != std::string::npos;
  }

  std::string read_line() {
    std::size_t end = 0;
    while ((end = unread_.find('\n')) == std::string::npos) {
      char bytes[1 << 16];
      const auto got = ::read(from_, bytes, sizeof bytes);
      if (got <= 0)
        fail("the program did not answer");
      unread_.append(bytes, static_cast<std::size_t>(got));
    }
    auto line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    return line;
  }

  pid_t child_ = 0;
  int to_ = -1;
  int from_ = -1;
  std::string unread_;
};

void time_answer(const std::string& line, char** command) {
  const auto begin = steady::now();
  asked_program program{command};
  program.ask(line);
  print_since(begin);
  program.end();
}

void time_calls(int count, const std::string& first, const std::string& line, char** command) {
  asked_program program{command};
  program.ask(first);
  program.ask(line);
  const auto begin = steady::now();
  for (int number = 0; number < count; ++number)
    program.ask(line);
  print_since(begin);
  program.end();
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
  else if (how == "calls" && argc > 5)
    time_calls(std::atoi(argv[2]), argv[3], argv[4], argv + 5);
  else
    fail("usage: run COMMAND… | answer LINE COMMAND… | many COUNT WIDTH COMMAND… | calls COUNT FIRST LINE COMMAND…");
}
