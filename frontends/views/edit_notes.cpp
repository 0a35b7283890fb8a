#include "frontends/views/edit_notes.hpp"

#include "config/discovery.hpp"
#include "config/load.hpp"

namespace agent_dispatch {

edit_notes notes_on_file(const saved_configuration& saved) {
  switch (saved.lost) {
  case yaml::comment_loss::none:
    return {};
  case yaml::comment_loss::of_the_entry:
    return {"The file's layout left no place for this change alone: what it touches was written anew, and comments in "
            "there may be gone."};
  case yaml::comment_loss::all:
    return {"The file's layout left no place for this change alone, so the file was written anew and its comments are "
            "gone."};
  }
  return {};
}

edit_notes notes_on_agent(const agent_config& agent, directory_health health) {
  edit_notes notes;
  if (agent.permission_mode && !is_known_permission_mode(*agent.permission_mode))
    notes.push_back(unknown_permission_mode_sentence(*agent.permission_mode));
  if (health == directory_health::unreadable)
    notes.push_back("'" + to_valid_utf8(agent.directory.native()) +
                    "' cannot be entered or listed: a dispatch to it will fail until that is changed.");
  return notes;
}

edit_notes notes_on_update(const agent_update& update) {
  const auto mode = update.permission_mode.value_or(std::nullopt);
  if (mode && !is_known_permission_mode(*mode))
    return {unknown_permission_mode_sentence(*mode)};
  return {};
}

edit_notes notes_on_removal(const agent_name& removed, const configuration& now) {
  std::string groups;
  for (const auto& name : groups_naming(now, removed))
    groups.append(groups.empty() ? "" : ", ").append(name);
  if (groups.empty())
    return {};
  return {"It is still a member of: " + groups +
          ". There it is flagged as unknown until an agent of that name is added, or the member is taken out of "
          "agents.yaml."};
}

edit_notes joined(edit_notes first, const edit_notes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

ordered_json with_notes(ordered_json answer, const edit_notes& notes) {
  std::string hint;
  for (const auto& note : notes)
    hint.append(hint.empty() ? "" : " ").append(note);
  if (!hint.empty())
    answer["hint"] = hint;
  return answer;
}

} // namespace agent_dispatch
