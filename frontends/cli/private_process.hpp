#pragma once

#include <sys/resource.h>
#include <sys/types.h>

namespace agent_dispatch {

/// What a process was started with, and hands on to its agents and to the programs it starts.
struct inherited_settings {
  mode_t umask = 0;
  rlimit core{}; ///< RLIMIT_CORE
};

/// From here on what this process makes is for its user alone, and can be used by him, whatever the umask it was
/// started with; and a crash leaves no image of its memory, which holds its caller's environment and prompts. Call
/// before there is a second thread.
void make_process_private();

/// As it was before that.
inherited_settings inherited();

} // namespace agent_dispatch
