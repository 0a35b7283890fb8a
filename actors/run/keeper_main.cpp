#include <cstdlib>

#include <linux/close_range.h>
#include <unistd.h>

#include "actors/run/keeper.hpp"

/// agent-dispatch-run: started by the supervisor alone, with the descriptors of `keeper_fd`. Its arguments are for
/// people who look at the list of processes.
int main() {
  ::close_range(agent_dispatch::keeper_fd::control + 1, ~0U, 0);
  // Without atexit: there is nothing to flush, and everything to gain from being gone at once.
  std::_Exit(static_cast<int>(agent_dispatch::keep_run()));
}
