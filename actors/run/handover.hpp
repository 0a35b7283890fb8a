#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "actors/run/launch.hpp"
#include "messages/fault.hpp"

/// What a supervisor that leaves on purpose tells the next one, and what must be on no disk: the environments of what
/// is queued. A process of its own holds it meanwhile (holder.hpp).
namespace agent_dispatch {

/// Starts a holder of `content` that listens at `socket`, replacing one that is there. It ends when the content was
/// taken, or when there is nothing left in the directory `requests`. Returns its pid, a child of this process. Fails
/// with `io`; nothing is held then.
expected<pid_t> hand_over(const keeper_program& program, const std::filesystem::path& socket,
                          const std::filesystem::path& requests, std::string_view content);

/// Takes what is held at `socket`: its holder ends. Empty when there is none. Fails with `io` when the holder does not
/// give it all, within seconds; nobody is asked again then.
expected<std::string> take_handover(const std::filesystem::path& socket);

} // namespace agent_dispatch
