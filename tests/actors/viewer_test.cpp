#include "actors/viewer.hpp"

#include <catch2/catch.hpp>

#include "tests/actors/actor_world.hpp"

using namespace agent_dispatch;

TEST_CASE("a view that fails is one error, and the next one is made") {
  actor_world world;
  const auto viewer = world.keep(world.system().spawn(agent_dispatch::viewer));
  const auto look = [&](directory_view view) {
    world.keep(world.system().spawn([&world, viewer, view](caf::event_based_actor* self) {
      self->request(viewer, caf::infinite, look_at_directories{view})
          .then([&world](const directories_seen& seen) { world.note(seen.value->dump()); },
                [&world](const caf::error&) { world.note("failed"); });
    }));
    world.settle();
  };
  look([]() -> ordered_json { throw std::runtime_error{"no memory, say"}; });
  look([] { return ordered_json{"seen"}; });
  CHECK(world.heard() == lines{"failed", R"(["seen"])"});
}
