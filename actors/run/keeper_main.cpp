#include <cstdlib>
#include <string_view>

#include <linux/close_range.h>
#include <unistd.h>

#include "actors/run/holder.hpp"
#include "actors/run/keeper.hpp"

/// agent-dispatch-run: started by the supervisor alone. With the descriptors of `keeper_fd` it keeps a run, whose key
/// is its argument for people who look at the list of processes; as a holder it has the descriptors of `holder_fd`.
int main(int count, char** arguments) {
  ::close_range(agent_dispatch::keeper_fd::control + 1, ~0U, 0);
  if (count == 4 && std::string_view{arguments[1]} == agent_dispatch::holder_argument)
    std::_Exit(
        static_cast<int>(agent_dispatch::hold_until_taken(arguments[2], arguments[3], std::chrono::seconds{60})));
  // Without atexit: there is nothing to flush, and everything to gain from being gone at once.
  std::_Exit(static_cast<int>(agent_dispatch::keep_run()));
}
