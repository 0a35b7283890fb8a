#include "frontends/client/start_supervisor.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "frontends/client/link_text.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// The descriptor under which the supervisor finds its lifeline.
constexpr int lifeline_number = 3;

/// The number of the first descriptor that a service is handed: SD_LISTEN_FDS_START of systemd.
constexpr int first_handed_over = 3;

fs::path daemon_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path() / "agent-dispatchd";
}

/// Next to nothing: what is in here would live on in /proc for as long as the supervisor does.
std::vector<std::string> minimal_environment() {
  std::vector<std::string> environment{"PATH=/usr/local/bin:/usr/bin:/bin"};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  for (const auto* name : {"ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS", "LSAN_OPTIONS"})
    if (const auto* value = std::getenv(name))
      environment.push_back(std::string{name} + "=" + value);
#endif
  return environment;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts)
    pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Everything posix_spawn needs, released at the end of a scope.
class spawn_setup {
public:
  explicit spawn_setup(int lifeline) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, lifeline, lifeline_number);
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO})
      posix_spawn_file_actions_addopen(&actions_, fd, "/dev/null", O_RDWR, 0);
    posix_spawnattr_init(&attributes_);
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
  }
  ~spawn_setup() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }
  spawn_setup(const spawn_setup&) = delete;
  spawn_setup& operator=(const spawn_setup&) = delete;

  const posix_spawn_file_actions_t* actions() const { return &actions_; }
  const posix_spawnattr_t* attributes() const { return &attributes_; }

private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

tl::unexpected<fault> not_started(std::string why) {
  return failure(fault_kind::supervisor_missing, "the supervisor could not be started: " + std::move(why));
}

/// What the supervisor says on its lifeline: one line.
expected<std::string> read_word(int lifeline, std::chrono::steady_clock::time_point until, const fs::path& log) {
  std::string word;
  std::array<char, 512> buffer{};
  while (word.find('\n') == std::string::npos) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd waiting{lifeline, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready < 0 && errno == EINTR)
      continue;
    if (ready <= 0)
      return not_started(link_text::late_word(log.native()));
    const auto count = ::read(lifeline, buffer.data(), buffer.size());
    if (count <= 0) // killed, or it would have said why: worth another try
      return failure(fault_kind::lost, not_started(link_text::ended_without_a_word(log.native())).value().message);
    word.append(buffer.data(), static_cast<std::size_t>(count));
  }
  word.pop_back();
  return word;
}

} // namespace

expected<started_supervisor> start_supervisor(daemon_options options, std::chrono::steady_clock::time_point until) {
  std::array<int, 2> pair{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0)
    return io_failure("making a socket for", "the supervisor", errno);
  unique_fd ours{pair[0]};
  unique_fd theirs{pair[1]};
  // dup2 onto its own number would leave it CLOEXEC.
  if (theirs.get() == lifeline_number)
    theirs.reset(::fcntl(theirs.get(), F_DUPFD_CLOEXEC, lifeline_number + 1));
  options.lifeline = lifeline_number;
  const auto program = daemon_path();
  auto arguments = daemon_arguments(options);
  arguments.insert(arguments.begin(), "agent-dispatchd");
  auto environment = minimal_environment();
  const spawn_setup setup{theirs.get()};
  pid_t child = -1;
  const int problem = ::posix_spawn(&child, program.c_str(), setup.actions(), setup.attributes(),
                                    pointers_to(arguments).data(), pointers_to(environment).data());
  if (problem != 0)
    return not_started("executing " + program.native() + ": " + std::strerror(problem) +
                       "; it belongs beside agent-dispatch, install both again");
  theirs.reset();
  if (options.life == supervisor_life::detached)
    ::waitpid(child, nullptr, 0); // the process that detaches; the supervisor is its child
  const auto word = read_word(ours.get(), until, options.where.log());
  if (!word)
    return tl::unexpected(word.error());
  if (*word == "ready")
    return started_supervisor{true, options.life == supervisor_life::embedded ? std::move(ours) : unique_fd{}};
  if (*word == "held")
    return started_supervisor{false, {}};
  return not_started(word->starts_with("error: ") ? word->substr(std::strlen("error: ")) : *word);
}

expected<service_sockets> find_service_sockets(const environment_lookup& environment) {
  service_sockets found;
  if (const auto notify = environment("NOTIFY_SOCKET"); notify && !notify->empty())
    found.notify = *notify;
  if (environment("LISTEN_PID") != std::to_string(::getpid()))
    return found; // there are none, or they were for another process
  if (environment("LISTEN_FDS") != "1")
    return failure(fault_kind::invalid_argument, "a supervisor takes one listening socket, and " +
                                                     environment("LISTEN_FDS").value_or("none") +
                                                     " were handed to it; see the [Socket] section of the unit: "
                                                     "systemctl --user cat agent-dispatch.socket");
  found.listening = first_handed_over;
  return found;
}

fault become_supervisor(daemon_options options) {
  options.life = supervisor_life::foreground;
  const auto program = daemon_path();
  auto arguments = daemon_arguments(options);
  arguments.insert(arguments.begin(), "agent-dispatchd");
  auto environment = minimal_environment();
  ::execve(program.c_str(), pointers_to(arguments).data(), pointers_to(environment).data());
  return not_started("executing " + program.native() + ": " + std::strerror(errno) +
                     "; it belongs beside agent-dispatch, install both again")
      .value();
}

} // namespace agent_dispatch
