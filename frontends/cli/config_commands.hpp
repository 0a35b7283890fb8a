#pragma once

#include <optional>
#include <string>
#include <vector>

#include <CLI/App.hpp>

#include "config/agent_form.hpp"
#include "config/load.hpp"
#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/presentation.hpp"

/// The commands about the configuration that need no supervisor: init, add, update, remove, list, describe, group.
namespace agent_dispatch {

struct init_options {
  output_format format = output_format::text;
};

struct add_options {
  std::string name;
  std::string directory; ///< `~` and relative to the working directory
  agent_form form;       ///< timeout ≥ 1, budget ≥ 0
  output_format format = output_format::text;
};

struct update_options {
  std::string name;
  agent_form form; ///< timeout ≥ 1, budget ≥ 0
  output_format format = output_format::text;
};

struct remove_options {
  std::string name;
  output_format format = output_format::text;
};

struct list_options {
  output_format format = output_format::text;
};

struct describe_options {
  std::string name;
  output_format format = output_format::text;
};

struct group_add_options {
  std::string name;
  std::string description;
  std::string shared_context;
  std::vector<std::string> members; ///< names of agents, which must exist
  output_format format = output_format::text;
};

struct group_list_options {
  output_format format = output_format::text;
};

/// Of `group inspect` and `group remove`.
struct group_name_options {
  std::string name;
  output_format format = output_format::text;
};

/// Absent: stays; "": none.
struct group_update_options {
  std::string name;
  std::optional<std::string> description;
  std::optional<std::string> shared_context;
  output_format format = output_format::text;
};

/// Makes the configuration unless it is there, and registers the MCP server with the `claude` on PATH. Where it cannot
/// be registered it prints the command that would do it, and that is no failure.
int run_init(const init_options& options, cli_io& io);

/// Exit code 2 when the directory is none, 1 when the agent cannot be added.
int run_add(const add_options& options, cli_io& io);

/// Exit code 1 when nothing is given, or there is no such agent.
int run_update(const update_options& options, cli_io& io);

/// Says which groups still name the agent.
int run_remove(const remove_options& options, cli_io& io);

/// OK, NOT FOUND or UNREADABLE for each agent. No agents are no failure.
int run_list(const list_options& options, cli_io& io);

int run_describe(const describe_options& options, cli_io& io);

int run_group_add(const group_add_options& options, cli_io& io);

/// No groups are no failure.
int run_group_list(const group_list_options& options, cli_io& io);
int run_group_inspect(const group_name_options& options, cli_io& io);
int run_group_update(const group_update_options& options, cli_io& io);
int run_group_remove(const group_name_options& options, cli_io& io);

/// The configuration that a command is to show. A missing file is no agents.
expected<loaded_configuration> load_for(const cli_io& io);

/// On the error output.
void print_warnings(cli_io& io, const std::vector<std::string>& warnings);

/// Declares the subcommands. Parsing one of them puts what to run into `chosen`, which outlives `app`.
void register_config_commands(CLI::App& app, cli_command& chosen);

} // namespace agent_dispatch
