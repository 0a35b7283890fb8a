#pragma once

#include <filesystem>
#include <functional>
#include <memory>

#include <asio/io_context.hpp>

#include "actors/run/unique_fd.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Makes a listening Unix socket of mode 0600 at `path`, in place of whatever is there. The directory must be the
/// caller's own; the path may be longer than a socket address can hold.
expected<unique_fd> make_listening_socket(const std::filesystem::path& path);

/// Accepts frontends on a listening socket. A peer of another user is turned away; one that does not say hello within
/// 10 s, or says something else, too.
class listener {
public:
  /// Called on the I/O thread with each frontend that has said hello.
  using welcome = std::function<void(connection_ptr, std::shared_ptr<const frontend_hello>)>;

  listener(asio::io_context& io, unique_fd socket, welcome on_hello);
  ~listener();
  listener(const listener&) = delete;
  listener& operator=(const listener&) = delete;

  /// No frontend is accepted any more. Those that are connected stay. May be called from any thread.
  void stop();

private:
  class acceptor;
  std::shared_ptr<acceptor> acceptor_;
};

} // namespace agent_dispatch
