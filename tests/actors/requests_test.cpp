#include <catch2/catch.hpp>

#include <algorithm>

#include "messages/limits.hpp"
#include "tests/actors/requests_fixture.hpp"

using namespace agent_dispatch;

TEST_CASE_METHOD(requests_fixture, "a request is executed, answered once and forgotten when it is acknowledged") {
  execute(1);
  world.tell(requests, run_progress{{key(1)}, {progress_kind::text, "hello"}});
  CHECK(world.heard() == lines{"session: 1 text 'hello'"});
  finish(1, answer_of("done"));
  finish(1, answer_of("again"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
  world.tell(requests, request_acknowledged{{front, 1}});
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
  world.tell(requests, request_acknowledged{{front, 1}});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(requests_fixture, "an acknowledgement before the end of the run forgets nothing") {
  execute(1);
  world.tell(requests, request_acknowledged{{front, 1}});
  CHECK(world.heard() == lines{});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
}

TEST_CASE_METHOD(requests_fixture, "the same request twice is executed once, and the second asker gets the answer") {
  execute(1);
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
}

TEST_CASE_METHOD(requests_fixture, "an unknown agent is answered with those that there are") {
  world.tell(requests, call(1, "nobody"));
  CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, fault: there is no such agent"});
  CHECK(session->answers.at(0).value.error().message == "Unknown agent: 'nobody'. Available: alpha");
}

TEST_CASE_METHOD(requests_fixture, "a fault of the configuration is the answer, and leaves the limits as they are") {
  auto broken = config_with({"alpha"});
  broken->fault = fault{fault_kind::config_syntax, "line 3"};
  config->snapshot = broken;
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, fault: the configuration is not valid YAML"});
}

TEST_CASE_METHOD(requests_fixture, "a configuration that nobody answers for is a fault") {
  world.kill(config->actor);
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, fault: a process died and took the work with it"});
}

TEST_CASE_METHOD(requests_fixture, "a caller at the greatest depth may not dispatch") {
  const int depth = GENERATE(2, 3, 4);
  auto nested = call(1);
  auto caller = std::make_shared<caller_context>();
  caller->depth = depth;
  nested.caller = caller;
  world.tell(requests, nested);
  if (depth < 3)
    CHECK(world.heard() == lines{"admission: 5 slots", "alpha: execute front.1.0"});
  else
    CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, recursion ''"});
}

TEST_CASE_METHOD(requests_fixture, "the limits are told again when the configuration has changed") {
  execute(1);
  auto changed = config_with({"alpha"});
  changed->generation = 2;
  changed->value.settings.max_concurrency = 2;
  config->snapshot = changed;
  world.tell(requests, call(2));
  CHECK(world.heard() == lines{"admission: 2 slots", "alpha: execute front.2.0"});
}

TEST_CASE_METHOD(requests_fixture, "a cancel while the configuration is read starts nothing") {
  config->answers = false;
  world.tell(requests, call(1));
  world.tell(requests, cancel_request{{front, 1}});
  CHECK(world.heard() == lines{"config: asked"});
  world.reply(take(config->questions), config->snapshot);
  CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(requests_fixture, "a cancel is told to the agent once, and the run's answer is the request's") {
  execute(1);
  world.tell(requests, cancel_request{{front, 1}});
  world.tell(requests, cancel_request{{front, 1}});
  expect_cancel(1);
  finish(1, answer_of("in time"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'in time'"});
}

TEST_CASE_METHOD(requests_fixture, "a cancel after the answer does nothing") {
  execute(1);
  finish(1, answer_of("done"));
  world.tell(requests, cancel_request{{front, 1}});
  world.tell(requests, cancel_request{{front, 9}});
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
}

TEST_CASE_METHOD(requests_fixture, "what is queued below a cancelled run is cancelled with it") {
  execute(1);
  execute(2, nested(2, 1));
  execute(3); // nested in nothing that has been cancelled
  world.tell(requests, cancel_request{{front, 1}});
  expect_cancel(1, {{key(2)}, {key(3)}, {"unknown.1.0"}});
  expect_cancel(2);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(requests_fixture, "the requests of a frontend end when its lock is free, not before") {
  execute(1);
  disconnect(true);
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{1000});
  CHECK(world.heard() == lines{"launcher: is front alive"});
  say_alive(false);
  expect_cancel(1);
  finish(1, answer_of("too late"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'too late'", "launcher: discard request front.1"});
}

TEST_CASE_METHOD(requests_fixture, "what was answered before its frontend went is forgotten") {
  execute(1);
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
  disconnect(false);
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
}

TEST_CASE_METHOD(requests_fixture, "what ends while the frontend's lock is looked at is forgotten") {
  execute(1);
  world.tell(requests, frontend_disconnected{front});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"launcher: is front alive", "session: 1 answered, success 'done'"});
  say_alive(false);
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
}

TEST_CASE_METHOD(requests_fixture, "a frontend that goes while the configuration is read starts nothing") {
  config->answers = false;
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"config: asked"});
  disconnect(false);
  world.reply(take(config->questions), config->snapshot);
  CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(requests_fixture, "a frontend that goes leaves the requests of others alone") {
  execute(1);
  world.tell(requests, frontend_disconnected{{"other"}});
  CHECK(world.heard() == lines{"launcher: is other alive"});
  say_alive(false);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(requests_fixture, "a drain without work is done at once and takes no more") {
  drain(stop_mode::drain);
  CHECK(world.heard() == lines{"drained, 0 ended"});
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, fault: the supervisor is stopping"});
}

TEST_CASE_METHOD(requests_fixture, "a drain waits for what is accepted") {
  execute(1);
  execute(2);
  drain(stop_mode::drain);
  finish(1, answer_of("one"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'one'"});
  finish(2, answer_of("two"));
  CHECK(world.heard() == lines{"session: 2 answered, success 'two'", "drained, 0 ended"});
}

TEST_CASE_METHOD(requests_fixture, "a drain waits for a request whose configuration is being read") {
  config->answers = false;
  world.tell(requests, call(1));
  drain(stop_mode::drain);
  CHECK(world.heard() == lines{"config: asked"});
  world.reply(take(config->questions), config->snapshot);
  CHECK(world.heard() == lines{"admission: 5 slots", "alpha: execute front.1.0"});
}

TEST_CASE_METHOD(requests_fixture, "a stop now cancels what is open and reports it when it has ended") {
  execute(1);
  execute(2);
  finish(2, answer_of("before"));
  CHECK(world.heard() == lines{"session: 2 answered, success 'before'"});
  begin(1);
  drain(stop_mode::now);
  expect_cancel(1);
  CHECK(world.heard() == lines{});
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'cut short'", "drained, 1 ended"});
  CHECK(reports.at(0).ended.at(0).key == run_key{key(1)});
}

TEST_CASE_METHOD(requests_fixture, "a stop now does not report what was still queued") {
  execute(1);
  drain(stop_mode::now);
  expect_cancel(1);
  finish(1, answer_of("never run"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'never run'", "drained, 0 ended"});
}

TEST_CASE_METHOD(requests_fixture, "a drain serves what a live run asks for, and a stop now does not") {
  execute(1);
  drain(stop_mode::drain);
  auto nested = call(2);
  auto caller = std::make_shared<caller_context>();
  caller->parent = run_key{key(1)};
  nested.caller = caller;
  world.tell(requests, nested);
  CHECK(world.heard() == lines{"alpha: execute " + key(2)});
  drain(stop_mode::now);
  CHECK(world.heard().size() == 4); // two cancels, and who is below each
  world.reply(take(admission->descendants), run_keys{});
  world.reply(take(admission->descendants), run_keys{});
  auto late = call(3);
  late.caller = caller;
  world.tell(requests, late);
  CHECK(world.heard().size() == 1); // refused at once
}

TEST_CASE_METHOD(requests_fixture, "a stop now during a drain ends it, and two stops report each run once") {
  execute(1);
  begin(1);
  drain(stop_mode::drain);
  drain(stop_mode::now);
  expect_cancel(1);
  drain(stop_mode::now);
  CHECK(world.heard() == lines{});
  finish(1, answer_of("cut short"));
  CHECK(world.heard() ==
        lines{"session: 1 answered, success 'cut short'", "drained, 1 ended", "drained, 1 ended", "drained, 1 ended"});
}

TEST_CASE_METHOD(requests_fixture, "a position is asked of admission, for what is executed") {
  execute(1);
  admission->position = std::make_shared<const queue_position>(queue_position{3, "busy"});
  const auto ask = [this](caf::event_based_actor* self) {
    for (const std::uint64_t line : {1u, 2u})
      self->request(requests, caf::infinite, get_request_position{{front, line}})
          .then([this, line](const queue_position_ptr& place) {
            world.note(std::to_string(line) + (place ? " at " + std::to_string(place->position) : " nowhere"));
          });
  };
  world.keep(world.system().spawn(ask));
  auto heard = world.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"1 at 3", "2 nowhere"});
}

TEST_CASE_METHOD(requests_fixture, "nothing is executed before its request is written down") {
  launcher->records = false;
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"admission: 5 slots", "launcher: record front.1"});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"alpha: execute " + key(1)});
}

TEST_CASE_METHOD(requests_fixture, "a request that cannot be written down is refused, and nothing is started") {
  launcher->record_problem = fault{fault_kind::io, "no space"};
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, cli_error ''"});
  CHECK(session->answers.at(0).value->error->find("no space") != std::string::npos);
}

TEST_CASE_METHOD(requests_fixture, "a request that is cancelled while it is written down is not executed") {
  launcher->records = false;
  world.tell(requests, call(1));
  world.tell(requests, cancel_request{{front, 1}});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"admission: 5 slots", "launcher: record front.1", "session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(requests_fixture, "a request that comes cancelled is not executed") {
  auto cancelled = call(1);
  cancelled.cancelled = true;
  world.tell(requests, cancelled);
  CHECK(world.heard() == lines{"admission: 5 slots", "session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(requests_fixture, "an answer is given again to who asks again") {
  execute(1);
  finish(1, answer_of("done"));
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 1 answered, success 'done'"});
}

TEST_CASE_METHOD(requests_fixture, "live runs take their slots before anything is taken over") {
  leave_behind(1, run_condition::ended);
  leave_behind(2, run_condition::live);
  recover();
  CHECK(world.heard() == lines{"admission: readmit " + key(2), "alpha: adopt " + key(1), "alpha: adopt " + key(2),
                               "launcher: is front alive", "recovered 2"});
}

TEST_CASE_METHOD(requests_fixture,
                 "a run that was taken over is answered to who asks for it, before and after its end") {
  leave_behind(1, run_condition::live);
  recover();
  arrive();
  world.heard();
  const bool asked_before = GENERATE(true, false);
  if (asked_before) {
    world.tell(requests, call(1));
    CHECK(world.heard() == lines{"session: 1 started"});
  }
  finish(1, answer_of("of the same run"));
  if (!asked_before)
    world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, success 'of the same run'"});
  world.tell(requests, request_acknowledged{{front, 1}});
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
}

TEST_CASE_METHOD(requests_fixture,
                 "a frontend that came while its lock was looked at is not gone before it has been heard") {
  leave_behind(1, run_condition::ended);
  recover();
  world.heard();
  finish(1, answer_of("of the same run"));
  arrive();
  say_alive(false); // it has died since, and what it has sent is still to be read
  CHECK(world.heard().empty());
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"session: 1 answered, success 'of the same run'"});
  disconnect(false);
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
}

TEST_CASE_METHOD(requests_fixture, "what was accepted and not started waits for its caller, and keeps its ids") {
  leave_behind(1, run_condition::not_started);
  recover();
  CHECK(world.heard() == lines{"launcher: is front alive", "recovered 1"});
  arrive();
  auto again = call(1);
  again.run.task = "something else";
  world.tell(requests, again);
  CHECK(world.heard() == lines{"alpha: execute " + key(1)});
  CHECK(alpha->specs.at(key(1))->request.task != "something else");
  CHECK(alpha->specs.at(key(1))->caller == again.caller);
}

TEST_CASE_METHOD(requests_fixture, "what was accepted and not started never starts when it comes again cancelled") {
  leave_behind(1, run_condition::not_started);
  recover();
  arrive();
  world.heard();
  auto again = call(1);
  again.cancelled = true;
  world.tell(requests, again);
  CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(requests_fixture, "what was left by a frontend that is gone is ended, or forgotten") {
  leave_behind(1, run_condition::live);
  leave_behind(2, run_condition::not_started);
  recover();
  world.heard();
  say_alive(false);
  CHECK(world.heard() ==
        lines{"alpha: cancel " + key(1), "admission: who is below " + key(1), "launcher: discard request front.2"});
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
  world.reply(take(admission->descendants), run_keys{});
}

TEST_CASE_METHOD(requests_fixture, "a frontend that is alive but has not come back is waited for") {
  leave_behind(1, run_condition::not_started);
  recover();
  world.heard();
  say_alive(true);
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"launcher: is front alive"});
  arrive();
  say_alive(true);
  world.pass(std::chrono::seconds{10});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(requests_fixture, "a stop that keeps runs waits for nothing, answers nobody, and starts nothing") {
  config->answers = false;
  world.tell(requests, call(1));
  CHECK(world.heard() == lines{"config: asked"});
  drain(stop_mode::keep_runs);
  CHECK(world.heard() == lines{"launcher: note the handover", "drained, 0 ended"});
  world.reply(take(config->questions), config->snapshot);
  world.tell(requests, call(2));
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(requests_fixture, "on the way out, what nobody can acknowledge any more is forgotten") {
  execute(1);
  finish(1, answer_of("done"));
  drain(stop_mode::drain);
  world.heard();
  finish_all();
  CHECK(world.heard() == lines{"launcher: is front alive"});
  const bool alive = GENERATE(true, false);
  say_alive(alive);
  CHECK(world.heard() == (alive ? lines{"launcher: finish discarding"}
                                : lines{"launcher: discard request front.1", "launcher: finish discarding"}));
  finish_discarding();
  CHECK(world.heard() == lines{"finished"});
}

TEST_CASE_METHOD(requests_fixture, "a prompt that no CLI would read is refused before anything runs") {
  auto large = call(1);
  large.run.context = std::string(limits::prompt_bytes - 3, 'x');
  world.tell(requests, large);
  CHECK(world.heard().size() == 2);
  REQUIRE(session->answers.size() == 1);
  CHECK_THAT(session->answers[0].value.error().message,
             Catch::Matchers::Contains("10485761 bytes, and at most 10485760"));
}

TEST_CASE_METHOD(requests_fixture, "a session id that is longer than any is refused before anything runs") {
  auto long_one = call(1);
  long_one.run.resume = session_id{std::string(limits::session_id_bytes + 1, 's')};
  world.tell(requests, long_one);
  CHECK(world.heard().size() == 2);
  REQUIRE(session->answers.size() == 1);
  CHECK_THAT(session->answers[0].value.error().message,
             Catch::Matchers::Contains("session_id takes 201 bytes, and at most 200"));
}

TEST_CASE_METHOD(requests_fixture, "a prompt is kept once, and not when the request was refused") {
  const auto* agent = GENERATE("alpha", "nobody");
  auto asked = call(1, agent);
  asked.run.context = std::string(1000, 'x');
  SECTION("of one agent") {}
  SECTION("of several") {
    asked.composite = std::make_shared<const composite_order>(dialogue_order{{agent}, {agent}, "topic", 1});
  }
  world.tell(requests, asked);
  world.heard();
  auto* actor = caf::actor_cast<caf::abstract_actor*>(requests);
  const auto& state = dynamic_cast<requests_actor::stateful_pointer<requests_state>>(actor)->state;
  CHECK(state.requests.at({front, 1}).call.run.context.capacity() < 1000);
  CHECK_FALSE(state.requests.at({front, 1}).call.composite);
}

TEST_CASE_METHOD(requests_fixture, "an agent's queue has an end, and room again when a request is done") {
  for (std::size_t line = 1; line <= limits::agent_requests; ++line)
    world.tell(requests, call(line));
  CHECK(world.heard().size() == limits::agent_requests + 1);
  world.tell(requests, call(20'000));
  CHECK(world.heard().size() == 1);
  REQUIRE(session->answers.size() == 1);
  CHECK_THAT(session->answers[0].value.error().message, Catch::Matchers::Contains("'alpha' has 10000 requests"));
  world.tell(requests, request_acknowledged{{front, 20'000}});
  dispatch_result done;
  done.success = true;
  world.tell(requests, run_finished{{key(1)}, {done}});
  world.tell(requests, request_acknowledged{{front, 1}});
  CHECK(world.heard().size() == 2);
  world.tell(requests, call(20'001));
  CHECK(world.heard() == lines{"alpha: execute " + key(20'001)});
}
