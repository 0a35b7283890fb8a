#pragma once

namespace agent_dispatch {

inline constexpr const char* program_version = "0.1.0";

/// Number of the socket protocol; the supervisor understands this one and the one before.
inline constexpr int protocol_version = 1;

/// Number of the format of an accepted request.
inline constexpr int request_format = 1;

/// Number of the run directory's format.
inline constexpr int run_format = 1;

} // namespace agent_dispatch
