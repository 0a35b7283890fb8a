#include "actors/run/process_table.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

namespace {

struct directory_closer {
  void operator()(DIR* directory) const { ::closedir(directory); }
};
using directory_stream = std::unique_ptr<DIR, directory_closer>;

struct proc_path {
  char text[64];
  proc_path(pid_t pid, const char* file) { std::snprintf(text, sizeof text, "/proc/%d/%s", pid, file); }
};

/// Next number of a list separated by spaces.
template <class Number>
Number take_number(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  Number number{};
  const auto result = std::from_chars(text.data(), text.data() + text.size(), number);
  text.remove_prefix(static_cast<std::size_t>(result.ptr - text.data()));
  return number;
}

/// proc(5): pid (comm) state ppid …; comm may contain anything, so its end is the last parenthesis.
bool parse_stat(std::string_view text, process_entry& into) {
  const auto open = text.find('(');
  const auto close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open || close + 3 >= text.size())
    return false;
  into.name = text.substr(open + 1, close - open - 1);
  const char state = text[close + 2];
  text.remove_prefix(close + 3);
  into.parent = take_number<pid_t>(text);
  for (int field = 5; field < 20; ++field)
    take_number<long long>(text);
  const auto threads = take_number<long>(text); // field 20
  take_number<long long>(text);
  into.start_time = take_number<unsigned long long>(text); // field 22
  // A process whose first thread has ended reads as a zombie while its other threads go on.
  into.ended = state == 'X' || (state == 'Z' && threads <= 1);
  return true;
}

} // namespace

std::optional<process_entry> read_process(pid_t pid) {
  const unique_fd file{::open(proc_path{pid, "stat"}.text, O_RDONLY | O_CLOEXEC)};
  struct stat info {};
  if (!file || ::fstat(file.get(), &info) < 0)
    return std::nullopt;
  char text[1024];
  const ssize_t size = ::read(file.get(), text, sizeof text);
  process_entry entry;
  entry.pid = pid;
  entry.ours = info.st_uid == ::geteuid();
  if (size <= 0 || !parse_stat({text, static_cast<std::size_t>(size)}, entry))
    return std::nullopt;
  return entry;
}

void visit_processes(const std::function<void(const process_entry&)>& visit) {
  const unique_fd directory{::open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  // readdir would take hundreds of entries at once, and the last of them would be old when it is their turn.
  alignas(dirent64) char batch[512];
  for (;;) {
    const long size = directory ? ::syscall(SYS_getdents64, directory.get(), batch, sizeof batch) : 0;
    if (size <= 0)
      return;
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const dirent64*>(batch + at);
      at += entry->d_reclen;
      const pid_t pid = std::atoi(entry->d_name); // 0 for what is no process
      if (pid <= 0)
        continue;
      if (const auto process = read_process(pid))
        visit(*process);
    }
  }
}

std::vector<process_entry> read_process_table() {
  std::vector<process_entry> table;
  visit_processes([&](const process_entry& process) { table.push_back(process); });
  return table;
}

std::optional<std::vector<pid_t>> read_own_children() {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/self/task/%d/children", ::getpid());
  const unique_fd file{::open(path, O_RDONLY | O_CLOEXEC)};
  if (!file)
    return std::nullopt;
  std::string text;
  char chunk[4096];
  for (ssize_t size = ::read(file.get(), chunk, sizeof chunk); size > 0; size = ::read(file.get(), chunk, sizeof chunk))
    text.append(chunk, static_cast<std::size_t>(size));
  std::vector<pid_t> children;
  std::string_view rest{text};
  for (pid_t pid = take_number<pid_t>(rest); pid > 0; pid = take_number<pid_t>(rest))
    children.push_back(pid);
  return children;
}

bool has_in_environment(pid_t pid, std::string_view entry) {
  const unique_fd file{::open(proc_path{pid, "environ"}.text, O_RDONLY | O_CLOEXEC)};
  if (!file)
    return false;
  // A NUL on either side makes the match exact; the environment itself has none before its first entry.
  const std::string wanted = std::string(1, '\0').append(entry).append(1, '\0');
  std::string window(1, '\0');
  char chunk[16 << 10];
  for (;;) {
    const ssize_t size = ::read(file.get(), chunk, sizeof chunk);
    if (size <= 0)
      return window.append(1, '\0').find(wanted) != std::string::npos;
    window.append(chunk, static_cast<std::size_t>(size));
    if (window.find(wanted) != std::string::npos)
      return true;
    if (window.size() > wanted.size())
      window.erase(0, window.size() - wanted.size());
  }
}

bool may_hold_lock(pid_t pid) {
  const directory_stream directory{::opendir(proc_path{pid, "fdinfo"}.text)};
  if (!directory)
    return errno == EACCES || errno == EPERM;
  while (const dirent* entry = ::readdir(directory.get())) {
    if (entry->d_name[0] == '.')
      continue;
    const unique_fd file{::openat(::dirfd(directory.get()), entry->d_name, O_RDONLY | O_CLOEXEC)};
    char text[1024];
    const ssize_t size = file ? ::read(file.get(), text, sizeof text) : 0;
    if (size > 0 && std::string_view{text, static_cast<std::size_t>(size)}.find("OFDLCK") != std::string_view::npos)
      return true;
  }
  return false;
}

bool signal_process(const process_entry& process, int signal_number) {
  const unique_fd handle{static_cast<int>(::syscall(SYS_pidfd_open, process.pid, 0))};
  if (!handle && errno == ESRCH)
    return false;
  // The handle was opened by number, so it is checked to be the process that was looked at.
  const auto now = read_process(process.pid);
  if (!now || now->start_time != process.start_time)
    return false;
  if (handle)
    return ::syscall(SYS_pidfd_send_signal, handle.get(), signal_number, nullptr, 0) == 0;
  // No such call here (a kernel before 5.3, a container's filter), or no descriptor left.
  return ::kill(process.pid, signal_number) == 0;
}

} // namespace agent_dispatch
