#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "actors/run/unique_fd.hpp"
#include "actors/storage/places.hpp"
#include "messages/frame.hpp"
#include "messages/hello.hpp"

namespace agent_dispatch {

/// Whether a supervisor is started when there is none.
enum class when_missing {
  fail,
  start,          ///< a detached one, for all
  start_embedded, ///< a private one, that ends with this process; refused beside a live one
};

/// Who connects, and to what.
struct link_request {
  places where;
  std::filesystem::path home;
  frontend_hello hello;
  when_missing missing = when_missing::start;
  std::function<void(std::string_view)> warn; ///< gets a sentence for the user, on stderr say
};

/// What a supervisor says of itself on connecting.
struct supervisor_greeting {
  int protocol = 0;
  std::string version;
  int live_runs = 0;
  int queued = 0;
};

/// A connection to a supervisor that has said welcome.
struct supervisor_link {
  unique_fd socket;        ///< blocking, CLOEXEC
  unique_fd frontend_lock; ///< held while this frontend lives: its requests are not orphaned
  unique_fd lifeline;      ///< of an embedded supervisor, which ends when it is closed; else empty
  supervisor_greeting greeting;
  line_splitter lines; ///< what has arrived behind the welcome
};

/// Connects; starts a supervisor when there is none and `missing` says so. Of several frontends that start one at the
/// same time, one wins and all connect to it. An idle supervisor of an older version is replaced.
///
/// Faults: `supervisor_missing` (and why it could not be started), `version_mismatch`, `io`, `protocol`.
expected<supervisor_link> connect_supervisor(const link_request& request);

/// Writes all bytes to a blocking socket. Fault `io`.
expected<void> send_all(int socket, std::string_view bytes);

} // namespace agent_dispatch
