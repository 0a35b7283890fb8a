#include <catch2/catch.hpp>

#include "actors/restarting.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

/// The configuration's actor behind the one that makes it anew. Each child answers when the test says so.
struct restarting_fixture {
  actor_world world;
  std::vector<std::shared_ptr<config_script>> children;
  config_snapshot_ptr unchanged; ///< when there is one, it is all that is asked for
  config_actor config = world.keep(restarting_config(
      world.system(),
      [this](caf::actor_system&) {
        world.note("made");
        children.push_back(scripted_config(world, config_with({"alpha"})));
        children.back()->answers = false;
        return children.back()->actor;
      },
      [this] { return unchanged; }));

  void ask() {
    const auto ask = [this](caf::event_based_actor* self) {
      self->request(config, caf::infinite, get_config{})
          .then([this](const config_snapshot_ptr&) { world.note("answered"); },
                [this](const caf::error&) { world.note("told of an error"); });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }

  void answer() { world.reply(take(children.back()->questions), config_snapshot_ptr{}); }
};

} // namespace

TEST_CASE_METHOD(restarting_fixture, "what is asked is passed on, and so is the answer") {
  ask();
  ask();
  CHECK(world.heard() == lines{"made", "config: asked", "config: asked"});
  answer();
  answer();
  CHECK(world.heard() == lines{"answered", "answered"});
}

TEST_CASE_METHOD(restarting_fixture, "a configuration that has not changed is answered at once") {
  unchanged = std::make_shared<const config_snapshot>();
  ask();
  CHECK(world.heard() == lines{"answered"});
  unchanged = nullptr;
  ask();
  CHECK(world.heard() == lines{"made", "config: asked"});
}

TEST_CASE_METHOD(restarting_fixture, "all who wait are told of a death, once") {
  ask();
  ask();
  world.heard();
  world.kill(children.front()->actor);
  CHECK(world.heard() == lines{"told of an error", "told of an error"});
  world.pass(1h);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(restarting_fixture, "nobody waits for one that rests, and the next is made once it may") {
  ask();
  world.kill(children.front()->actor);
  world.heard();
  world.pass(99ms);
  ask();
  CHECK(world.heard() == lines{"told of an error"});
  world.pass(1ms);
  ask();
  CHECK(world.heard() == lines{"made", "config: asked"});
  answer();
  CHECK(world.heard() == lines{"answered"});
}

TEST_CASE_METHOD(restarting_fixture, "the pause grows from death to death") {
  for (const auto pause : {100ms, 200ms, 400ms}) {
    ask();
    world.kill(children.back()->actor);
    world.heard();
    world.pass(pause - 1ms);
    ask();
    CHECK(world.heard() == lines{"told of an error"});
    world.pass(1ms);
  }
}

TEST_CASE_METHOD(restarting_fixture, "who stands in front ends the one behind it") {
  ask();
  world.heard();
  world.kill(config, caf::exit_reason::user_shutdown);
  const auto behind = children.front()->actor;
  ask();
  CHECK(world.heard() == lines{"told of an error"});
}
