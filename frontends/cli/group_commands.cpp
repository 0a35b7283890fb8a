#include <algorithm>
#include <ostream>

#include "config/discovery.hpp"
#include "config/group_edits.hpp"
#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/config_text.hpp"
#include "frontends/cli/edit_output.hpp"
#include "frontends/views/agents_view.hpp"
#include "frontends/views/groups_view.hpp"
#include "messages/blanks.hpp"

namespace agent_dispatch {

namespace {

group_config group_from(const group_add_options& options) {
  group_config group{.name = options.name,
                     .description = options.description,
                     .shared_context = options.shared_context,
                     .members = {}};
  for (const auto& member : options.members)
    group.members.push_back({{member}, {}});
  return group;
}

std::string member_text(const cli_io& io, const configuration& config, const group_member& member) {
  const auto* agent = config.find_agent(member.agent);
  std::string text = printable(member.agent.value);
  if (agent == nullptr)
    return text + " (" + painted(io, colour::red, "unknown") + ")";
  switch (health_of(agent->directory)) {
  case directory_health::healthy:
    break;
  case directory_health::missing:
    return text + " (" + painted(io, colour::red, "NOT FOUND") + ")";
  case directory_health::unreadable:
    return text + " (" + painted(io, colour::red, "UNREADABLE") + ")";
  }
  return text;
}

std::string members_text(const cli_io& io, const configuration& config, const group_config& group) {
  std::string members;
  for (const auto& member : group.members)
    members.append(members.empty() ? "" : ", ").append(member_text(io, config, member));
  return members.empty() ? "(no members)" : members;
}

void print_row(cli_io& io, const configuration& config, const group_config& group) {
  io.out << painted(io, colour::bold, printable(group.name)) << "  " << members_text(io, config, group) << '\n';
  if (!group.description.empty())
    io.out << "  " << printable(group.description) << '\n';
  if (!without_blanks(group.shared_context).empty())
    io.out << "  " << painted(io, colour::dim, config_text::has_shared_context) << '\n';
}

/// Texts of several lines keep them.
void print_text(cli_io& io, std::string_view label, std::string_view text) {
  if (text.empty())
    return;
  io.out << "  " << painted(io, colour::dim, label) << '\n';
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    io.out << "    " << printable(text.substr(0, end)) << '\n';
    text.remove_prefix(std::min(text.size(), end + 1));
  }
}

void print_members(cli_io& io, const configuration& config, const group_config& group) {
  io.out << "  " << painted(io, colour::dim, group.members.empty() ? "no members" : "members:") << '\n';
  for (const auto& member : group.members)
    io.out << "    " << member_text(io, config, member) << (member.use_for.empty() ? "" : ": ")
           << printable(member.use_for) << '\n';
}

/// The configuration, its warnings told; or absent, its fault told.
std::optional<configuration> load_or_report(output_format format, cli_io& io) {
  auto config = load_for(io);
  if (!config) {
    report_failure(io, format, config.error().message);
    return std::nullopt;
  }
  print_warnings(io, config->warnings);
  return std::move(config->value);
}

/// Runs an edit of a group, once it is known where the configuration is.
template <class Edit>
int edit_group(output_format format, cli_io& io, const Edit& edit, const ordered_json& answer,
               const std::string& sentence) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, format, paths.error().message);
  const expected<saved_configuration> saved = edit(*paths);
  if (!saved)
    return report_failure(io, format, printable(saved.error().message));
  return report_edit(io, format, answer, sentence, notes_on_file(*saved));
}

} // namespace

int run_group_add(const group_add_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  const auto saved = add_group(*paths, group_from(options));
  if (!saved)
    return report_failure(io, options.format, printable(saved.error().message));
  const auto& group = *saved->value.find_group(options.name);
  edit_notes notes;
  if (group.members.empty())
    notes.emplace_back(config_text::no_members);
  return report_edit(io, options.format, added_group_json(group),
                     edit_sentence(io, "Added", "group", group.name) + ": " + members_text(io, saved->value, group),
                     joined(notes, notes_on_file(*saved)));
}

int run_group_list(const group_list_options& options, cli_io& io) {
  const auto config = load_or_report(options.format, io);
  if (!config)
    return exit_failure;
  if (options.format == output_format::json)
    print_json(io, list_groups_json(*config));
  else if (config->groups.empty())
    io.out << no_groups_sentence() << '\n';
  else
    for (const auto& group : config->groups)
      print_row(io, *config, group);
  return exit_success;
}

int run_group_inspect(const group_name_options& options, cli_io& io) {
  const auto config = load_or_report(options.format, io);
  if (!config)
    return exit_failure;
  const auto* group = config->find_group(options.name);
  if (group == nullptr)
    return report_failure(io, options.format, unknown_group_sentence(*config, printable(options.name)));
  if (options.format == output_format::json) {
    print_json(io, inspect_group_json(*config, options.name));
    return exit_success;
  }
  io.out << painted(io, colour::bold, printable(group->name)) << '\n';
  print_text(io, "description:", group->description);
  print_text(io, "shared context:", group->shared_context);
  print_members(io, *config, *group);
  return exit_success;
}

int run_group_update(const group_update_options& options, cli_io& io) {
  const group_update update{options.description, options.shared_context};
  const auto fields = fields_of(update);
  if (fields.empty())
    return report_failure(io, options.format, config_text::nothing_to_update("agent-dispatch group update --help"));
  return edit_group(
      options.format, io, [&](const config_paths& paths) { return update_group(paths, options.name, update); },
      updated_json(options.name, fields),
      edit_sentence(io, "Updated", "group", options.name) + ": " + list_of_fields(fields));
}

int run_group_remove(const group_name_options& options, cli_io& io) {
  return edit_group(
      options.format, io, [&](const config_paths& paths) { return remove_group(paths, options.name); },
      removed_json(options.name), edit_sentence(io, "Removed", "group", options.name) + "; its agents stay");
}

} // namespace agent_dispatch
