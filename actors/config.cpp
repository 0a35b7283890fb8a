#include "actors/config.hpp"

namespace agent_dispatch {

config_actor::behavior_type config(config_actor::pointer, std::shared_ptr<config_file> file) {
  return {[file = std::move(file)](const get_config&) -> config_snapshot_ptr { return file->current(); }};
}

} // namespace agent_dispatch
