#include <cmath>

#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/config_text.hpp"
#include "frontends/cli/edit_output.hpp"
#include "frontends/views/agents_view.hpp"

namespace agent_dispatch {

namespace {

/// Empty when the numbers can be taken.
std::string wrong_number(const agent_form& form) {
  if (form.timeout && *form.timeout < 1)
    return config_text::timeout_too_small(*form.timeout);
  if (form.max_budget_usd && (!std::isfinite(*form.max_budget_usd) || *form.max_budget_usd < 0))
    return config_text::budget_refused();
  return {};
}

std::string added_sentence(const cli_io& io, const agent_config& agent) {
  return edit_sentence(io, "Added", "agent", agent.name.value) + ": " + printable(agent.directory.native()) + "\n  " +
         printable(agent.description) + "\nTry it with: agent-dispatch test " + agent.name.value;
}

} // namespace

int run_add(const add_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  const auto directory = project_directory(options.directory, paths->home, io.directory);
  if (!directory)
    return report_failure(io, options.format, printable(directory.error().message), exit_usage);
  if (const auto wrong = wrong_number(options.form); !wrong.empty())
    return report_failure(io, options.format, wrong);
  const auto agent = new_agent(options.name, *directory, options.form);
  if (!agent)
    return report_failure(io, options.format, agent.error().message);
  const auto saved = add_agent(*paths, *agent);
  if (!saved)
    return report_failure(io, options.format, saved.error().message);
  return report_edit(io, options.format, added_agent_json(*agent), added_sentence(io, *agent),
                     joined(notes_on_agent(*agent, health_of(agent->directory)), notes_on_file(*saved)));
}

int run_update(const update_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  if (const auto wrong = wrong_number(options.form); !wrong.empty())
    return report_failure(io, options.format, wrong);
  const auto update = update_from(options.form);
  const auto fields = fields_of(update);
  if (fields.empty())
    return report_failure(io, options.format, config_text::nothing_to_update("agent-dispatch update --help"));
  const auto saved = update_agent(*paths, {options.name}, update);
  if (!saved)
    return report_failure(io, options.format, printable(saved.error().message));
  return report_edit(io, options.format, updated_json(options.name, fields),
                     edit_sentence(io, "Updated", "agent", options.name) + ": " + list_of_fields(fields),
                     joined(notes_on_update(update), notes_on_file(*saved)));
}

int run_remove(const remove_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  const auto saved = remove_agent(*paths, {options.name});
  if (!saved)
    return report_failure(io, options.format, printable(saved.error().message));
  return report_edit(io, options.format, removed_json(options.name),
                     edit_sentence(io, "Removed", "agent", options.name) + "; its directory is as it was",
                     joined(notes_on_removal({options.name}, saved->value), notes_on_file(*saved)));
}

} // namespace agent_dispatch
