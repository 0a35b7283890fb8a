#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace agent_dispatch {

/// Who has written a record or run directory: machine id, boot id, pid namespace and configuration (the jobs
/// directory's real path), joined by `:`. Only the same owner may call a run of another life "gone" at once. A part
/// that cannot be told is `-`.
std::string owner_of(const std::filesystem::path& jobs);

/// Whether an owner is this one, or this one before the machine was started anew: then nothing of it can be alive.
bool is_same_owner(std::string_view other, std::string_view own);

} // namespace agent_dispatch
