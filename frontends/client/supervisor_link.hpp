#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "actors/run/unique_fd.hpp"
#include "actors/storage/places.hpp"
#include "frontends/client/frontend_lock.hpp"
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
  std::string log_level{}; ///< of one that is started, as the user says it; "": its default
  /// Where the places could not be found: looked for again before each attempt, whose `where` they are. Empty: `where`
  /// is right.
  std::function<expected<places>()> find_where{};
  /// Gets a sentence for the user, on stderr say; from any thread, and until the process ends.
  std::function<void(std::string_view)> warn;
  /// Held from the first connection on; shared by the copies of this request and the links that come of it.
  std::shared_ptr<frontend_lock> lock = std::make_shared<frontend_lock>();
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
  unique_fd socket;                    ///< blocking, CLOEXEC
  unique_fd lifeline;                  ///< of an embedded supervisor, which ends when it is closed; else empty
  std::shared_ptr<frontend_lock> lock; ///< the request's
  supervisor_greeting greeting;
  line_splitter lines; ///< what has arrived behind the welcome
};

/// Connects; starts a supervisor when there is none and `missing` says so. Of several frontends that start one at the
/// same time, one wins and all connect to it. An idle supervisor of an older version is replaced. A supervisor that
/// ends while it is being connected to is tried three times, one that is still coming up is waited for. Blocks; up to a
/// minute for a supervisor with much to recover, else some seconds.
///
/// Faults: those of `find_where`, `supervisor_missing` (and why it could not be started, or that it hangs),
/// `version_mismatch`, `lost`, `io`, `protocol`, `invalid_argument` (an embedded one beside another). None of them
/// mends by trying again at once.
expected<supervisor_link> connect_supervisor(const link_request& request);

/// Writes all bytes to a blocking socket. Fault `io`.
expected<void> send_all(int socket, std::string_view bytes);

} // namespace agent_dispatch
