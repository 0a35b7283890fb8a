#include "actors/io/listener.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>

#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "actors/io/socket_connection.hpp"
#include "actors/log.hpp"
#include "config/own_file.hpp"
#include "messages/limits.hpp"
#include "messages/socket_address.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

/// Pause before the next accept when descriptors have run out: accept would fail again at once.
constexpr std::chrono::milliseconds accept_pause{100};

bool is_own_user(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

} // namespace

expected<unique_fd> make_listening_socket(const std::filesystem::path& path) {
  unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket)
    return io_failure("making a socket for", path.native(), errno);
  // Bound under another name and renamed, so that a frontend finds the old socket or the new one, never none.
  const auto fresh = path.native() + ".new";
  ::unlink(fresh.c_str());
  const auto address = make_socket_address(fresh);
  if (!address)
    return tl::unexpected(address.error());
  const auto mask = ::umask(0177);
  const int bound = ::bind(socket.get(), address->get(), address->size());
  const int problem = errno;
  ::umask(mask);
  if (bound != 0 && problem == EADDRINUSE) // it could not be removed
    return foreign_file(fresh, "is a directory");
  if (bound != 0)
    return io_failure("binding the socket", fresh, problem);
  if (::listen(socket.get(), SOMAXCONN) != 0)
    return io_failure("listening on", fresh, errno);
  if (::rename(fresh.c_str(), path.c_str()) != 0) {
    const int error = errno;
    ::unlink(fresh.c_str());
    if (const auto why = why_not_opened(error); !why.empty())
      return foreign_file(path, why);
    return io_failure("renaming the socket to", path.native(), error);
  }
  return socket;
}

class listener::acceptor : public std::enable_shared_from_this<acceptor> {
public:
  acceptor(asio::io_context& io, unique_fd socket, welcome on_hello)
      : io_{io}, acceptor_{io}, pause_{io}, on_hello_{std::move(on_hello)} {
    acceptor_.assign(asio::local::stream_protocol{}, socket.release());
  }

  void accept_next() {
    acceptor_.async_accept(
        [self = shared_from_this()](const asio::error_code& problem, asio::local::stream_protocol::socket socket) {
          if (problem == asio::error::operation_aborted || !self->acceptor_.is_open())
            return;
          if (problem) {
            log::warn("accepting a frontend: {}", problem.message());
            self->pause_.expires_after(accept_pause);
            self->pause_.async_wait([self](const asio::error_code&) { self->accept_next(); });
            return;
          }
          if (is_own_user(socket.native_handle()))
            self->take_in(std::move(socket));
          else
            log::warn("a process of another user was turned away");
          self->accept_next();
        });
  }

  void stop() {
    asio::post(io_, [self = shared_from_this()] {
      asio::error_code ignored;
      self->acceptor_.close(ignored);
      self->pause_.cancel();
    });
  }

private:
  void take_in(asio::local::stream_protocol::socket socket) {
    const bool is_full = open_.use_count() > static_cast<long>(limits::connections);
    const auto link = std::make_shared<socket_connection>(std::move(socket), on_hello_, is_full ? nullptr : open_);
    if (!is_full) {
      link->begin();
      return;
    }
    log::warn("a frontend was turned away: {} are connected", limits::connections);
    link->turn_away("the supervisor has " + std::to_string(limits::connections) +
                    " frontends, and takes no more; close some sessions, and try again");
  }

  /// Each connection shares it: its count is theirs, and one more.
  std::shared_ptr<void> open_ = std::make_shared<char>();
  asio::io_context& io_;
  asio::local::stream_protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  welcome on_hello_;
};

listener::listener(asio::io_context& io, unique_fd socket, welcome on_hello)
    : acceptor_{std::make_shared<acceptor>(io, std::move(socket), std::move(on_hello))} {
  asio::post(io, [accepting = acceptor_] { accepting->accept_next(); });
}

listener::~listener() { stop(); }

void listener::stop() { acceptor_->stop(); }

} // namespace agent_dispatch
