#include "actors/run/control.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <ctime>
#include <optional>

#include <unistd.h>

namespace agent_dispatch {

namespace {

constexpr std::size_t longest_line = 64;
constexpr std::string_view cancel_word = "cancel";
constexpr std::string_view extend_word = "extend ";
/// A year: more is a mistake, and less than overflows a clock.
constexpr std::int64_t longest_extension_ms = 31'536'000'000;

/// A FIFO without a reader raises SIGPIPE, and there is no flag against it as sockets have one.
int write_without_sigpipe(int fd, std::string_view line) {
  sigset_t pipe_signal;
  sigset_t before;
  sigset_t pending;
  sigemptyset(&pipe_signal);
  sigaddset(&pipe_signal, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
  const ssize_t written = ::write(fd, line.data(), line.size());
  const int error = written < 0 ? errno : 0;
  if (error == EPIPE && sigismember(&pending, SIGPIPE) == 0) {
    const timespec at_once{};
    while (sigtimedwait(&pipe_signal, nullptr, &at_once) < 0 && errno == EINTR) {
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

expected<void> send(int fd, std::string_view line) {
  switch (const int error = write_without_sigpipe(fd, line); error) {
  case 0:
    return {};
  case EPIPE:
    return failure(fault_kind::lost, "The run's keeper is gone: it takes no more commands.");
  case EAGAIN:
    return failure(fault_kind::io, "The run's keeper does not read its commands: the FIFO is full.");
  default:
    return io_failure("cannot send", "a command to the run's keeper", error);
  }
}

std::optional<control_command> parse(std::string_view line) {
  if (line == cancel_word)
    return control_command{};
  if (line.substr(0, extend_word.size()) != extend_word)
    return std::nullopt;
  line.remove_prefix(extend_word.size());
  std::int64_t more = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), more);
  if (error != std::errc{} || end != line.data() + line.size() || more <= 0 || more > longest_extension_ms)
    return std::nullopt;
  return control_command{control_kind::extend, std::chrono::milliseconds{more}};
}

} // namespace

expected<void> send_cancel(int control_fd) { return send(control_fd, "cancel\n"); }

expected<void> send_extend(int control_fd, std::chrono::milliseconds more) {
  if (more.count() <= 0 || more.count() > longest_extension_ms)
    return failure(fault_kind::invalid_argument, "A deadline can be moved by 1 ms to 365 days.");
  return send(control_fd, std::string{extend_word}.append(std::to_string(more.count())).append("\n"));
}

std::vector<control_command> control_reader::feed(std::string_view bytes) {
  std::vector<control_command> commands;
  for (const char c : bytes) {
    if (c != '\n') {
      overlong_ = overlong_ || line_.size() >= longest_line;
      if (!overlong_)
        line_ += c;
      continue;
    }
    if (const auto command = parse(line_); command && !overlong_)
      commands.push_back(*command);
    line_.clear();
    overlong_ = false;
  }
  return commands;
}

} // namespace agent_dispatch
