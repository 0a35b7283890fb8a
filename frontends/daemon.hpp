#pragma once

#include "frontends/daemon_options.hpp"

namespace agent_dispatch {

/// Runs a supervisor until it ends. Returns the exit code: 0 when it ended orderly or another one is there already.
int run_daemon(const daemon_options& options);

} // namespace agent_dispatch
