#pragma once

#include "frontends/cli/cli_io.hpp"
#include "frontends/client/supervisor_link.hpp"

namespace agent_dispatch {

/// The environment, working directory, umask and limits of this process, for the supervisor.
caller_context this_caller();

/// What a supervisor that this process starts writes into its log: debug, info, warn or error.
inline constexpr const char* log_level_variable = "AGENT_DISPATCH_LOG_LEVEL";

/// Whether a supervisor that must be started shall be a private one.
enum class supervisor_kind { shared, embedded };

/// How this process connects to its supervisor. `embedded` also when AGENT_DISPATCH_EMBEDDED is 1.
expected<link_request> make_link_request(const cli_io& io, frontend_role role, supervisor_kind kind);

/// The same for a server: where the jobs directory cannot be used, its client is told so with each call, and until that
/// is mended. Faults: of the variables alone.
expected<link_request> make_server_request(const cli_io& io, supervisor_kind kind);

/// Connects to a live supervisor without making anything. Absent: there is none.
expected<std::optional<supervisor_link>> connect_if_running(cli_io& io);

} // namespace agent_dispatch
