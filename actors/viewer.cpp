#include "actors/viewer.hpp"

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"

namespace agent_dispatch {

viewer_actor::behavior_type viewer(viewer_actor::pointer self) {
  tell_exceptions(self);
  return {[](const look_at_directories& order) -> caf::result<directories_seen> {
    crash_point("viewer");
    try {
      return directories_seen{std::make_shared<const ordered_json>(order.view())};
    } catch (const std::exception& problem) { // of one view: others are none the worse for it
      log::error("a look at directories of agents failed: {}", problem.what());
      return caf::make_error(caf::sec::runtime_error);
    }
  }};
}

} // namespace agent_dispatch
