#pragma once

#include <filesystem>
#include <string_view>

/// Points of the protocol at which a test can have the supervisor die, so that each state that a kill -9 may leave can
/// be made on purpose; and one in each actor at which a test can have that actor die. Only in builds with
/// AGENT_DISPATCH_DEATH_POINTS; in others they are nothing.
namespace agent_dispatch {

#ifdef AGENT_DISPATCH_DEATH_POINTS

/// From now on `death_point` looks for the file `die-at` in this directory, `crash_point` for `crash-at`. Once, before
/// there is a second thread.
void enable_death_points(const std::filesystem::path& state);

/// Kills this process with SIGKILL when the file holds this name; the file is removed before.
void death_point(std::string_view name);

/// Throws when the file holds this name; the file is removed before. Where it holds the name and ` always`, it stays.
void crash_point(std::string_view name);

#else

inline void enable_death_points(const std::filesystem::path&) {}
inline void death_point(std::string_view) {}
inline void crash_point(std::string_view) {}

#endif

} // namespace agent_dispatch
