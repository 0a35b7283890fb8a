#pragma once

#include <optional>
#include <string>

#include <CLI/App.hpp>

#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/presentation.hpp"

/// The commands about the configuration that need no supervisor: init, add, list, describe.
namespace agent_dispatch {

struct init_options {
  output_format format = output_format::text;
};

/// Absent: not given. Lists are separated by commas; "," is an empty list, "" and "none" are as if not given.
struct add_options {
  std::string name;
  std::string directory;                  ///< `~` and relative to the working directory
  std::optional<std::string> description; ///< absent or "": made from the project's files
  std::optional<int> timeout;             ///< seconds, ≥ 1
  std::optional<std::string> model;
  std::optional<double> max_budget_usd; ///< 0: none of its own
  std::optional<std::string> permission_mode;
  std::optional<std::string> allowed_tools;
  std::optional<std::string> disallowed_tools;
  std::optional<std::string> capabilities;
  std::optional<std::string> risky_capabilities;
  output_format format = output_format::text;
};

struct list_options {
  output_format format = output_format::text;
};

struct describe_options {
  std::string name;
  output_format format = output_format::text;
};

/// Makes the configuration unless it is there, and registers the MCP server with the `claude` on PATH. Where it cannot
/// be registered it prints the command that would do it, and that is no failure.
int run_init(const init_options& options, cli_io& io);

/// Exit code 2 when the directory is none, 1 when the agent cannot be added.
int run_add(const add_options& options, cli_io& io);

/// OK, NOT FOUND or UNREADABLE for each agent. No agents are no failure.
int run_list(const list_options& options, cli_io& io);

int run_describe(const describe_options& options, cli_io& io);

/// Declares the four subcommands. Parsing one of them puts what to run into `chosen`, which outlives `app`.
void register_config_commands(CLI::App& app, cli_command& chosen);

} // namespace agent_dispatch
