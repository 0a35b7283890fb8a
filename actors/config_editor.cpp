#include "actors/config_editor.hpp"

#include <algorithm>

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"

namespace agent_dispatch {

namespace {

/// Carries out one order.
struct edit {
  const config_paths& paths;
  std::chrono::milliseconds patience;

  expected<saved_configuration> operator()(const add_agent_order& order) const {
    const auto directory = project_directory(order.directory, order.home, order.base);
    if (!directory)
      return tl::make_unexpected(directory.error());
    const auto agent = new_agent(order.name, *directory, order.form);
    if (!agent)
      return tl::make_unexpected(agent.error());
    return add_agent(paths, *agent, patience);
  }
  expected<saved_configuration> operator()(const update_agent_order& order) const {
    return update_agent(paths, order.name, order.update, patience);
  }
  expected<saved_configuration> operator()(const remove_agent_order& order) const {
    return remove_agent(paths, order.name, patience);
  }
};

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds{0});
}

} // namespace

config_editor_actor::behavior_type config_editor(config_editor_actor::pointer self, config_paths paths) {
  tell_exceptions(self);
  return {[paths = std::move(paths)](const edit_agents& order) {
    crash_point("config editor");
    agents_edited done{std::visit(edit{paths, left_until(order.until)}, order.order)};
    if (const auto* added = std::get_if<add_agent_order>(&order.order); added && done.saved)
      done.health = health_of(done.saved->value.find_agent({added->name})->directory);
    return done;
  }};
}

} // namespace agent_dispatch
