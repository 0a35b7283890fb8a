#include "frontends/client/redial_policy.hpp"

#include <algorithm>

namespace agent_dispatch {

void redial_policy::connected(time now) {
  now_ = phase::connected;
  since_ = now;
}

void redial_policy::lost(time now, supervisor_end how, bool waits) {
  if (now - since_ >= good_life)
    heard();
  if (how == supervisor_end::died)
    lengthen_pause();
  next_ = now + pause_;
  // A planned end is followed at once, but not by the next and the next at once.
  if (how == supervisor_end::planned)
    lengthen_pause();
  now_ = how == supervisor_end::died || waits ? phase::due : phase::content;
}

void redial_policy::wanted(time now) {
  if (now_ != phase::content)
    return;
  now_ = phase::due;
  next_ = now;
}

void redial_policy::lengthen_pause() { pause_ = std::clamp<clock::duration>(pause_ * 2, first_pause, longest_pause); }

} // namespace agent_dispatch
