#include "frontends/cli/config_commands.hpp"

#include <memory>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "frontends/cli/config_text.hpp"

namespace agent_dispatch {

namespace {

/// Declares a subcommand with `--json`. `run` is called with the options as they were parsed.
template <class Options>
CLI::App& declare(CLI::App& app, cli_command& chosen, const std::string& name, std::string_view help,
                  const std::shared_ptr<Options>& options, int (*run)(const Options&, cli_io&)) {
  auto& command = *app.add_subcommand(name, std::string{help});
  command.add_flag_callback(
      "--json", [options] { options->format = output_format::json; }, std::string{config_text::json_help});
  command.callback([&chosen, options, run] { chosen = [options, run](cli_io& io) { return run(*options, io); }; });
  return command;
}

void declare_add(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<add_options>();
  auto& command = declare(app, chosen, "add", config_text::add_help, options, run_add);
  command.add_option("name", options->name, "Letters, digits, - and _")->required();
  command.add_option("directory", options->directory, "The project's directory")->required();
  command.add_option("-d,--description", options->description, "What the agent is for; made from its files if omitted");
  command.add_option("--timeout", options->timeout, "Seconds that a dispatch may take (300)");
  command.add_option("--model", options->model, "Model of the agent's CLI");
  command.add_option("--max-budget,--max-budget-usd", options->max_budget_usd, "US dollars that a dispatch may cost");
  command.add_option("--permission-mode", options->permission_mode, "Permission mode of the agent's CLI");
  command.add_option("--allowed-tools", options->allowed_tools, "Tools that need no permission: Bash,Read,…");
  command.add_option("--disallowed-tools", options->disallowed_tools, "Tools that are refused: Write,…");
  command.add_option("--capabilities", options->capabilities, "Labels of what it is good at");
  command.add_option("--risky-capabilities", options->risky_capabilities, "Labels of what it does that has risks");
}

} // namespace

void register_config_commands(CLI::App& app, cli_command& chosen) {
  declare(app, chosen, "init", config_text::init_help, std::make_shared<init_options>(), run_init);
  declare_add(app, chosen);
  declare(app, chosen, "list", config_text::list_help, std::make_shared<list_options>(), run_list);
  const auto options = std::make_shared<describe_options>();
  declare(app, chosen, "describe", config_text::describe_help, options, run_describe)
      .add_option("name", options->name, "Name of the agent")
      ->required();
}

} // namespace agent_dispatch
