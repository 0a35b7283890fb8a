#pragma once

#include "messages/ids.hpp"

namespace agent_dispatch {

/// Ends what is left of a run. A process belongs to it when AGENT_DISPATCH_RUN=<key> is in its environment (and it is
/// of our user), or when it descends from one that belongs. All of them are stopped, until a look around finds no new
/// one (what is stopped cannot fork), and then killed.
///
/// Never touched: this process, and any supervisor or keeper that holds its own lock, nor what descends from them
/// without the mark. A run may have started a supervisor for its nested dispatches, and that one works for others too.
///
/// Blocks for at most `limits::sweep_time`. Returns how many processes are still there then.
int sweep_by_mark(const run_key& run);

/// The same, and every descendant of this process as well. For a keeper: it is a subreaper, so processes that left the
/// CLI's group and session are its descendants still. Reaps all its children.
int sweep_own_run(const run_key& run);

} // namespace agent_dispatch
