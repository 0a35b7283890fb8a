#include "frontends/mcp/agent_tools.hpp"

#include "config/agent_form.hpp"
#include "frontends/mcp/agent_arguments.hpp"
#include "frontends/mcp/arguments.hpp"
#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tool_answers.hpp"
#include "frontends/views/agents_view.hpp"
#include "frontends/views/edit_notes.hpp"
#include "frontends/views/groups_view.hpp"

namespace agent_dispatch {

namespace {

/// Gives the order; `show` makes the answer out of what is saved.
template <class Show>
void edit(session_services& services, const tool_call& call, const agent_order& order, Show show) {
  services.with_agents_edited(call.line, call.what.id, order, [&services, call, show](const agents_edited& done) {
    if (done.saved)
      answer(services, call, show(*done.saved, done.health));
    else
      refuse(services, call, done.saved.error().message);
  });
}

} // namespace

void run_list_groups(session_services& services, const tool_call& call) {
  if (takes_nothing(services, call))
    answer_from_config(services, call, "groups", [](const configuration& config) { return list_groups_json(config); });
}

void run_inspect_group(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"name"}};
  const auto name = arguments.required_text("name");
  if (const auto checked = arguments.check(); !checked)
    refuse(services, call, checked.error().message);
  else
    answer_from_config(services, call, {},
                       [name](const configuration& config) { return inspect_group_json(config, name); });
}

void run_add_agent(session_services& services, const tool_call& call) {
  auto asked = read_added_agent(call.arguments);
  if (!asked)
    return refuse(services, call, asked.error().message);
  const auto& caller = *services.hello().caller;
  const add_agent_order order{.name = asked->name,
                              .directory = std::move(asked->directory),
                              .form = std::move(asked->form),
                              .home = home_directory(environment_of(caller.environment)),
                              .base = caller.directory};
  edit(services, call, order, [name = asked->name](const saved_configuration& saved, directory_health health) {
    const auto& agent = *saved.value.find_agent({name}); // it has just been added
    return with_notes(added_agent_json(agent), joined(notes_on_agent(agent, health), notes_on_file(saved)));
  });
}

void run_update_agent(session_services& services, const tool_call& call) {
  const auto asked = read_updated_agent(call.arguments);
  if (!asked)
    return refuse(services, call, asked.error().message);
  const auto update = update_from(asked->form);
  if (fields_of(update).empty())
    return refuse(services, call, texts::nothing_to_update);
  edit(services, call, update_agent_order{{asked->name}, update},
       [name = asked->name, update](const saved_configuration& saved, directory_health) {
         return with_notes(updated_json(name, fields_of(update)),
                           joined(notes_on_update(update), notes_on_file(saved)));
       });
}

void run_remove_agent(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"name"}};
  const auto name = arguments.required_text("name");
  if (const auto checked = arguments.check(); !checked)
    return refuse(services, call, checked.error().message);
  edit(services, call, remove_agent_order{{name}}, [name](const saved_configuration& saved, directory_health) {
    return with_notes(removed_json(name), joined(notes_on_removal({name}, saved.value), notes_on_file(saved)));
  });
}

} // namespace agent_dispatch
