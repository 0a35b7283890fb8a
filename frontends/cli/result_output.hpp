#pragma once

#include "frontends/cli/cli_io.hpp"
#include "messages/json.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// An agent's answer for people: its text on the output, everything else on the error output. Exit code 1 when the
/// agent failed.
int print_result(cli_io& io, const dispatch_result& result);

/// The answer is a ref, not the result itself.
bool is_ref(const ordered_json& answer);

/// A ref for people: the beginning of the answer as `print_result` has it, and on the error output where the whole of
/// it is. Exit code 1 when the agent failed.
int print_ref(cli_io& io, const ordered_json& answer);

/// What a dialogue came to, as `dispatch_dialogue` answers it, for people: the final answer on the output, what was
/// said and what it cost on the error output. Exit code 1 when a turn failed.
int print_dialogue(cli_io& io, const ordered_json& answer);

/// Its last turn failed.
bool is_failed_dialogue(const ordered_json& answer);

} // namespace agent_dispatch
