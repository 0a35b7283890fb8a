#pragma once

#include <caf/error.hpp>

namespace agent_dispatch {

/// Handles the error of a request to an actor whose death ends the process (supervisor.hpp): not at all. Whoever waits
/// is answered by the next supervisor, from disk. An answer in the time that is left would be taken for the last word,
/// and could deny what has been paid for.
inline constexpr auto left_to_the_next_supervisor = [](const caf::error&) {};

} // namespace agent_dispatch
