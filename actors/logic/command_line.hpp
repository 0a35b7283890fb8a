#pragma once

#include <string>
#include <vector>

#include "messages/agent.hpp"
#include "messages/fault.hpp"
#include "messages/ids.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

enum class session_start { fresh, resumed };

/// The CLI session a run works in.
struct run_session {
  session_id id;
  session_start start = session_start::fresh;

  bool operator==(const run_session&) const = default;
};

/// The session that the request names, or else a fresh one called `fresh`. A session of no name (`""`) is none.
run_session choose_session(const run_request& request, session_id fresh);

/// Whether a fresh session's id is given to the CLI. Versions that do not know `--session-id` are started without it.
enum class session_flag { pass, omit };

/// The CLI's argument vector; `[0]` is "claude", to be found on the caller's PATH. The prompt is no part of it: it goes
/// to standard input.
///
/// An empty tool list passes nothing, just as an absent one: "explicitly none" has replaced what settings would have
/// given, and without the option nothing is allowed, or forbidden, beyond what the project itself says. Empty texts
/// pass nothing either; a budget that is not a positive finite number is never passed.
///
/// Fault `invalid_argument`: session id, model, permission mode or a tool name begins with `-`, so that the CLI would
/// read it as an option, or holds a NUL byte, which no argument can.
expected<std::vector<std::string>> build_command_line(const resolved_agent& agent, const run_session& session,
                                                      session_flag flag = session_flag::pass);

} // namespace agent_dispatch
