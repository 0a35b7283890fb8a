#include "actors/viewer.hpp"

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"

namespace agent_dispatch {

viewer_actor::behavior_type viewer(viewer_actor::pointer self) {
  tell_exceptions(self);
  return {[](const look_at_directories& order) {
    crash_point("viewer");
    return directories_seen{std::make_shared<const ordered_json>(order.view())};
  }};
}

} // namespace agent_dispatch
