#include "actors/logic/restart_policy.hpp"

#include <algorithm>

namespace agent_dispatch {

restart_policy::clock::time_point restart_policy::died(clock::time_point now) {
  if (now - began_ >= good_life)
    deaths_ = 0;
  return now + pause_after(++deaths_);
}

restart_policy::clock::duration restart_policy::pause_after(int deaths) {
  clock::duration pause = first_pause;
  while (--deaths > 0 && pause < longest_pause)
    pause *= 2;
  return std::min<clock::duration>(pause, longest_pause);
}

} // namespace agent_dispatch
