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

/// What `add` and `update` have in common. `form` belongs to the command's options, which live as long as it does.
void declare_form(CLI::App& command, agent_form& form, const std::string& description_help) {
  command.add_option("-d,--description", form.description, description_help);
  command.add_option("--timeout", form.timeout, "Seconds that a dispatch may take (300)");
  command.add_option("--model", form.model, "Model of the agent's CLI");
  command.add_option("--max-budget,--max-budget-usd", form.max_budget_usd, "US dollars that a dispatch may cost");
  command.add_option("--permission-mode", form.permission_mode, "Permission mode of the agent's CLI");
  command.add_option("--allowed-tools", form.allowed_tools, "Tools that need no permission: Bash,Read,…");
  command.add_option("--disallowed-tools", form.disallowed_tools, "Tools that are refused: Write,…");
  command.add_option("--capabilities", form.capabilities, "Labels of what it is good at");
  command.add_option("--risky-capabilities", form.risky_capabilities, "Labels of what it does that has risks");
}

void declare_add(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<add_options>();
  auto& command = declare(app, chosen, "add", config_text::add_help, options, run_add);
  command.add_option("name", options->name, "Letters, digits, - and _")->required();
  command.add_option("directory", options->directory, "The project's directory")->required();
  declare_form(command, options->form, "What the agent is for; made from its files if omitted");
}

void declare_update(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<update_options>();
  auto& command = declare(app, chosen, "update", config_text::update_help, options, run_update);
  command.add_option("name", options->name, "Name of the agent")->required();
  declare_form(command, options->form, "What the agent is for; taken as it is");
}

void declare_remove(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<remove_options>();
  declare(app, chosen, "remove", config_text::remove_help, options, run_remove)
      .add_option("name", options->name, "Name of the agent")
      ->required();
}

void declare_group_add(CLI::App& group, cli_command& chosen) {
  const auto options = std::make_shared<group_add_options>();
  auto& command = declare(group, chosen, "add", config_text::group_add_help, options, run_group_add);
  command.add_option("name", options->name, "Letters, digits, - and _")->required();
  command.add_option("-d,--description", options->description, "For whoever coordinates the group; no prompt has it");
  command.add_option("--shared-context", options->shared_context, "Facts that every member is told");
  command.add_option("--member", options->members, "Name of an agent; give it once for each member")
      ->allow_extra_args(false)
      ->take_all();
}

void declare_group_update(CLI::App& group, cli_command& chosen) {
  const auto options = std::make_shared<group_update_options>();
  auto& command = declare(group, chosen, "update", config_text::group_update_help, options, run_group_update);
  command.add_option("name", options->name, "Name of the group")->required();
  command.add_option("-d,--description", options->description, "For whoever coordinates the group");
  command.add_option("--shared-context", options->shared_context, "Facts that every member is told");
}

void declare_named_group(CLI::App& group, cli_command& chosen, const std::string& name, std::string_view help,
                         int (*run)(const group_name_options&, cli_io&)) {
  const auto options = std::make_shared<group_name_options>();
  declare(group, chosen, name, help, options, run).add_option("name", options->name, "Name of the group")->required();
}

void declare_group(CLI::App& app, cli_command& chosen) {
  auto& group = *app.add_subcommand("group", std::string{config_text::group_help});
  group.require_subcommand(1);
  declare_group_add(group, chosen);
  declare(group, chosen, "list", config_text::group_list_help, std::make_shared<group_list_options>(), run_group_list);
  declare_named_group(group, chosen, "inspect", config_text::group_inspect_help, run_group_inspect);
  declare_group_update(group, chosen);
  declare_named_group(group, chosen, "remove", config_text::group_remove_help, run_group_remove);
}

} // namespace

void register_config_commands(CLI::App& app, cli_command& chosen) {
  declare(app, chosen, "init", config_text::init_help, std::make_shared<init_options>(), run_init);
  declare_add(app, chosen);
  declare_update(app, chosen);
  declare_remove(app, chosen);
  declare(app, chosen, "list", config_text::list_help, std::make_shared<list_options>(), run_list);
  const auto options = std::make_shared<describe_options>();
  declare(app, chosen, "describe", config_text::describe_help, options, run_describe)
      .add_option("name", options->name, "Name of the agent")
      ->required();
  declare_group(app, chosen);
}

} // namespace agent_dispatch
