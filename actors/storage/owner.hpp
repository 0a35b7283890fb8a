#pragma once

#include <filesystem>
#include <string>

namespace agent_dispatch {

/// Who has written a record or run directory: machine id, boot id, pid namespace and configuration (the jobs
/// directory's real path), joined by `:`. Only the same owner may call a run of another life "gone" at once. A part
/// that cannot be told is `-`.
std::string owner_of(const std::filesystem::path& jobs);

} // namespace agent_dispatch
