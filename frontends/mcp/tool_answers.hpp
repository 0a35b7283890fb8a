#pragma once

#include "frontends/mcp/arguments.hpp"
#include "frontends/mcp/tools.hpp"

/// How a tool answers its call.
namespace agent_dispatch {

inline void answer(session_services& services, const tool_call& call, const ordered_json& value) {
  services.reply(call.line, call.what.id, tool_result(value, call.what.form));
}

inline void refuse(session_services& services, const tool_call& call, std::string_view sentence) {
  ordered_json value;
  value["error"] = sentence;
  answer(services, call, value);
}

/// True when the call has no arguments; else it has been refused.
inline bool takes_nothing(session_services& services, const tool_call& call) {
  const tool_arguments arguments{call.arguments, {}};
  const auto checked = arguments.check();
  if (!checked)
    refuse(services, call, checked.error().message);
  return checked.has_value();
}

/// Goes on when the configuration can be used, else answers with what is wrong with it.
template <class Then>
void with_sound_config(session_services& services, const tool_call& call, Then then) {
  services.with_config(call.line, call.what.id, [&services, call, then](const config_snapshot_ptr& snapshot) {
    if (snapshot->fault)
      refuse(services, call, snapshot->fault->message);
    else
      then(snapshot);
  });
}

/// Answers with a view of the configuration that looks at directories of agents, or with what is wrong with the
/// configuration. `name` is of the view, "" when it depends on more: as `session_services::with_view` has it.
template <class View>
void answer_from_config(session_services& services, const tool_call& call, std::string_view name, View view) {
  with_sound_config(services, call, [&services, call, name, view](const config_snapshot_ptr& snapshot) {
    const auto known_as = name.empty() ? std::string{} : std::string{name} + std::to_string(snapshot->generation);
    services.with_view(
        call.line, call.what.id, known_as, [snapshot, view] { return view(snapshot->value); },
        [&services, call](const ordered_json& seen) { answer(services, call, seen); });
  });
}

} // namespace agent_dispatch
