#pragma once

#include <filesystem>
#include <string_view>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// The program that execvp would start for `name`, as an absolute path. `path_value` is the caller's PATH; empty or
/// unset means /bin:/usr/bin. Empty and relative entries, and a name with a slash, are relative to `directory`
/// (absolute). Fails with `io`, saying what was looked for and where, when there is none or the one found may not be
/// executed.
expected<std::filesystem::path> find_program(std::string_view name, std::string_view path_value,
                                             const std::filesystem::path& directory);

} // namespace agent_dispatch
