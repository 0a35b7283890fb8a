#pragma once

#include <string_view>

namespace agent_dispatch {

/// Descriptors that a keeper is started with; no others.
namespace keeper_fd {
inline constexpr int prompt = 0;    ///< memfd, read-only: the CLI's stdin
inline constexpr int directory = 3; ///< the run directory
inline constexpr int order = 4;     ///< memfd with the encoded launch_order
inline constexpr int control = 5;   ///< read end of the FIFO; no other process ever has one
} // namespace keeper_fd

/// How a keeper's process ends. The supervisor needs none of it: the run directory says what happened.
enum class keeper_exit : int {
  done = 0,        ///< exit.json is written
  no_lock = 10,    ///< another keeper has this run, or the directory is gone
  no_claim = 11,   ///< somebody claimed the start first: nothing was started
  no_draft = 12,   ///< there is no place reserved for exit.json: nothing was started
  unrecorded = 13, ///< exit.json could not be written
  unsafe = 14,     ///< it is there, and may not outlive a power cut
};

/// The keeper of one run, from lock to exit.json. Needs the descriptors of `keeper_fd`, and 1 and 2 open.
/// Single-threaded, and alone in its process: it takes over signals, session, subreaping and every child.
///
///     starting ──fork──▶ running ──CLI ends──▶ (sweep, if it crashed) ──▶ exit.json
///                           │
///                           │ deadline, cancel, output limit: SIGINT
///                           ▼
///                      interrupted ──grace: SIGTERM──▶ terminated ──grace: SIGKILL──▶ killed
///                           └────────────────┬─────────────┴─────────────────────────────┘
///                                            │ CLI ends; or 5 s after SIGKILL: it stays
///                                            ▼
///                                          sweep ──▶ exit.json
///
/// Events in each state:
/// | event                  | running                | interrupted, terminated     | killed                |
/// |------------------------|------------------------|-----------------------------|-----------------------|
/// | CLI ends               | ended                  | ended                       | ended                 |
/// | cancel, SIGTERM to us  | SIGINT, → interrupted  | nothing: it is under way    | nothing               |
/// | deadline, output limit | the same               | nothing                     | nothing               |
/// | extend                 | deadline moves         | nothing: too late           | nothing               |
/// | grace is over          | (cannot be)            | next signal, → next state   | ended, as it is       |
keeper_exit keep_run();

} // namespace agent_dispatch
