#include <catch2/catch.hpp>

#include "actors/agent.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;

namespace {

struct agent_fixture {
  actor_world world;
  run_script runs;
  std::shared_ptr<admission_script> admission = scripted_admission(world);
  std::shared_ptr<listener_script> listener = scripted_listener(world);
  std::shared_ptr<jobs_script> jobs = scripted_jobs(world);
  std::shared_ptr<launcher_script> launcher = scripted_launcher(world);
  agent_actor alpha =
      world.keep(world.system().spawn(agent, admission->actor, jobs->actor, launcher->actor,
                                      run_spawner{[this](caf::actor_system&, run_spec_ptr spec, const run_listener&) {
                                        world.note("run " + spec->key.value + ": made");
                                        return scripted_run(world, runs, spec->key);
                                      }}));

  void queue(const std::string& key) {
    world.tell(alpha, execute_run{spec_of(key), listener->actor});
    CHECK(world.heard() == lines{"listener: " + key + " queued", "admission: admit " + key});
  }

  void start(const std::string& key) {
    queue(key);
    world.tell(alpha, run_granted{.run = {key}, .borrowed_from = {}});
    CHECK(world.heard() == lines{"run " + key + ": made", "run " + key + ": begin", "listener: " + key + " started"});
  }

  /// The run's actor dies, and the launcher says what has become of the run.
  void die(const std::string& key, run_condition condition) {
    world.kill(runs.actors[key]);
    CHECK(world.heard() == lines{"launcher: find " + key});
    world.reply(take(launcher->finds),
                recovered_request{.request = {}, .condition = condition, .how = {}, .borrowed_from = {}});
  }
};

} // namespace

TEST_CASE_METHOD(agent_fixture, "a run starts when it is granted, and its slot is released when it has finished") {
  start("r1");
  world.tell(alpha, run_progress{{"r1"}, {progress_kind::text, "hello"}});
  CHECK(world.heard() == lines{"listener: r1 text 'hello'"});
  world.tell(alpha, run_finished{{"r1"}, answer_of("done")});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(agent_fixture, "a cancelled run keeps its slot until it has finished") {
  start("r1");
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"run r1: cancel"});
  world.pass(std::chrono::hours{1});
  CHECK(world.heard() == lines{});
  world.tell(alpha, run_finished{{"r1"}, answer_of("")});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success ''"});
}

TEST_CASE_METHOD(agent_fixture, "a queued run that is cancelled is withdrawn and never made") {
  queue("r1");
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"admission: withdraw r1"});
  world.reply(take(admission->withdrawals), true);
  CHECK(world.heard() == lines{"listener: r1 finished, cancelled ''"});
}

TEST_CASE_METHOD(agent_fixture, "a grant that crosses its cancel is given back and starts nothing") {
  queue("r1");
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"admission: withdraw r1"});
  world.tell(alpha, run_granted{.run = {"r1"}, .borrowed_from = {}});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, cancelled ''"});
  world.reply(take(admission->withdrawals), false);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(agent_fixture, "a withdrawal that comes too late leaves the run to its grant") {
  queue("r1");
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"admission: withdraw r1"});
  world.reply(take(admission->withdrawals), false);
  CHECK(world.heard() == lines{});
  world.tell(alpha, run_granted{.run = {"r1"}, .borrowed_from = {}});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, cancelled ''"});
}

TEST_CASE_METHOD(agent_fixture, "a grant for a run that is not known is given back") {
  world.tell(alpha, run_granted{.run = {"r9"}, .borrowed_from = {}});
  CHECK(world.heard() == lines{"admission: release r9"});
}

TEST_CASE_METHOD(agent_fixture, "a second cancel says nothing new") {
  queue("r1");
  world.tell(alpha, cancel_run{{"r1"}});
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"admission: withdraw r1"});
  world.reply(take(admission->withdrawals), true);
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"listener: r1 finished, cancelled ''"});

  start("r2");
  world.tell(alpha, cancel_run{{"r2"}});
  world.tell(alpha, cancel_run{{"r2"}});
  CHECK(world.heard() == lines{"run r2: cancel"});
}

TEST_CASE_METHOD(agent_fixture, "a cancel after the end says nothing") {
  start("r1");
  world.tell(alpha, run_finished{{"r1"}, answer_of("done")});
  world.tell(alpha, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(agent_fixture, "a run is executed once, however often it is asked for") {
  start("r1");
  world.tell(alpha, execute_run{spec_of("r1"), listener->actor});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(agent_fixture, "a run whose actor dies goes on with another one, and keeps its seat") {
  start("r1");
  start("r2");
  die("r1", run_condition::live);
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"run r1: made", "run r1: resume"});
  world.tell(alpha, run_finished{{"r1"}, answer_of("done")});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success 'done'"});
  world.tell(alpha, run_finished{{"r2"}, answer_of("fine")});
  CHECK(world.heard() == lines{"admission: release r2", "listener: r2 finished, success 'fine'"});
}

TEST_CASE_METHOD(agent_fixture, "a run whose actor dies before it was started is begun anew") {
  start("r1");
  die("r1", run_condition::not_started);
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"run r1: made", "run r1: begin", "listener: r1 started"});
}

TEST_CASE_METHOD(agent_fixture, "a run whose actor dies again and again is ended, swept and answered, once") {
  start("r1");
  for (const auto pause : {std::chrono::milliseconds{100}, std::chrono::milliseconds{200}}) {
    die("r1", run_condition::live);
    world.pass(pause - std::chrono::milliseconds{1});
    CHECK(world.heard() == lines{});
    world.pass(std::chrono::milliseconds{1});
    CHECK(world.heard() == lines{"run r1: made", "run r1: resume"});
  }
  world.kill(runs.actors["r1"]);
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  world.reply(take(launcher->sweeps), 0);
  CHECK(world.heard() ==
        lines{"admission: release r1", "listener: r1 finished, fault: a process died and took the work with it"});
  world.tell(alpha, run_finished{{"r1"}, answer_of("late")});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(agent_fixture, "a cancel while a run has no actor is told to the next one") {
  start("r1");
  die("r1", run_condition::live);
  world.tell(alpha, cancel_run{{"r1"}});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"run r1: made", "run r1: resume", "run r1: cancel"});
}

TEST_CASE_METHOD(agent_fixture, "a cancel while a run that was not started has no actor starts nothing") {
  start("r1");
  die("r1", run_condition::not_started);
  world.tell(alpha, cancel_run{{"r1"}});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, cancelled ''"});
}

TEST_CASE_METHOD(agent_fixture, "a run that was taken over and is gone with its actor is lost, not started") {
  auto spec = spec_of("r1");
  spec->caller = nullptr;
  world.tell(alpha, adopt_run{spec, listener->actor, {}});
  CHECK(world.heard() == lines{"run r1: made", "run r1: resume", "listener: r1 started"});
  world.kill(runs.actors["r1"]);
  CHECK(world.heard() == lines{"launcher: find r1"});
  world.reply(take(launcher->finds), recovered_request{});
  CHECK(world.heard() ==
        lines{"admission: release r1", "listener: r1 finished, fault: a process died and took the work with it"});
}

TEST_CASE_METHOD(agent_fixture, "a run whose actor dies with nobody left to ask is the next supervisor's to answer") {
  start("r1");
  world.kill(launcher->actor);
  world.kill(runs.actors["r1"]);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(agent_fixture, "a run whose actor ends after its answer is answered once") {
  start("r1");
  world.tell(alpha, run_finished{{"r1"}, answer_of("done")});
  world.kill(runs.actors["r1"]);
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(agent_fixture, "progress after the end is not passed on") {
  start("r1");
  world.tell(alpha, run_finished{{"r1"}, answer_of("done")});
  world.tell(alpha, run_progress{{"r1"}, {progress_kind::text, "late"}});
  CHECK(world.heard() == lines{"admission: release r1", "listener: r1 finished, success 'done'"});
}
