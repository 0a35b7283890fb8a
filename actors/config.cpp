#include "actors/config.hpp"

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"

namespace agent_dispatch {

config_actor::behavior_type config(config_actor::pointer self, std::shared_ptr<config_file> file) {
  tell_exceptions(self);
  return {[file = std::move(file)](const get_config&) -> config_snapshot_ptr {
    crash_point("config");
    return file->current();
  }};
}

} // namespace agent_dispatch
