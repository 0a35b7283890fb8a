#include "actors/run/keeper_program.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "actors/run/descriptor_io.hpp"

namespace agent_dispatch {

namespace {

/// Above what a child is given, so that putting one descriptor in place never covers another.
constexpr int lowest_spare_fd = 6;

/// `fd` itself or, when it is one of the low numbers, a copy above them.
expected<unique_fd> above_reserved(unique_fd fd) {
  if (fd.get() >= lowest_spare_fd)
    return fd;
  unique_fd copy{::fcntl(fd.get(), F_DUPFD_CLOEXEC, lowest_spare_fd)};
  if (!copy)
    return io_failure("cannot copy", "a descriptor", errno);
  return copy;
}

class spawn_attributes {
public:
  spawn_attributes() {
    sigset_t signals;
    ::posix_spawnattr_init(&attributes_);
    sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  }
  ~spawn_attributes() { ::posix_spawnattr_destroy(&attributes_); }
  spawn_attributes(const spawn_attributes&) = delete;
  spawn_attributes& operator=(const spawn_attributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

private:
  posix_spawnattr_t attributes_;
};

class spawn_actions {
public:
  spawn_actions() { ::posix_spawn_file_actions_init(&actions_); }
  ~spawn_actions() { ::posix_spawn_file_actions_destroy(&actions_); }
  spawn_actions(const spawn_actions&) = delete;
  spawn_actions& operator=(const spawn_actions&) = delete;
  /// errno, or 0. A number that is not below the limit for descriptors, lowered since, cannot be placed.
  int place(int from, int to) { return ::posix_spawn_file_actions_adddup2(&actions_, from, to); }
  void null(int fd) { ::posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0); }
  const posix_spawn_file_actions_t* get() const { return &actions_; }

private:
  posix_spawn_file_actions_t actions_;
};

} // namespace

expected<keeper_program> keeper_program::open(const std::filesystem::path& path) {
  unique_fd file{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (!file)
    return io_failure("cannot open the keeper", path.string(), errno);
  struct stat info {};
  if (::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode) || (info.st_mode & 0111U) == 0)
    return failure(fault_kind::io, path.string() + " is not an executable file: install agent-dispatch again.");
  auto above = above_reserved(std::move(file));
  if (!above)
    return tl::unexpected(above.error());
  return keeper_program{std::move(*above)};
}

expected<pid_t> keeper_program::start(std::vector<std::string> arguments, std::vector<placed_fd> descriptors) const {
  std::vector<unique_fd> copies;
  for (auto& each : descriptors) {
    if (each.ours >= lowest_spare_fd)
      continue;
    copies.emplace_back(::fcntl(each.ours, F_DUPFD_CLOEXEC, lowest_spare_fd));
    if (!copies.back())
      return io_failure("cannot copy", "a descriptor", errno);
    each.ours = copies.back().get();
  }
  spawn_actions actions;
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    actions.null(standard);
  for (const auto& [ours, theirs] : descriptors)
    if (actions.place(ours, theirs) != 0)
      return io_failure("cannot pass on", "a descriptor", EMFILE);
  const spawn_attributes attributes;
  const std::string path = "/proc/self/fd/" + std::to_string(fd());
  std::string search_path = "PATH=/usr/local/bin:/usr/bin:/bin";
  const std::array<char*, 2> environment{search_path.data(), nullptr};
  std::vector<char*> argv;
  std::transform(arguments.begin(), arguments.end(), std::back_inserter(argv), [](auto& word) { return word.data(); });
  argv.push_back(nullptr);
  pid_t started = -1;
  const int error =
      ::posix_spawn(&started, path.c_str(), actions.get(), attributes.get(), argv.data(), environment.data());
  if (error != 0)
    return io_failure("cannot start", "agent-dispatch-run", error);
  return started;
}

void reap_keeper(pid_t keeper) {
  if (keeper <= 0)
    return;
  while (::waitpid(keeper, nullptr, 0) < 0 && errno == EINTR) {
  }
}

expected<unique_fd> hold_in_memory(const char* name, std::string_view bytes) {
  int error = 0;
  unique_fd file = make_sealed_file(name, bytes, error);
  if (!file)
    return io_failure("cannot hold in memory", name, error);
  return file;
}

} // namespace agent_dispatch
