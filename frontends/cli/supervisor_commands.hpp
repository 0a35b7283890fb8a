#pragma once

#include <string>

#include <CLI/App.hpp>

#include "frontends/cli/caller.hpp"
#include "frontends/cli/presentation.hpp"

/// The commands about the supervisor itself, and the MCP server: serve, supervise, status, stop.
namespace agent_dispatch {

struct status_options {
  std::string job{}; ///< an id, or the beginning of one: why it waits; "": the supervisor
  output_format format = output_format::text;
};

enum class stop_kind { drain, now, keep_runs };

struct stop_options {
  stop_kind kind = stop_kind::drain;
  output_format format = output_format::text;
};

/// Relays MCP between stdio and the supervisor until the client is gone.
int run_serve(supervisor_kind kind, cli_io& io);

/// Becomes the supervisor; returns only when that fails.
int run_supervise(cli_io& io);

/// That none is running is an answer, not a failure.
int run_status(const status_options& options, cli_io& io);

/// Returns when the supervisor is gone.
int run_stop(const stop_options& options, cli_io& io);

/// Declares the four subcommands. `embedded` is read when a command runs.
void register_supervisor_commands(CLI::App& app, cli_command& chosen, const bool& embedded);

} // namespace agent_dispatch
