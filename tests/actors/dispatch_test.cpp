#include <catch2/catch.hpp>

#include <algorithm>

#include "actors/admission.hpp"
#include "actors/agent.hpp"
#include "actors/requests.hpp"
#include "actors/run.hpp"
#include "actors/run/run_handles.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;

namespace {

/// All actors between a session and the launcher, the real ones.
struct dispatch_fixture {
  actor_world world;
  scripted_watcher watcher{world};
  std::shared_ptr<config_script> config = scripted_config(world, config_with({"alpha", "beta"}));
  std::shared_ptr<launcher_script> launcher = scripted_launcher(world);
  std::shared_ptr<requester_script> session = scripted_requester(world, "session");
  std::shared_ptr<jobs_script> jobs = scripted_jobs(world);
  admission_actor admission = world.keep(world.system().spawn(agent_dispatch::admission, 5));
  std::vector<run_actor> runs;
  requests_actor requests = world.keep(
      world.system().spawn(agent_dispatch::requests, config->actor, admission, launcher->actor, jobs->actor,
                           agent_spawner{[this](caf::actor_system& in) {
                             return world.keep(in.spawn(agent, admission, jobs->actor, launcher->actor, spawner()));
                           }}));

  run_spawner spawner() {
    return [this](caf::actor_system& in, run_spec_ptr spec, const run_listener& listener) {
      runs.push_back(
          world.keep(in.spawn(run, std::move(spec), listener, run_services{launcher->actor, admission, &watcher})));
      return runs.back();
    };
  }

  void ask(std::uint64_t line, std::string agent, std::optional<run_key> parent = {}) {
    auto caller = std::make_shared<caller_context>();
    caller->parent = std::move(parent);
    dispatch_call call{.request = {{"front"}, line}, .caller = caller, .run = {}, .waiting = session->actor};
    call.run.agent = {std::move(agent)};
    call.run.task = "work";
    world.tell(requests, std::move(call));
  }

  void launched() {
    world.reply(take(launcher->launches),
                launch_result{std::make_shared<run_handles>(unique_fd{}, unique_fd{}), {}, {}});
    CHECK(world.heard() == lines{"watch"});
  }

  void ends(std::size_t run, const std::string& key, end_reason reason) {
    world.tell(runs.at(run), keeper_gone{});
    CHECK(world.heard() == lines{"launcher: read exit of " + key});
    exit_record record;
    record.started = true;
    record.exit_code = 1;
    record.reason = reason;
    world.reply(take(launcher->exits), exit_report{std::optional{record}, {}});
  }
};

lines sorted(lines heard) {
  std::sort(heard.begin(), heard.end());
  return heard;
}

} // namespace

TEST_CASE_METHOD(dispatch_fixture, "a second run of an agent waits until the first one's keeper is gone") {
  ask(1, "alpha");
  CHECK(sorted(world.heard()) == lines{"launcher: launch front.1.0", "session: 1 queued", "session: 1 started"});
  launched();
  ask(2, "alpha");
  CHECK(world.heard() == lines{"session: 2 queued"});
  world.tell(requests, cancel_request{{{"front"}, 1}});
  CHECK(world.heard() == lines{"tell the keeper to end"});
  ends(0, "front.1.0", end_reason::cancelled);
  CHECK(sorted(world.heard()) ==
        lines{"launcher: launch front.2.0", "session: 1 answered, cancelled ''", "session: 2 started"});
}

TEST_CASE_METHOD(dispatch_fixture, "a queued child is cancelled with its parent and never launched") {
  ask(1, "alpha");
  CHECK(world.heard().size() == 3);
  launched();
  ask(2, "beta");
  CHECK(world.heard().size() == 3);
  launched();
  ask(3, "beta", run_key{"front.1.0"});
  CHECK(world.heard() == lines{"session: 3 queued"});
  world.tell(requests, cancel_request{{{"front"}, 1}});
  CHECK(sorted(world.heard()) == lines{"session: 3 answered, cancelled ''", "tell the keeper to end"});
  ends(1, "front.2.0", end_reason::none);
  CHECK(sorted(world.heard()) == lines{"session: 2 answered, cli_error ''"});
}

TEST_CASE_METHOD(dispatch_fixture, "a cancel ends a run once, whichever comes first, it or the grant") {
  const int steps = GENERATE(range(0, 16));
  auto caller = std::make_shared<caller_context>();
  dispatch_call call{.request = {{"front"}, 1}, .caller = caller, .run = {}, .waiting = session->actor};
  call.run.agent = {"alpha"};
  caf::anon_send(requests, call);
  world.go(steps);
  world.tell(requests, cancel_request{{{"front"}, 1}});
  if (launcher->launches.empty()) {
    const auto heard = world.heard();
    CHECK(heard.back() == "session: 1 answered, cancelled ''");
    CHECK(std::count(heard.begin(), heard.end(), heard.back()) == 1);
    CHECK(runs.empty());
  } else {
    CHECK(sorted(world.heard()) == lines{"launcher: launch front.1.0", "session: 1 queued", "session: 1 started"});
    world.reply(take(launcher->launches),
                launch_result{std::make_shared<run_handles>(unique_fd{}, unique_fd{}), {}, {}});
    CHECK(world.heard() == lines{"watch", "tell the keeper to end"});
    ends(0, "front.1.0", end_reason::cancelled);
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
  }
  ask(2, "alpha");
  CHECK(sorted(world.heard()) == lines{"launcher: launch front.2.0", "session: 2 queued", "session: 2 started"});
}

TEST_CASE_METHOD(dispatch_fixture, "a run whose actor dies gets another one, and is answered once") {
  ask(1, "alpha");
  CHECK(world.heard().size() == 3);
  launched();
  world.kill(runs.at(0));
  CHECK(world.heard() == lines{"launcher: find front.1.0"});
  ask(2, "alpha"); // its seat is taken
  CHECK(world.heard() == lines{"session: 2 queued"});
  world.reply(take(launcher->finds),
              recovered_request{.request = {},
                                .condition = run_condition::live,
                                .how = {.handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{})},
                                .borrowed_from = {}});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"watch"});
  ends(1, "front.1.0", end_reason::cancelled);
  CHECK(sorted(world.heard()) ==
        lines{"launcher: launch front.2.0", "session: 1 answered, cancelled ''", "session: 2 started"});
}
