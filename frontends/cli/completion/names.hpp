#pragma once

#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/completion/candidates.hpp"

/// Names for a shell, read from the files at once: no supervisor is asked or started. What cannot be read has no names.
namespace agent_dispatch::completion {

/// More than that nobody picks from.
inline constexpr std::size_t most_names = 200;

std::vector<candidate> agent_names(const cli_io& io);
std::vector<candidate> group_names(const cli_io& io);

/// Those that begin with `prefix`, the last changed first.
std::vector<candidate> job_names(const cli_io& io, std::string_view prefix);

} // namespace agent_dispatch::completion
