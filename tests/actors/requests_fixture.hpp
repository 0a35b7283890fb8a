#pragma once

#include <catch2/catch.hpp>

#include "actors/requests.hpp"
#include "tests/actors/neighbours.hpp"

namespace agent_dispatch {

/// The frontend of all requests.
inline const frontend_id front{"front"};

/// The requests between scripted neighbours.
struct requests_fixture {
  actor_world world;
  std::shared_ptr<config_script> config = scripted_config(world, config_with({"alpha"}));
  std::shared_ptr<admission_script> admission = scripted_admission(world);
  std::shared_ptr<launcher_script> launcher = scripted_launcher(world);
  std::shared_ptr<jobs_script> jobs = scripted_jobs(world);
  std::shared_ptr<agent_script> alpha = scripted_agent(world, "alpha");
  std::shared_ptr<requester_script> session = scripted_requester(world, "session");
  std::shared_ptr<requester_script> stopper = scripted_requester(world, "stopper");
  requests_actor requests =
      world.keep(world.system().spawn(agent_dispatch::requests, config->actor, admission->actor, launcher->actor,
                                      jobs->actor, agent_spawner{[this](caf::actor_system&) { return alpha->actor; }}));
  std::vector<stop_report> reports;

  dispatch_call call(std::uint64_t line, std::string agent = "alpha") {
    dispatch_call call{.request = {front, line},
                       .caller = std::make_shared<const caller_context>(),
                       .run = {},
                       .waiting = session->actor};
    call.run.agent = {std::move(agent)};
    call.run.task = "work";
    return call;
  }

  /// Asked for by the agent of the run of another line.
  dispatch_call nested(std::uint64_t line, std::uint64_t parent) {
    auto inner = call(line);
    auto caller = std::make_shared<caller_context>();
    caller->parent = run_key{key(parent)};
    caller->depth = 1;
    inner.caller = std::move(caller);
    return inner;
  }

  void execute(std::uint64_t line) { execute(line, call(line)); }

  void execute(std::uint64_t line, const dispatch_call& asked) {
    world.tell(requests, asked);
    auto heard = world.heard();
    std::erase(heard, "admission: 5 slots");
    CHECK(heard == lines{"alpha: execute " + key(line)});
  }

  /// The run has its slot and starts.
  void begin(std::uint64_t line) {
    world.tell(requests, run_progress{{key(line)}, {progress_kind::started, {}}});
    CHECK(world.heard().size() == 1);
  }

  std::string key(std::uint64_t line) const { return "front." + std::to_string(line) + ".0"; }

  void finish(std::uint64_t line, dispatch_answer answer) {
    world.tell(requests, run_finished{{key(line)}, std::move(answer)});
  }

  void expect_cancel(std::uint64_t line, run_keys children = {}) {
    CHECK(world.heard() == lines{"alpha: cancel " + key(line), "admission: who is below " + key(line)});
    world.reply(take(admission->descendants), std::move(children));
  }

  void disconnect(bool alive) {
    world.tell(requests, frontend_disconnected{front});
    CHECK(world.heard() == lines{"launcher: is front alive"});
    say_alive(alive);
  }

  void say_alive(bool alive) { world.reply(take(launcher->frontends), alive); }

  /// The report is noted when it comes.
  void drain(stop_mode mode) {
    const auto ask = [this, mode](caf::event_based_actor* self) {
      self->request(requests, caf::infinite, drain_requests{mode}).then([this](const stop_report& report) {
        world.note("drained, " + std::to_string(report.ended.size()) + " ended");
        reports.push_back(report);
      });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }

  /// The frontend is there, and has a connection.
  void arrive() { world.tell(requests, frontend_arrived{front, std::make_shared<const caller_context>()}); }

  /// An earlier supervisor has left the request of this line.
  void leave_behind(std::uint64_t line, run_condition condition) {
    auto spec = spec_of(key(line));
    auto found = std::make_shared<recovered_state>(*launcher->found);
    found->requests.push_back({.request = std::make_shared<const accepted_request>(
                                   accepted_request{.key = {front, line}, .spec = spec, .deaths = 0}),
                               .condition = condition,
                               .how = {},
                               .borrowed_from = {}});
    launcher->found = std::move(found);
  }

  void recover() {
    const auto ask = [this](caf::event_based_actor* self) {
      self->request(requests, caf::infinite, recover_requests{}).then([this](int count) {
        world.note("recovered " + std::to_string(count));
      });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }

  /// The supervisor has no session left.
  void finish_all() {
    const auto ask = [this](caf::event_based_actor* self) {
      self->request(requests, caf::infinite, finish_requests{}).then([this](bool) { world.note("finished"); });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }

  void finish_discarding() { world.reply(take(launcher->discarding), true); }
};

} // namespace agent_dispatch
