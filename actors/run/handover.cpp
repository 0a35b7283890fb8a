#include "actors/run/handover.hpp"

#include <array>
#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "actors/run/holder.hpp"

namespace agent_dispatch {

namespace {

/// A holder that takes longer for a part has been stopped: nobody waits for it.
constexpr timeval patience{5, 0};
/// Far above what the environments of all queued jobs take.
constexpr std::size_t most_bytes = 1U << 30;

/// The directory of a socket, held open: by way of it a path fits into an address however long it is.
class socket_place {
public:
  explicit socket_place(const std::filesystem::path& socket)
      : directory_{::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)} {
    const std::string path = "/proc/self/fd/" + std::to_string(directory_.get()) + "/" + socket.filename().native();
    fits_ = path.size() < sizeof address_.sun_path;
    address_.sun_family = AF_UNIX;
    if (fits_)
      std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  explicit operator bool() const { return directory_ && fits_; }
  const sockaddr* address() const {
    return reinterpret_cast<const sockaddr*>(&address_); // NOLINT(*-reinterpret-cast): the socket API's way
  }
  static socklen_t size() { return sizeof(sockaddr_un); }

private:
  unique_fd directory_;
  sockaddr_un address_{};
  bool fits_ = false;
};

bool is_own_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

expected<unique_fd> listen_at(const std::filesystem::path& socket) {
  const socket_place place{socket};
  unique_fd listening{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!place || !listening)
    return io_failure("cannot listen at", socket.string(), errno);
  ::unlink(socket.c_str());
  // Only this user may connect; the directory lets in nobody else either.
  ::fchmod(listening.get(), 0600);
  if (::bind(listening.get(), place.address(), socket_place::size()) < 0 || ::listen(listening.get(), 4) < 0)
    return io_failure("cannot listen at", socket.string(), errno);
  return listening;
}

} // namespace

expected<pid_t> hand_over(const keeper_program& program, const std::filesystem::path& socket,
                          const std::filesystem::path& requests, std::string_view content) {
  const auto held = hold_in_memory("handover", content);
  if (!held)
    return tl::unexpected(held.error());
  const auto listening = listen_at(socket);
  if (!listening)
    return tl::unexpected(listening.error());
  const auto holder = program.start({"agent-dispatch-run", holder_argument, socket.native(), requests.native()},
                                    {{listening->get(), holder_fd::socket}, {held->get(), holder_fd::content}});
  if (!holder) {
    ::unlink(socket.c_str());
    return tl::unexpected(holder.error());
  }
  return *holder;
}

expected<std::string> take_handover(const std::filesystem::path& socket) {
  const socket_place place{socket};
  const unique_fd peer{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!place || !peer)
    return io_failure("cannot connect to", socket.string(), errno);
  ::setsockopt(peer.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); // of connect as well
  ::setsockopt(peer.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (::connect(peer.get(), place.address(), socket_place::size()) < 0) {
    if (errno == ENOENT)
      return std::string{};
    const int error = errno;
    ::unlink(socket.c_str());
    return io_failure("cannot connect to", socket.string(), error);
  }
  if (!is_own_user(peer.get())) { // runs would start with what it says their environment is
    ::unlink(socket.c_str());
    return failure(fault_kind::io, socket.string() + " was another user's; nothing was taken from it");
  }
  std::string content;
  std::array<char, 1 << 16> part; // NOLINT(*-member-init): read into
  ssize_t count = 0;
  while ((count = ::recv(peer.get(), part.data(), part.size(), 0)) > 0 && content.size() < most_bytes)
    content.append(part.data(), static_cast<std::size_t>(count));
  if (count != 0) {
    const int error = count < 0 ? errno : EFBIG;
    ::unlink(socket.c_str()); // its holder ends when it finds that
    return io_failure("cannot read from", socket.string(), error);
  }
  ::send(peer.get(), &holder_receipt, 1, MSG_NOSIGNAL);
  return content;
}

} // namespace agent_dispatch
