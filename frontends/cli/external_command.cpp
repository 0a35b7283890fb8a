#include "frontends/cli/external_command.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontends/cli/private_process.hpp"

extern char** environ;

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t most_output = 64u << 10;

/// Both ends of a pipe, closed on exec.
struct pipe_ends {
  std::array<int, 2> ends{-1, -1};
  int error = 0;

  pipe_ends() { error = ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : errno; }
  pipe_ends(const pipe_ends&) = delete;
  pipe_ends& operator=(const pipe_ends&) = delete;
  ~pipe_ends() {
    close(0);
    close(1);
  }
  void close(std::size_t which) {
    if (ends[which] >= 0)
      ::close(ends[which]);
    ends[which] = -1;
  }
};

/// What posix_spawn takes, released on every path.
class spawn_plan {
public:
  explicit spawn_plan(int output) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    posix_spawnattr_init(&attributes_);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  spawn_plan(const spawn_plan&) = delete;
  spawn_plan& operator=(const spawn_plan&) = delete;
  ~spawn_plan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }

  /// 0, or an errno.
  int start(const std::filesystem::path& program, const std::vector<std::string>& arguments, pid_t& child) const {
    std::vector<std::string> words{program.native()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (auto& word : words)
      pointers.push_back(word.data());
    pointers.push_back(nullptr);
    const auto ours = ::umask(inherited().umask); // which the program inherits
    const int error = ::posix_spawn(&child, program.c_str(), &actions_, &attributes_, pointers.data(), environ);
    ::umask(ours);
    return error;
  }

private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// Takes what is there now. False when nothing more can come.
bool drain(int fd, std::string& output) {
  std::array<char, 4096> buffer{};
  for (;;) {
    const auto count = ::read(fd, buffer.data(), buffer.size());
    if (count == 0)
      return false;
    if (count < 0)
      return errno == EAGAIN || errno == EINTR;
    output.append(buffer.data(), std::min(static_cast<std::size_t>(count), most_output - output.size()));
  }
}

/// True when the child has ended; it is reaped then.
bool has_ended(pid_t child, command_outcome& outcome) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) == 0)
    return false;
  if (WIFEXITED(status))
    outcome.exit_code = WEXITSTATUS(status);
  return true;
}

} // namespace

command_outcome run_command(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                            std::chrono::milliseconds limit) {
  command_outcome outcome;
  pipe_ends pipe;
  pid_t child = -1;
  outcome.start_errno = pipe.error != 0 ? pipe.error : spawn_plan{pipe.ends[1]}.start(program, arguments, child);
  if (outcome.start_errno != 0)
    return outcome;
  pipe.close(1);
  const auto deadline = clock::now() + limit;
  bool open = true;
  while (!has_ended(child, outcome)) {
    if (!outcome.timed_out && clock::now() >= deadline) {
      outcome.timed_out = true;
      ::kill(-child, SIGKILL); // not reaped yet, so the group is still its own
    }
    pollfd wait{open ? pipe.ends[0] : -1, POLLIN, 0};
    ::poll(&wait, 1, 20);
    open = open && drain(pipe.ends[0], outcome.output);
  }
  drain(pipe.ends[0], outcome.output);
  return outcome;
}

std::optional<std::filesystem::path> find_program(std::string_view name, std::string_view path) {
  while (!path.empty()) {
    const auto end = std::min(path.find(':'), path.size());
    const std::filesystem::path candidate = std::filesystem::path{path.substr(0, end)} / name;
    path.remove_prefix(std::min(path.size(), end + 1));
    struct stat status {};
    if (candidate.is_absolute() && ::stat(candidate.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
        ::access(candidate.c_str(), X_OK) == 0)
      return candidate;
  }
  return std::nullopt;
}

} // namespace agent_dispatch
