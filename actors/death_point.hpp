#pragma once

#include <filesystem>
#include <string_view>

/// Points of the protocol at which a test can have the supervisor die, so that each state that a kill -9 may leave can
/// be made on purpose. Only in builds with AGENT_DISPATCH_DEATH_POINTS; in others they are nothing.
namespace agent_dispatch {

#ifdef AGENT_DISPATCH_DEATH_POINTS

/// From now on `death_point` looks for the file `die-at` in this directory.
void enable_death_points(const std::filesystem::path& state);

/// Kills this process with SIGKILL when the file holds this name; the file is removed before.
void death_point(std::string_view name);

#else

inline void enable_death_points(const std::filesystem::path&) {}
inline void death_point(std::string_view) {}

#endif

} // namespace agent_dispatch
