#pragma once

#include <optional>

#include "actors/storage/places.hpp"

namespace agent_dispatch {

/// How a supervisor lives.
enum class supervisor_life {
  detached,   ///< own session, in the background; started by a frontend
  foreground, ///< `agent-dispatch supervise`
  embedded,   ///< child of one frontend, ends with it
};

/// What agent-dispatchd is told on its command line. Everything is explicit: its environment is next to empty, so that
/// nothing of its first caller lives on in it.
struct daemon_options {
  places where;
  std::filesystem::path home; ///< what `~` in agents.yaml stands for
  supervisor_life life = supervisor_life::foreground;
  std::string log_level{};     ///< `debug`, `info`, `warn` or `error`, unchecked; "": info
  int listening = -1;          ///< a listening Unix socket that the service manager has made; -1: it makes its own
  std::string notify_socket{}; ///< of the service manager, which is told `READY=1`; "": nobody is told
  int lifeline = -1;           ///< a socket to the frontend that waits for `ready` or `error: …`; -1: nobody waits
};

/// The arguments for execve, argv[0] left out.
std::vector<std::string> daemon_arguments(const daemon_options& options);

/// Fault `invalid_argument`: not what `daemon_arguments` makes.
expected<daemon_options> parse_daemon_arguments(const std::vector<std::string>& arguments);

} // namespace agent_dispatch
