#include "actors/run/holder.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <memory>

#include <dirent.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

namespace {

/// A supervisor that takes longer for a part has died or been stopped; the next one asks again.
constexpr timeval patience{5, 0};

bool is_own_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

bool send_content(int socket) {
  const auto size = file_size(holder_fd::content);
  off_t place = 0;
  while (static_cast<std::uint64_t>(place) < size)
    if (::sendfile(socket, holder_fd::content, &place, size - static_cast<std::uint64_t>(place)) <= 0 && errno != EINTR)
      return false;
  return ::shutdown(socket, SHUT_WR) == 0;
}

bool is_taken(int socket) {
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  char receipt = 0;
  return is_own_user(socket) && send_content(socket) && ::recv(socket, &receipt, 1, 0) == 1 &&
         receipt == holder_receipt;
}

bool has_entries(const char* directory) {
  const std::unique_ptr<DIR, int (*)(DIR*)> entries{::opendir(directory), ::closedir};
  if (!entries)
    return false;
  while (const auto* entry = ::readdir(entries.get()))
    if (entry->d_name[0] != '.')
      return true;
  return false;
}

} // namespace

holder_exit hold_until_taken(const char* socket_path, const char* requests, std::chrono::milliseconds between) {
  ::prctl(PR_SET_NAME, "agent-dispatch-run"); // by which a sweep knows what it must spare
  ::prctl(PR_SET_DUMPABLE, 0);
  ::signal(SIGPIPE, SIG_IGN);
  struct stat own {};
  if (::lstat(socket_path, &own) < 0)
    return holder_exit::not_needed;
  const auto is_at_path = [&] {
    struct stat now {};
    return ::lstat(socket_path, &now) == 0 && now.st_dev == own.st_dev && now.st_ino == own.st_ino;
  };
  std::array<pollfd, 1> socket{{{holder_fd::socket, POLLIN, 0}}};
  while (is_at_path()) {
    ::poll(socket.data(), socket.size(), static_cast<int>(between.count()));
    const unique_fd peer{::accept4(holder_fd::socket, nullptr, nullptr, SOCK_CLOEXEC)};
    const bool taken = peer && is_taken(peer.get());
    if (!taken && has_entries(requests))
      continue;
    if (is_at_path())
      ::unlink(socket_path);
    return taken ? holder_exit::taken : holder_exit::not_needed;
  }
  return holder_exit::not_needed;
}

} // namespace agent_dispatch
