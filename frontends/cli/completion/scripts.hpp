#pragma once

#include <optional>
#include <string_view>

namespace agent_dispatch::completion {

/// The word that makes this program answer a shell: `agent-dispatch __complete WORD… UNFINISHED`. One line per
/// candidate, its description after a tab; the line `:directories` stands for what the shell knows itself.
inline constexpr std::string_view hidden_command = "__complete";
inline constexpr std::string_view directories_line = ":directories";

/// What a shell reads to complete our command lines. Absent: not one of bash, zsh, fish. The scripts ask the program
/// for everything, so that they stay right when it changes.
std::optional<std::string_view> script_for(std::string_view shell);

} // namespace agent_dispatch::completion
