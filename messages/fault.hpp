#pragma once

#include <string>
#include <utility>

#include <tl/expected.hpp>

namespace agent_dispatch {

/// What kind of thing went wrong inside this program. A run whose agent failed is not a fault: it is a
/// `dispatch_result` with `success == false`.
enum class fault_kind {
  config_unreadable,   ///< agents.yaml cannot be opened or read
  config_syntax,       ///< agents.yaml is not YAML, or not UTF-8
  config_schema,       ///< agents.yaml is YAML, but not a configuration
  config_write,        ///< agents.yaml could not be written
  lock_timeout,        ///< another process kept a lock for too long
  invalid_argument,    ///< a value given by the caller cannot be used
  unknown_agent,       ///< no agent of that name
  io,                  ///< an operation of the operating system failed
  protocol,            ///< a peer sent something that is not our protocol
  version_mismatch,    ///< a peer speaks another version
  supervisor_missing,  ///< no supervisor is there and none could be started
  supervisor_stopping, ///< the supervisor takes no more work
  cancelled,           ///< the request was cancelled before it was answered
  lost,                ///< a keeper or supervisor died and took what was asked for with it
};

/// A failure of ours: what kind, and a sentence that says what, where and what to do.
struct fault {
  fault_kind kind;
  std::string message; ///< UTF-8, for people; no trailing newline

  bool operator==(const fault&) const = default;
};

template <class T>
using expected = tl::expected<T, fault>;

/// Makes the failing side of an `expected`.
inline tl::unexpected<fault> failure(fault_kind kind, std::string message) {
  return tl::unexpected<fault>(fault{kind, std::move(message)});
}

/// "<operation> <object>: <text of errno>", as a fault of kind `io`.
tl::unexpected<fault> io_failure(std::string_view operation, std::string_view object, int error_number);

/// One sentence per kind, for logs and tests. Never empty.
std::string_view describe(fault_kind kind);

} // namespace agent_dispatch
