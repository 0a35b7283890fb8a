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

  template <class Answer, class Question>
  Answer ask(Question question) {
    auto answer = std::make_shared<std::optional<Answer>>();
    const auto asker = [this, question, answer](caf::event_based_actor* self) {
      self->request(admission, caf::infinite, question).then([answer](const Answer& given) { *answer = given; });
    };
    world.keep(world.system().spawn(asker));
    world.settle();
    return answer->value();
  }

  std::string reason(const std::string& key) {
    const auto place = ask<queue_position_ptr>(get_queue_position{{key}});
    return place ? place->reason : "not queued";
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

TEST_CASE_METHOD(admission_fixture, "while the API is overloaded, runs start one after the other, whoever's they are") {
  world.tell(admission, set_max_concurrency{5});
  world.tell(admission, api_troubled{{.status = 529}});
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  CHECK(world.heard() == lines{});
  CHECK(reason("r1") == "the API is overloaded (it answers 529): runs start 1 s apart, the next in 1 s");
  world.pass(std::chrono::milliseconds{999});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{1});
  CHECK(world.heard() == lines{"alpha: granted r1"});
  world.pass(std::chrono::milliseconds{999});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{1});
  CHECK(world.heard() == lines{"beta: granted r2"});
}

TEST_CASE_METHOD(admission_fixture, "it recovers by itself, and then everything starts at once") {
  world.tell(admission, set_max_concurrency{5});
  world.tell(admission, api_troubled{{.status = 429, .pause = std::chrono::seconds{30}}});
  for (const auto* run : {"r1", "r2"})
    admit(run, *alpha, run);
  const auto figures = ask<admission_figures>(get_admission{});
  REQUIRE(figures.overload);
  CHECK(figures.overload->status == 429);
  CHECK(figures.overload->start_interval == std::chrono::seconds{1});
  CHECK(figures.overload->next_start == std::chrono::seconds{30});
  world.pass(std::chrono::seconds{30});
  CHECK(world.heard() == lines{"alpha: granted r1"});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"alpha: granted r2"});
  world.pass(std::chrono::seconds{1});
  CHECK_FALSE(ask<admission_figures>(get_admission{}).overload);
  for (const auto* run : {"r3", "r4", "r5"})
    admit(run, *alpha, run);
  CHECK(world.heard() == lines{"alpha: granted r3", "alpha: granted r4", "alpha: granted r5"});
}

TEST_CASE_METHOD(admission_fixture, "a run that succeeds afterwards ends the slow starts") {
  world.tell(admission, set_max_concurrency{5});
  const auto before = world.system().clock().now();
  world.pass(std::chrono::seconds{1});
  world.tell(admission, api_troubled{});
  admit("r1", *alpha, "alpha");
  world.tell(admission, api_answered{before});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{500});
  world.tell(admission, api_answered{world.system().clock().now()});
  CHECK(world.heard() == lines{"alpha: granted r1"});
}

TEST_CASE_METHOD(admission_fixture, "a request that is wrong slows nobody down") {
  world.tell(admission, api_troubled{{.status = 401, .pause = std::chrono::seconds{9}}});
  admit("r1", *alpha, "alpha");
  CHECK(world.heard() == lines{"alpha: granted r1"});
}

TEST_CASE_METHOD(admission_fixture, "who waits is told who is in the way") {
  admit("r1", *alpha, "alpha");
  admit("r2", *beta, "beta");
  const auto slot = ask<queue_position_ptr>(get_queue_position{{"r2"}, true});
  REQUIRE(slot);
  CHECK(slot->reason == "the only slot is in use");
  REQUIRE(slot->holders.size() == 1);
  CHECK(slot->holders[0].run.value == "r1");
  world.tell(admission, set_max_concurrency{5});
  admit("r3", *alpha, "alpha");
  const auto seat = ask<queue_position_ptr>(get_queue_position{{"r3"}, true});
  REQUIRE(seat);
  REQUIRE(seat->holders.size() == 1);
  CHECK(seat->holders[0].agent.value == "alpha");
  CHECK(world.heard() == lines{"alpha: granted r1", "beta: granted r2"});
}
