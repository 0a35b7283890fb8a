#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"

/// The supervisor as a service: what systemd's sd_listen_fds(3) and sd_notify(3) do, without their library.
namespace agent_dispatch {

/// Makes a socket that was handed over ours: CLOEXEC, non-blocking, and listening in the name of this process, so that
/// frontends see who answers. Fault `invalid_argument`: it is no Unix stream socket with a path, or does not listen.
expected<unique_fd> take_over_listening_socket(unique_fd socket);

/// Where a Unix socket is bound; "" when it has no path.
std::filesystem::path socket_path(int socket);

/// Sends a state, such as `READY=1`, to the socket of `NOTIFY_SOCKET`: a path, or `@` and an abstract name. "" is
/// nobody. Whoever does not listen is not waited for.
void notify_service_manager(const std::string& socket, std::string_view state);

} // namespace agent_dispatch
