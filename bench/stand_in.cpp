/// The agent's CLI as benchmarks need it: a process that costs next to nothing. Its prompt is the last argument, when
/// that is no option and no option's value, else standard input. `--output-format json` prints the result alone.
///
/// What the prompt may ask for, each with its argument up to the next blank:
///     sleep MS        waits before the result
///     stream BYTES    prints assistant events of about 1 kB, so many bytes in all
///     until PATH      waits until somebody opens this FIFO for writing
/// The text of the result is the time of its writing, CLOCK_MONOTONIC in nanoseconds: its end is microseconds later.

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <initializer_list>

namespace {

char prompt[4096];
char buffer[1 << 16];

bool takes_value(const char* option) {
  for (const char* name : {"--output-format", "--resume", "--session-id", "--max-budget-usd", "--model",
                           "--permission-mode", "--allowedTools", "--disallowedTools"})
    if (std::strcmp(option, name) == 0)
      return true;
  return false;
}

void write_all(const char* bytes, std::size_t size) {
  while (size > 0) {
    const auto written = ::write(STDOUT_FILENO, bytes, size);
    if (written <= 0)
      ::_exit(1);
    bytes += written;
    size -= static_cast<std::size_t>(written);
  }
}

const char* argument_of(const char* word) {
  const char* found = std::strstr(prompt, word);
  return found == nullptr ? nullptr : found + std::strlen(word);
}

void print_stream(long bytes) {
  static char line[1200];
  static char text[1000];
  std::memset(text, 'x', sizeof text - 1);
  const int size = std::snprintf(
      line, sizeof line,
      R"({"type":"assistant","message":{"role":"assistant","content":[{"type":"text","text":"%s"}]},"session_id":"s"})"
      "\n",
      text);
  const auto whole = static_cast<std::size_t>(size);
  std::size_t filled = 0;
  while (filled + whole <= sizeof buffer) {
    std::memcpy(buffer + filled, line, whole);
    filled += whole;
  }
  for (long written = 0; written < bytes; written += static_cast<long>(filled))
    write_all(buffer, filled);
}

void wait_for_writer(const char* begin) {
  char path[1024];
  const auto size = std::strcspn(begin, " \n");
  if (size >= sizeof path)
    ::_exit(64);
  std::memcpy(path, begin, size);
  path[size] = '\0';
  ::close(::open(path, O_RDONLY));
}

} // namespace

int main(int argc, char** argv) {
  const char* session = "s";
  bool is_stream = false;
  const char* last = nullptr;
  for (int at = 1; at < argc; ++at) {
    if (argv[at][0] != '-') {
      last = argv[at];
    } else if (takes_value(argv[at]) && at + 1 < argc) {
      if (std::strcmp(argv[at], "--session-id") == 0 || std::strcmp(argv[at], "--resume") == 0)
        session = argv[at + 1];
      is_stream = is_stream || std::strcmp(argv[at + 1], "stream-json") == 0;
      ++at;
    }
  }
  if (last != nullptr) {
    std::strncpy(prompt, last, sizeof prompt - 1);
  } else {
    std::size_t size = 0;
    for (ssize_t got = 0;
         size < sizeof prompt - 1 && (got = ::read(STDIN_FILENO, prompt + size, sizeof prompt - 1 - size)) > 0;)
      size += static_cast<std::size_t>(got);
  }
  if (is_stream) {
    const int size = std::snprintf(buffer, sizeof buffer,
                                   R"({"type":"system","subtype":"init","session_id":"%s"})"
                                   "\n",
                                   session);
    write_all(buffer, static_cast<std::size_t>(size));
  }
  if (const char* ms = argument_of("sleep ")) {
    const long wanted = std::atol(ms);
    const timespec pause{wanted / 1000, wanted % 1000 * 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  if (const char* path = argument_of("until "))
    wait_for_writer(path);
  if (const char* bytes = argument_of("stream "))
    print_stream(std::atol(bytes));
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  const int size = std::snprintf(
      buffer, sizeof buffer,
      R"({"type":"result","subtype":"success","is_error":false,"result":"%lld","session_id":"%s","total_cost_usd":0.01,"duration_ms":1,"num_turns":1,"permission_denials":[]})"
      "\n",
      static_cast<long long>(now.tv_sec) * 1'000'000'000 + now.tv_nsec, session);
  write_all(buffer, static_cast<std::size_t>(size));
  ::_exit(0);
}
