#include <catch2/catch.hpp>

#include <algorithm>

#include "actors/supervisor.hpp"
#include "messages/version.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;

namespace {

/// Journal: `NAME: VERB`, `NAME: start`, `NAME: close`.
class named_connection final : public connection {
public:
  named_connection(actor_world& world, std::string name) : world_{world}, name_{std::move(name)} {}
  void start(const session_actor&) override { world_.note(name_ + ": start"); }
  void send(std::string_view verb, std::uint64_t, std::string_view, importance) override {
    world_.note(name_ + ": " + std::string{verb});
  }
  void consumed() override { world_.note(name_ + ": consumed"); }
  void close() override { world_.note(name_ + ": close"); }

private:
  actor_world& world_;
  std::string name_;
};

struct supervisor_fixture {
  requests_actor::behavior_type take_requests(requests_actor::pointer self) {
    return {
        [this](const dispatch_call&) { world.note("requests: dispatch"); },
        [this](const cancel_request&) { world.note("requests: cancel"); },
        [this](const request_acknowledged&) { world.note("requests: acknowledged"); },
        [](const requests_kept&) {},
        [](const frontend_arrived&) {},
        [this](const frontend_disconnected&) { world.note("requests: lost"); },
        [this](const recheck_frontend&) { world.note("requests: recheck"); },
        [this, self](const drain_requests& order) {
          world.note(order.mode == stop_mode::now     ? "requests: stop now"
                     : order.mode == stop_mode::drain ? "requests: drain"
                                                      : "requests: keep runs");
          auto promise = self->make_response_promise<stop_report>();
          drains.push_back({promise, self});
          return caf::result<stop_report>{promise};
        },
        [](const recover_requests&) { return 0; },
        [](const retry_conclusion&) {},
        [](const drive_again&) {},
        [this](const finish_requests&) {
          world.note("requests: finish");
          return true;
        },
        [](const get_request_position&) { return queue_position_ptr{}; },
        [](const is_request_known&) { return false; },
        [](const get_cache_report&) { return cache_report{}; },
        [](const clear_cache&) { return cache_cleared{}; },
        [](const recheck_occupants&) {},
        [this](const run_progress&) { world.note("requests: progress"); },
        [this](const run_replayed&) { world.note("requests: replayed"); },
        [this](const run_finished&) { world.note("requests: finished"); },
        [](const composite_progress&) {},
        [](const composite_done&) {},
    };
  }

  session_actor make_session(caf::actor_system& in) {
    const auto make = [this](session_actor::pointer self) -> session_actor::behavior_type {
      return {
          [this](const request_progress&) { world.note("session: progress"); },
          [this](const request_answered&) { world.note("session: answered"); },
          [this](const frame_received&) { world.note("session: frame"); },
          [self](const connection_closed&) { self->quit(); },
          [this](const session_tick&) { world.note("session: tick"); },
          [this](const end_session& order) {
            world.note(order.mode == stop_mode::keep_runs ? "session: end, runs are kept" : "session: end");
          },
      };
    };
    return sessions.emplace_back(world.keep(in.spawn(make)));
  }

  void connect(int protocol = protocol_version) {
    auto hello = std::make_shared<frontend_hello>();
    hello->protocol = protocol;
    hello->version = "1";
    world.tell(supervisor, frontend_connected{std::make_shared<named_connection>(world, "link"), hello});
  }

  void stop(stop_mode mode) {
    const auto ask = [this, mode](caf::event_based_actor* self) {
      self->request(supervisor, caf::infinite, stop_supervisor{mode}).then([this](const stop_report& report) {
        world.note("stopped, " + std::to_string(report.ended.size()) + " ended");
      });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
  }

  actor_world world;
  bool holds_lock = true;
  owed<stop_report> drains;
  std::vector<session_actor> sessions;
  std::shared_ptr<config_script> config = scripted_config(world, config_with({"alpha"}));
  std::shared_ptr<editor_script> editor = scripted_editor(world);
  std::shared_ptr<viewer_script> viewer = scripted_viewer(world);
  std::shared_ptr<admission_script> admission = scripted_admission(world);
  std::shared_ptr<launcher_script> launcher = scripted_launcher(world);
  std::shared_ptr<jobs_script> jobs = scripted_jobs(world);
  requests_actor requests =
      world.keep(world.system().spawn([this](requests_actor::pointer self) { return take_requests(self); }));
  supervisor_process process{.where = {},
                             .holds_lock = [this] { return holds_lock; },
                             .stop_listening = [this] { world.note("stop listening"); },
                             .ended = [this] { world.note("ended"); },
                             .died = [this] { world.note("died"); }};
  supervisor_actor supervisor = world.keep(world.system().spawn(
      agent_dispatch::supervisor, process,
      supervised_actors{
          config->actor, editor->actor, viewer->actor, admission->actor, launcher->actor, requests, jobs->actor, {}},
      session_factory{[this](caf::actor_system& in, const core_actors&, const connection_ptr&,
                             const std::shared_ptr<const frontend_hello>&) { return make_session(in); }}));
};

} // namespace

TEST_CASE_METHOD(supervisor_fixture, "a frontend is welcomed before its session begins") {
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start"});
}

TEST_CASE_METHOD(supervisor_fixture, "a frontend of a newer protocol is refused") {
  connect(protocol_version + 1);
  CHECK(world.heard() == lines{"link: refused", "link: close"});
}

TEST_CASE_METHOD(supervisor_fixture, "a stop that waits for runs gives way to one that keeps them") {
  connect();
  world.heard();
  stop(stop_mode::drain);
  stop(stop_mode::keep_runs);
  world.heard();
  // The first one's answer comes first.
  world.reply(take(drains), stop_report{});
  const auto heard = world.heard();
  CHECK(std::count(heard.begin(), heard.end(), "session: end, runs are kept") == 1);
  CHECK(std::count(heard.begin(), heard.end(), "session: end") == 0);
}

TEST_CASE_METHOD(supervisor_fixture, "a stop is answered when the requests have ended, then the sessions are") {
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start"});
  stop(stop_mode::now);
  CHECK(world.heard() == lines{"requests: stop now"});
  world.reply(take(drains), stop_report{{{{"r1"}, {"alpha"}, {"s"}}}});
  auto heard = world.heard();
  CHECK(heard.at(0) == "stop listening");
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"session: end", "stop listening", "stopped, 1 ended"});
  world.tell(sessions.at(0), connection_closed{});
  CHECK(world.heard() == lines{"requests: finish", "ended"});
}

TEST_CASE_METHOD(supervisor_fixture, "sessions that do not end are left behind") {
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start"});
  world.tell(supervisor, shut_down{"a signal"});
  CHECK(world.heard() == lines{"requests: stop now"});
  world.reply(take(drains), stop_report{});
  CHECK(world.heard() == lines{"stop listening", "session: end"});
  world.pass(std::chrono::seconds{4});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"ended"});
}

TEST_CASE_METHOD(supervisor_fixture, "a frontend that comes while the supervisor leaves is told to end") {
  connect();
  world.tell(supervisor, shut_down{"a signal"});
  world.reply(take(drains), stop_report{});
  CHECK(world.heard() == lines{"link: welcome", "link: start", "requests: stop now", "stop listening", "session: end"});
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start", "session: end"});
}

TEST_CASE_METHOD(supervisor_fixture, "a supervisor that lost its lock takes nobody in and leaves its runs, once") {
  holds_lock = false;
  world.pass(std::chrono::seconds{5});
  CHECK(world.heard() == lines{"stop listening", "requests: keep runs"});
  world.pass(std::chrono::minutes{1});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(supervisor_fixture, "the death of an actor that everything depends on ends the process") {
  world.kill(admission->actor);
  CHECK(world.heard() == lines{"died"});
}

TEST_CASE_METHOD(supervisor_fixture, "the death of an actor while the supervisor leaves ends the process as well") {
  connect();
  world.tell(supervisor, shut_down{"a signal"});
  world.reply(take(drains), stop_report{});
  world.heard();
  world.kill(requests);
  CHECK(world.heard() == lines{"died"});
}

TEST_CASE_METHOD(supervisor_fixture, "the death of the supervisor's own actor ends the process") {
  world.kill(supervisor);
  CHECK(world.heard().front() == "died");
}

TEST_CASE_METHOD(supervisor_fixture, "a session that dies has its connection closed, and its frontend may come again") {
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start"});
  world.kill(sessions.at(0));
  CHECK(world.heard() == lines{"link: close", "jobs: unwatch all", "requests: lost"});
  connect();
  CHECK(world.heard() == lines{"link: welcome", "link: start"});
}

TEST_CASE_METHOD(supervisor_fixture, "a session that ends by itself leaves nothing to clear up") {
  connect();
  world.heard();
  world.tell(sessions.at(0), connection_closed{});
  CHECK(world.heard() == lines{});
}
