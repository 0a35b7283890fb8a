#pragma once

#include <filesystem>

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Reads two small files of a run directory.
exit_report read_exit_report(const std::filesystem::path& run_directory);

} // namespace agent_dispatch
