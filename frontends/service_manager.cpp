#include "frontends/service_manager.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <tuple>

namespace agent_dispatch {

namespace {

/// 0 when it cannot be told.
int socket_option(int socket, int name) {
  int value = 0;
  socklen_t size = sizeof value;
  return ::getsockopt(socket, SOL_SOCKET, name, &value, &size) == 0 ? value : 0;
}

} // namespace

std::filesystem::path socket_path(int socket) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  // The socket interface's own way of naming its address types.
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX ||
      size <= offsetof(sockaddr_un, sun_path) || address.sun_path[0] != '/')
    return {};
  const auto length = std::min<std::size_t>(size - offsetof(sockaddr_un, sun_path), sizeof address.sun_path);
  return std::string{address.sun_path, ::strnlen(address.sun_path, length)};
}

expected<unique_fd> take_over_listening_socket(unique_fd socket) {
  if (socket_option(socket.get(), SO_TYPE) != SOCK_STREAM || socket_option(socket.get(), SO_ACCEPTCONN) != 1 ||
      socket_path(socket.get()).empty())
    return failure(
        fault_kind::invalid_argument,
        "what was handed over as the supervisor's socket is no listening Unix stream socket with an absolute "
        "path; see ListenStream in the unit: systemctl --user cat agent-dispatch.socket");
  ::fcntl(socket.get(), F_SETFD, FD_CLOEXEC);
  ::fcntl(socket.get(), F_SETFL, ::fcntl(socket.get(), F_GETFL) | O_NONBLOCK);
  // Once more: who is connected to sees the credentials of the process that listened last.
  if (::listen(socket.get(), SOMAXCONN) != 0)
    return io_failure("listening on", socket_path(socket.get()).native(), errno);
  return socket;
}

void notify_service_manager(const std::string& socket, std::string_view state) {
  sockaddr_un address{};
  if (socket.empty() || socket.size() >= sizeof address.sun_path)
    return;
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, socket.data(), socket.size());
  if (socket.front() == '@')
    address.sun_path[0] = '\0';
  const unique_fd sender{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket.size());
  std::ignore = ::sendto(sender.get(), state.data(), state.size(), MSG_NOSIGNAL,
                         reinterpret_cast<const sockaddr*>(&address), size);
}

} // namespace agent_dispatch
