#include "tests/actors/actor_world.hpp"

#include <catch2/catch.hpp>

#include "actors/log.hpp"

namespace agent_dispatch {

actor_world::actor_world() {
  spdlog::set_level(spdlog::level::off);
  system_.await_actors_before_shutdown(false);
}

actor_world::~actor_world() {
  CHECK(heard() == lines{});
  for (const auto& actor : kept_)
    caf::anon_send_exit(caf::actor_cast<caf::actor>(actor), caf::exit_reason::kill);
  settle();
}

void actor_world::pass(caf::timespan time) {
  settle();
  scheduler().advance_time(time);
  settle();
}

lines actor_world::heard() {
  settle();
  return std::exchange(journal_, {});
}

} // namespace agent_dispatch
