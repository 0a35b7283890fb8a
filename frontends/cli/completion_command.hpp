#pragma once

#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "frontends/cli/cli_io.hpp"

namespace agent_dispatch {

/// Prints what the last of `words` may become, for the scripts of `completion`; see completion/scripts.hpp. What cannot
/// be told is not there: this never fails and says nothing else. `app`: all commands, declared.
int run_complete(const CLI::App& app, const std::vector<std::string>& words, cli_io& io);

/// Declares `completion`. Parsing it puts what to run into `chosen`, which outlives `app`.
void register_completion_command(CLI::App& app, cli_command& chosen);

} // namespace agent_dispatch
