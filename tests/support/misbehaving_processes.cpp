#include "tests/support/misbehaving_processes.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>

#include <dirent.h>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace stand_in {

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR)
      return; // the real one goes on without an output, too
    bytes.remove_prefix(static_cast<std::size_t>(written < 0 ? 0 : written));
  }
}

void wait_ms(long ms) {
  timespec left{ms / 1000, (ms % 1000) * 1'000'000};
  while (::nanosleep(&left, &left) < 0 && errno == EINTR) {
  }
}

[[noreturn]] void wait_for_ever() {
  for (;;)
    ::pause();
}

std::string read_whole(int fd) {
  std::string text;
  std::array<char, 65536> chunk{};
  for (;;) {
    const ssize_t size = ::read(fd, chunk.data(), chunk.size());
    if (size < 0 && errno == EINTR)
      continue;
    if (size <= 0)
      return text;
    text.append(chunk.data(), static_cast<std::size_t>(size));
  }
}

namespace {

std::string read_file(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return {};
  std::string text = read_whole(fd);
  ::close(fd);
  return text;
}

} // namespace

void append_line(const std::string& path, const std::string& line) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  write_all(fd, line + '\n');
  ::close(fd);
}

void write_whole_file(const std::string& path, const std::string& content) {
  const std::string draft = path + ".part";
  const int fd = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  write_all(fd, content);
  ::close(fd);
  std::rename(draft.c_str(), path.c_str());
}

int signal_number(const json& value) {
  if (value.is_number())
    return value.get<int>();
  const std::map<std::string, int> numbers{{"SIGHUP", SIGHUP},   {"SIGINT", SIGINT},   {"SIGQUIT", SIGQUIT},
                                           {"SIGABRT", SIGABRT}, {"SIGKILL", SIGKILL}, {"SIGSEGV", SIGSEGV},
                                           {"SIGPIPE", SIGPIPE}, {"SIGTERM", SIGTERM}, {"SIGUSR1", SIGUSR1}};
  return numbers.at(value.get<std::string>());
}

void set_signal(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  ::sigaction(number, &action, nullptr);
}

void ignore_all(const json& signals) {
  for (const auto& name : signals)
    set_signal(signal_number(name), SIG_IGN);
}

namespace {

void default_signals() {
  set_signal(SIGINT, SIG_DFL);
  set_signal(SIGTERM, SIG_DFL);
}

json descriptors() {
  json list = json::object();
  DIR* directory = ::opendir("/proc/self/fd");
  while (const dirent* entry = directory == nullptr ? nullptr : ::readdir(directory)) {
    const int fd = std::atoi(entry->d_name);
    if (entry->d_name[0] == '.' || fd == ::dirfd(directory))
      continue;
    std::array<char, 512> target{};
    const std::string path = std::string{"/proc/self/fd/"} + entry->d_name;
    const ssize_t size = ::readlink(path.c_str(), target.data(), target.size());
    const std::string name(target.data(), static_cast<std::size_t>(size < 0 ? 0 : size));
    const int flags = ::fcntl(fd, F_GETFL);
    list[entry->d_name] = {{"target", name},
                           {"append", (flags & O_APPEND) != 0},
                           {"nonblocking", (flags & O_NONBLOCK) != 0},
                           {"access", flags & O_ACCMODE}};
  }
  if (directory != nullptr)
    ::closedir(directory);
  return list;
}

json limit_of(__rlimit_resource_t resource) {
  rlimit limit{};
  ::getrlimit(resource, &limit);
  return {limit.rlim_cur, limit.rlim_max};
}

json status_fields() {
  json fields = json::object();
  const std::string text = read_file("/proc/self/status");
  for (const char* name : {"SigBlk", "SigIgn"}) {
    const auto at = text.find(std::string{name} + ":\t");
    if (at != std::string::npos)
      fields[name] = text.substr(at + 8, text.find('\n', at) - at - 8);
  }
  return fields;
}

} // namespace

json started_with(const invocation& call) {
  json environment = json::array();
  for (char** entry = ::environ; *entry != nullptr; ++entry)
    environment.push_back(*entry);
  std::array<char, 4096> directory{};
  const mode_t mask = ::umask(0);
  ::umask(mask);
  return {{"argv", call.argv},
          {"environment", environment},
          {"stdin", call.prompt},
          {"directory", ::getcwd(directory.data(), directory.size()) == nullptr ? "" : directory.data()},
          {"umask", mask},
          {"descriptors", descriptors()},
          {"pid", ::getpid()},
          {"parent", ::getppid()},
          {"session", ::getsid(0)},
          {"group", ::getpgrp()},
          {"oom_score_adj", std::atoi(read_file("/proc/self/oom_score_adj").c_str())},
          {"signals", status_fields()},
          {"limits", {{"core", limit_of(RLIMIT_CORE)}, {"nofile", limit_of(RLIMIT_NOFILE)}}}};
}

namespace {

/// For as long as the process lives, as a supervisor and a keeper do.
void hold_lock(const std::string& path) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  ::fcntl(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), F_OFD_SETLK, &lock);
}

void sleep_as(const json& wanted) {
  default_signals();
  if (wanted.value("new_session", false))
    ::setsid();
  if (wanted.value("double_fork", false) && ::fork() > 0)
    ::_exit(0);
  if (wanted.contains("ignore"))
    ignore_all(wanted["ignore"]);
  if (wanted.value("close_output", false)) {
    ::close(STDOUT_FILENO);
    ::close(STDERR_FILENO);
  }
  if (wanted.contains("name"))
    ::prctl(PR_SET_NAME, wanted["name"].get_ref<const std::string&>().c_str());
  if (wanted.contains("lock"))
    hold_lock(wanted["lock"].get<std::string>());
  const std::string seconds = std::to_string(wanted.value("seconds", 60));
  if (wanted.contains("pid_file"))
    write_whole_file(wanted["pid_file"].get<std::string>(), std::to_string(::getpid()));
  if (wanted.value("clear_environment", false)) {
    const char* none[] = {nullptr};
    ::execle("/proc/self/exe", "claude", "--stand-in-sleep", seconds.c_str(), nullptr, none);
  }
  wait_ms(1000 * std::stol(seconds));
  ::_exit(0);
}

} // namespace

void start_child(const json& wanted) {
  const pid_t child = ::fork();
  if (child == 0)
    sleep_as(wanted);
  if (wanted.value("double_fork", false))
    ::waitpid(child, nullptr, 0);
}

void start_forker(long generation_ms) {
  if (::fork() != 0)
    return;
  default_signals();
  ::setsid();
  // Not for ever: a test that fails to end it must not bring the machine down.
  const std::time_t last = std::time(nullptr) + 20;
  while (std::time(nullptr) < last) {
    wait_ms(generation_ms);
    if (::fork() != 0)
      ::_exit(0); // a fork that fails ends it, too
  }
  ::_exit(0);
}

std::string run_command(const std::string& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) < 0)
    return {};
  const pid_t child = ::fork();
  if (child == 0) {
    default_signals();
    ::setsid();
    ::dup2(ends[1], STDOUT_FILENO);
    ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  std::string output = read_whole(ends[0]);
  ::close(ends[0]);
  ::waitpid(child, nullptr, 0);
  while (!output.empty() && output.back() == '\n')
    output.pop_back();
  return output;
}

} // namespace stand_in
