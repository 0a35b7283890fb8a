#pragma once

#include <string>
#include <string_view>

#include "frontends/cli/cli_io.hpp"
#include "messages/fault.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

enum class colour { bold, dim, green, yellow, red };

/// `text` in a colour where the output takes any, else as it is.
std::string painted(const cli_io& io, colour which, std::string_view text);

/// The same for the error output.
std::string painted_note(const cli_io& io, colour which, std::string_view text);

/// Text of others, made fit for a terminal: valid UTF-8, each control character a space.
std::string printable(std::string_view text);

/// How a command answers: JSON for programs or text for people.
enum class output_format { text, json };

/// Prints JSON over several lines.
void print_json(cli_io& io, const ordered_json& json);

/// Says what failed: `{"error"}` on the output, or the sentence on the error output. Returns `code`.
int report_failure(cli_io& io, output_format format, std::string_view sentence, int code = exit_failure);

} // namespace agent_dispatch
