#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "frontends/cli/presentation.hpp"
#include "frontends/views/edit_notes.hpp"

namespace agent_dispatch {

/// Prints what an edit answers: the JSON with the notes in it, or the sentence; the notes go to the error output too.
/// Returns the exit code of success.
int report_edit(cli_io& io, output_format format, const ordered_json& answer, std::string_view sentence,
                const edit_notes& notes);

/// "Added agent 'x'": the first word in green.
std::string edit_sentence(const cli_io& io, std::string_view verb, std::string_view kind, std::string_view name);

/// "timeout, model".
std::string list_of_fields(const std::vector<std::string_view>& fields);

} // namespace agent_dispatch
