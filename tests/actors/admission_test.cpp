#include <catch2/catch.hpp>

#include "actors/admission.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;

namespace {

struct admission_fixture {
  actor_world world;
  std::shared_ptr<agent_script> alpha = scripted_agent(world, "alpha");
  std::shared_ptr<agent_script> beta = scripted_agent(world, "beta");
  admission_actor admission = world.keep(world.system().spawn(agent_dispatch::admission, 1));

  void admit(const std::string& key, const agent_script& agent, std::string name) {
    world.tell(admission, admit_run{spec_of(key, std::move(name)), agent.actor});
  }

  void withdraw(const std::string& key) {
    const auto ask = [this, key](caf::event_based_actor* self) {
      self->request(admission, caf::infinite, withdraw_run{{key}}).then([this, key](bool was_queued) {
        world.note(key + (was_queued ? " withdrawn" : " not queued"));
      });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }
};

} // namespace

TEST_CASE_METHOD(admission_fixture, "an agent is told when a slot is free, and not before") {
  admit("r1", *alpha, "alpha");
  CHECK(world.heard() == lines{"alpha: granted r1"});
  admit("r2", *beta, "beta");
  CHECK(world.heard() == lines{});
  world.tell(admission, release_run{{"r1"}});
  CHECK(world.heard() == lines{"beta: granted r2"});
}

TEST_CASE_METHOD(admission_fixture, "a run that was withdrawn is not granted") {
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  CHECK(world.heard() == lines{"alpha: granted r1"});
  withdraw("r2");
  CHECK(world.heard() == lines{"r2 withdrawn"});
  world.tell(admission, release_run{{"r1"}});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(admission_fixture, "a run that was granted is not withdrawn, and keeps its slot") {
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  withdraw("r1");
  CHECK(world.heard() == lines{"alpha: granted r1", "r1 not queued"});
  world.tell(admission, release_run{{"r1"}});
  CHECK(world.heard() == lines{"beta: granted r2"});
}

TEST_CASE_METHOD(admission_fixture, "more slots are handed out at once") {
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  CHECK(world.heard() == lines{"alpha: granted r1"});
  world.tell(admission, set_max_concurrency{2});
  CHECK(world.heard() == lines{"beta: granted r2"});
}

TEST_CASE_METHOD(admission_fixture, "what is released without being there changes nothing") {
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  world.tell(admission, release_run{{"r9"}});
  CHECK(world.heard() == lines{"alpha: granted r1"});
}
