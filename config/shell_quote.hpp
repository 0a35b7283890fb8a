#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agent_dispatch {

/// `word` as a POSIX shell reads it back unchanged: as it is when that is safe, else in single quotes.
std::string shell_quote(std::string_view word);

/// A command line that works when pasted.
std::string shell_command(const std::vector<std::string>& words);

} // namespace agent_dispatch
