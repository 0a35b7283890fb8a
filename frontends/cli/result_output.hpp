#pragma once

#include "frontends/cli/cli_io.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// An agent's answer for people: its text on the output, everything else on the error output. Exit code 1 when the
/// agent failed.
int print_result(cli_io& io, const dispatch_result& result);

} // namespace agent_dispatch
