#pragma once

#include <functional>
#include <string_view>

#include "frontends/client/connector.hpp"
#include "messages/call_status.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

/// What a person who waits for a command does with Ctrl-C.
enum class on_interrupt {
  cancel_request, ///< the first cancels what was asked, and its answer is still waited for; the second gives up
  give_up,
};

/// A method of docs/protocol.md, asked of the supervisor.
struct control_call {
  std::string_view method;
  ordered_json params;
  std::function<void(std::string_view)> progress{}; ///< gets each progress text; may be empty
  std::function<void()> cancelling{};               ///< called when Ctrl-C has become a cancel; may be empty
  std::function<void(const call_status&)> status{}; ///< gets how the call stands, whenever that changes; may be empty
  std::function<void()> lost{};                     ///< called when the next supervisor is looked for; may be empty
  std::function<void()> found{};                    ///< called when it is there; may be empty
  ticker tick{};                                    ///< may be empty
  on_interrupt interrupt = on_interrupt::give_up;
  /// How to connect to the next supervisor when this one goes away, to ask it again; the one that the link came of.
  /// Null: the call must not be sent again. Outlives the call.
  const link_request* redial = nullptr;
};

/// Asks and waits for the answer, however long it takes, and through whatever number of supervisors. `link` is replaced
/// when it is lost and the call may be sent again. SIGINT and SIGTERM are blocked from here on, and taken as
/// interrupts.
///
/// Faults: `lost` (the supervisor went away, or three did), `cancelled` (given up, or cancelled before it had begun),
/// `protocol` (it rejected the call); those of `connect_supervisor`, when there is no next one.
expected<ordered_json> call_supervisor(supervisor_link& link, const control_call& call);

/// Waits until the supervisor has closed the connection.
void await_close(supervisor_link& link);

} // namespace agent_dispatch
