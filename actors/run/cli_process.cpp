#include "actors/run/cli_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <linux/close_range.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "actors/run/descriptor_io.hpp"

namespace agent_dispatch {

namespace {

constexpr int oom_bonus = 500;
constexpr int highest_oom_score_adj = 1000;

struct failure_message {
  char step[24];
  int error;
};

/// In the child, when the keeper can only be told.
[[noreturn]] void give_up(int failure_fd, const char* step) {
  failure_message message{};
  message.error = errno;
  std::strncpy(message.step, step, sizeof message.step - 1);
  write_all(failure_fd, {reinterpret_cast<const char*>(&message), sizeof message});
  ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (const auto& text : texts)
    result.push_back(const_cast<char*>(text.c_str())); // execve does not write
  result.push_back(nullptr);
  return result;
}

/// When memory runs out, an agent goes before its keeper and before the rest of the machine.
void prefer_for_oom() {
  const unique_fd file{::open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC)};
  char text[16] = {};
  if (!file || ::read(file.get(), text, sizeof text - 1) <= 0)
    return;
  const int size = std::snprintf(text, sizeof text, "%d", std::min(std::atoi(text) + oom_bonus, highest_oom_score_adj));
  ::pwrite(file.get(), text, static_cast<std::size_t>(size), 0);
}

void apply(const resource_limit& limit) {
  rlimit now{};
  const auto resource = static_cast<__rlimit_resource_t>(limit.resource);
  if (::getrlimit(resource, &now) < 0)
    return;
  rlimit wanted{limit.soft, limit.hard};
  if (::setrlimit(resource, &wanted) == 0)
    return;
  // The caller may have been allowed more than the supervisor is: as much as can be given, then.
  wanted.rlim_max = std::min(wanted.rlim_max, now.rlim_max);
  wanted.rlim_cur = std::min(wanted.rlim_cur, wanted.rlim_max);
  ::setrlimit(resource, &wanted);
}

/// By the system call: posix_spawn leaves libc's own two signals ignored, and sigaction refuses to touch them.
void reset_signals() {
  const unsigned char zeros[128] = {}; // the kernel's struct sigaction with SIG_DFL, on every architecture
  for (int number = 1; number < NSIG; ++number)
    ::syscall(SYS_rt_sigaction, number, zeros, nullptr, (NSIG - 1) / 8);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

/// As execvp does it, so that a script without `#!` runs as it does from a shell.
void execute(const launch_order& order, const std::vector<char*>& argv, const std::vector<char*>& environment) {
  ::execve(order.program.c_str(), argv.data(), environment.data());
  if (errno != ENOEXEC)
    return;
  std::vector<char*> shell{const_cast<char*>("/bin/sh"), const_cast<char*>(order.program.c_str())};
  shell.insert(shell.end(), argv.begin() + 1, argv.end());
  ::execve("/bin/sh", shell.data(), environment.data());
  errno = ENOEXEC;
}

[[noreturn]] void become_cli(const launch_order& order, int output_fd, int error_fd, int failure_fd, pid_t keeper) {
  ::setsid(); // cannot fail: a fresh child leads no group
  if (::prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
    give_up(failure_fd, "prctl");
  if (::getppid() != keeper) // it died before the kernel was asked to tell
    ::_exit(127);
  // /proc/self belongs to root while this process is as its keeper. What execve starts is dumpable in any case.
  ::prctl(PR_SET_DUMPABLE, 1);
  prefer_for_oom();
  const auto argv = pointers(order.argv);
  const auto environment = pointers(order.environment);
  ::umask(order.umask & 0777);
  if (::dup2(output_fd, STDOUT_FILENO) < 0 || ::dup2(error_fd, STDERR_FILENO) < 0)
    give_up(failure_fd, "dup2");
  ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC); // all are CLOEXEC already, where this call is unknown
  if (::chdir(order.directory.c_str()) < 0)
    give_up(failure_fd, "chdir");
  for (const auto& limit : order.limits)
    apply(limit);
  reset_signals();
  execute(order, argv, environment);
  give_up(failure_fd, "execve");
}

} // namespace

std::optional<start_failure> cli_process::start(const launch_order& order, int output_fd, int error_fd) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
    return start_failure{"pipe", errno};
  failure_pipe_.reset(ends[0]);
  const unique_fd write_end{ends[1]};
  const pid_t keeper = ::getpid();
  const pid_t child = ::fork();
  if (child < 0)
    return start_failure{"fork", errno};
  if (child == 0)
    become_cli(order, output_fd, error_fd, write_end.get(), keeper);
  pid_ = child;
  gone_ = false;
  return std::nullopt;
}

void cli_process::signal_group(int signal_number) const {
  if (gone_)
    return;
  // Its group exists as soon as it has called setsid; until it is reaped, neither number can be another's.
  const pid_t target = ::kill(-pid_, 0) == 0 ? -pid_ : pid_;
  ::kill(target, signal_number);
  ::kill(target, SIGCONT);
}

bool cli_process::reap() {
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended <= 0)
      return gone_;
    if (ended == pid_) {
      gone_ = true;
      status_ = status;
    }
  }
}

std::optional<start_failure> cli_process::start_failed() const {
  failure_message message{};
  const ssize_t size = ::read(failure_pipe_.get(), &message, sizeof message);
  if (size != static_cast<ssize_t>(sizeof message))
    return std::nullopt;
  return start_failure{message.step, message.error};
}

} // namespace agent_dispatch
