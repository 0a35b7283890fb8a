#include <algorithm>

#include "tests/actors/requests_fixture.hpp"

using namespace agent_dispatch;

namespace {

/// Requests that consist of others, on line 1. Their parts have runs of their own: `front.1.0`, `front.1.1`, …
struct composite_fixture : requests_fixture {
  void ask(composite_order order, std::optional<std::uint64_t> parent = {}) {
    auto asked = parent ? nested(1, *parent) : call(1);
    asked.composite = std::make_shared<const composite_order>(std::move(order));
    world.tell(requests, asked);
  }

  void ask_two(const std::string& aggregator = "", std::optional<std::uint64_t> parent = {}) {
    parallel_order order{.items = {}, .aggregator = {aggregator}};
    for (int i = 0; i < 2; ++i)
      order.items.push_back({.run = {.agent = {"alpha"}, .task = "work " + std::to_string(i)}});
    ask(std::move(order), parent);
  }

  void ask_dialogue() { ask(dialogue_order{{"alpha"}, {"alpha"}, "topic", 1}); }

  static std::string part(const std::string& name) { return "front.1." + name; }

  void finish_part(const std::string& name, dispatch_answer answer) {
    world.tell(requests, run_finished{{part(name)}, std::move(answer)});
  }

  lines without_slots() {
    auto heard = world.heard();
    std::erase(heard, "admission: 5 slots");
    return heard;
  }

  void kill_driver() {
    auto* actor = caf::actor_cast<caf::abstract_actor*>(requests);
    const auto& state = dynamic_cast<requests_actor::stateful_pointer<requests_state>>(actor)->state;
    world.kill(composite_actor{state.requests.at({front, 1}).driver});
  }

  void acknowledge() { world.tell(requests, request_acknowledged{{front, 1}}); }

  /// An earlier supervisor has left the whole, and these parts of it.
  void leave_two_behind(bool whole, const std::map<std::string, run_condition>& parts) {
    auto found = std::make_shared<recovered_state>();
    parallel_plan plan;
    for (const auto* name : {"0", "1"})
      plan.items.push_back({.spec = spec_of(part(name))});
    if (whole)
      found->requests.push_back(
          {.request = std::make_shared<const accepted_request>(accepted_request{
               .key = {front, 1}, .spec = nullptr, .plan = std::make_shared<const composite_plan>(std::move(plan))}),
           .how = {},
           .borrowed_from = {}});
    for (const auto& [name, condition] : parts)
      found->requests.push_back({.request = std::make_shared<const accepted_request>(
                                     accepted_request{.key = {front, 1, name}, .spec = spec_of(part(name))}),
                                 .condition = condition,
                                 .how = {},
                                 .borrowed_from = {}});
    launcher->found = std::move(found);
  }

  lines forgotten{"launcher: discard request front.1", "launcher: discard request front.1.0",
                  "launcher: discard request front.1.1"};
};

} // namespace

TEST_CASE_METHOD(composite_fixture, "a parallel request runs its items side by side and is answered with the last") {
  ask_two();
  CHECK(without_slots() == lines{"alpha: execute front.1.0", "alpha: execute front.1.1"});
  finish_part("1", answer_of("second"));
  CHECK(world.heard() == lines{});
  finish_part("0", answer_of("first"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  const auto& all = *session->answers.at(0).parallel;
  CHECK(all.items.at(0).value->result == "first");
  CHECK(all.items.at(1).value->result == "second");
  acknowledge();
  CHECK(world.heard() == forgotten);
}

TEST_CASE_METHOD(composite_fixture, "the aggregator runs after the items") {
  ask_two("alpha");
  without_slots();
  finish_part("0", answer_of("first"));
  finish_part("1", answer_of("second"));
  CHECK(world.heard() == lines{"alpha: execute front.1.agg"});
  finish_part("agg", answer_of("both"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  CHECK(session->answers.at(0).parallel->aggregated->value->result == "both");
}

TEST_CASE_METHOD(composite_fixture, "what is wrong with any part of a request refuses the whole before anything runs") {
  parallel_order order{
      .items = {{.run = {.agent = {"alpha"}, .task = "a"}}, {.run = {.agent = {"alpha"}, .task = "b"}}},
      .aggregator = {}};
  std::string said;
  SECTION("an item's agent") {
    order.items[1].run.agent = {"nobody"};
    said = "dispatches[1]: Unknown agent: 'nobody'. Available: alpha";
  }
  SECTION("an item's group") {
    order.items[0].run.group = "nothing";
    said = "dispatches[0]: Unknown group: 'nothing'. Available: none";
  }
  SECTION("the aggregator") {
    order.aggregator = {"nobody"};
    said = "aggregate: Unknown agent: 'nobody'. Available: alpha";
  }
  SECTION("their number") {
    order.items.assign(101, order.items[0]);
    said = "dispatches has 101 items; at most 100 are taken at a time (20 for each of settings.max_concurrency, at "
           "least 100)";
  }
  ask(std::move(order));
  without_slots();
  REQUIRE(session->answers.size() == 1);
  REQUIRE_FALSE(session->answers[0].value);
  CHECK(session->answers[0].value.error().message == said);
  acknowledge();
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(composite_fixture, "a dialogue's turns run one after the other") {
  ask_dialogue();
  CHECK(without_slots() == lines{"alpha: execute front.1.t1"});
  finish_part("t1", answer_of("one"));
  CHECK(world.heard() == lines{"alpha: execute front.1.t2"});
  finish_part("t2", answer_of("two"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  CHECK(session->answers.at(0).dialogue->final_answer == "two");
}

TEST_CASE_METHOD(composite_fixture, "what the turns have cost so far is told with each that says it") {
  ask_dialogue();
  world.heard();
  auto cheap = answer_of("first");
  cheap.value->cost_usd = 0.25;
  finish_part("t1", cheap);
  CHECK(world.heard() == lines{"session: 1 spent 0.250000", "alpha: execute front.1.t2"});
  finish_part("t2", answer_of("for nothing"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
}

TEST_CASE_METHOD(composite_fixture, "a cancel ends the parts that run, and begins no other") {
  ask_two("alpha");
  without_slots();
  finish_part("0", answer_of("first"));
  world.tell(requests, cancel_request{{front, 1}});
  CHECK(world.heard() == lines{"alpha: cancel front.1.1", "admission: who is below front.1.1"});
  world.reply(take(admission->descendants), run_keys{});
  finish_part("1", answer_of("cut short"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  CHECK_FALSE(session->answers.at(0).parallel->aggregated);
}

TEST_CASE_METHOD(composite_fixture, "what is cancelled before it is accepted never begins") {
  auto asked = call(1);
  asked.composite = std::make_shared<const composite_order>(dialogue_order{{"alpha"}, {"alpha"}, "topic", 1});
  asked.cancelled = true;
  world.tell(requests, asked);
  without_slots();
  REQUIRE(session->answers.size() == 1);
  CHECK(session->answers[0].value.error().kind == fault_kind::cancelled);
}

TEST_CASE_METHOD(composite_fixture,
                 "asked again, a request that runs goes on, and one that is answered is answered again") {
  ask_two();
  without_slots();
  finish_part("0", answer_of("first"));
  ask_two();
  CHECK(world.heard() == lines{});
  finish_part("1", answer_of("second"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  ask_two();
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
}

TEST_CASE_METHOD(composite_fixture, "the parts of a frontend that is gone are ended, and everything is forgotten") {
  ask_two();
  without_slots();
  finish_part("0", answer_of("first"));
  disconnect(false);
  CHECK(world.heard() ==
        lines{"alpha: cancel front.1.1", "admission: who is below front.1.1", "launcher: discard request front.1.0"});
  world.reply(take(admission->descendants), run_keys{});
  finish_part("1", answer_of("cut short"));
  CHECK(world.heard() == lines{"launcher: discard request front.1.1", "session: 1 answered, success ''",
                               "launcher: discard request front.1"});
}

TEST_CASE_METHOD(composite_fixture, "the next supervisor goes on where the last one died, and starts no part twice") {
  leave_two_behind(true, {{"0", run_condition::ended}, {"1", run_condition::live}});
  recover();
  CHECK(world.heard() == lines{"admission: readmit front.1.1", "alpha: adopt front.1.0", "alpha: adopt front.1.1",
                               "launcher: is front alive", "recovered 3"});
  const bool ended_before = GENERATE(true, false);
  if (ended_before)
    finish_part("0", answer_of("first"));
  ask_two();
  // Those that go on say so again.
  auto said = world.heard();
  CHECK(std::erase(said, "session: 1 started") == 1);
  CHECK(said == lines(ended_before ? 1 : 2, "session: 1 note 'alpha: started'"));
  if (!ended_before)
    finish_part("0", answer_of("first"));
  finish_part("1", answer_of("second"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  CHECK(session->answers.at(0).parallel->items.at(0).value->result == "first");
  acknowledge();
  CHECK(world.heard() == forgotten);
}

TEST_CASE_METHOD(composite_fixture, "parts that were not accepted before the death are begun by the next supervisor") {
  leave_two_behind(true, {{"1", run_condition::not_started}});
  recover();
  world.heard();
  ask_two();
  CHECK(world.heard() == lines{"alpha: execute front.1.1", "alpha: execute front.1.0"});
}

TEST_CASE_METHOD(composite_fixture, "parts without their whole are ended and forgotten") {
  leave_two_behind(false, {{"0", run_condition::not_started}, {"1", run_condition::live}});
  recover();
  CHECK(world.heard() == lines{"admission: readmit front.1.1", "admission: who is below front.1.1",
                               "alpha: adopt front.1.1", "alpha: cancel front.1.1",
                               "launcher: discard request front.1.0", "launcher: is front alive", "recovered 2"});
  world.reply(take(admission->descendants), run_keys{});
  finish_part("1", answer_of("cut short"));
  CHECK(world.heard() == lines{"launcher: discard request front.1.1"});
}

TEST_CASE_METHOD(composite_fixture, "a whole that is cancelled before anybody asks for it again begins nothing") {
  leave_two_behind(true, {});
  recover();
  world.heard();
  auto asked = call(1);
  asked.cancelled = true;
  world.tell(requests, asked);
  REQUIRE(session->answers.size() == 1);
  CHECK_FALSE(session->answers[0].value);
  world.heard();
  acknowledge();
  CHECK(world.heard() == lines{"launcher: discard request front.1"});
}

TEST_CASE_METHOD(composite_fixture, "a stop waits for a request with all its parts") {
  ask_two("alpha");
  without_slots();
  drain(stop_mode::drain);
  CHECK(world.heard() == lines{});
  finish_part("0", answer_of("first"));
  finish_part("1", answer_of("second"));
  CHECK(world.heard() == lines{"alpha: execute front.1.agg"});
  finish_part("agg", answer_of("both"));
  auto heard = world.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"drained, 0 ended", "session: 1 answered, success ''"});
}

TEST_CASE_METHOD(composite_fixture, "a part that is asked for while the whole is cancelled never begins") {
  ask_dialogue();
  without_slots();
  // The driver asks for the second turn, and the cancel is there before that.
  caf::anon_send(requests, run_finished{{part("t1")}, answer_of("one")});
  const bool crossed = GENERATE(true, false);
  if (!crossed)
    world.settle();
  world.tell(requests, cancel_request{{front, 1}});
  auto heard = world.heard();
  if (crossed) {
    CHECK(heard == lines{"session: 1 answered, success ''"});
  } else {
    CHECK(heard ==
          lines{"alpha: execute front.1.t2", "alpha: cancel front.1.t2", "admission: who is below front.1.t2"});
    world.reply(take(admission->descendants), run_keys{});
    finish_part("t2", answer_of("cut short"));
    CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  }
  CHECK(session->answers.at(0).dialogue->conversation.size() == 2);
}

TEST_CASE_METHOD(composite_fixture,
                 "a whole that the client has had is forgotten with its parts, also before it is asked for") {
  leave_two_behind(true, {{"0", run_condition::ended}, {"1", run_condition::ended}});
  recover();
  finish_part("0", answer_of("first"));
  finish_part("1", answer_of("second"));
  world.heard();
  world.tell(requests, requests_kept{front, 9, std::make_shared<const std::set<std::uint64_t>>()});
  CHECK(world.heard() == forgotten);
}

TEST_CASE_METHOD(composite_fixture, "during a stop, what was recovered is driven when it is asked for again") {
  leave_two_behind(true, {{"0", run_condition::live}, {"1", run_condition::not_started}});
  recover();
  drain(stop_mode::drain);
  world.heard();
  ask_two();
  auto heard = world.heard();
  std::erase(heard, "session: 1 note 'alpha: started'");
  std::erase(heard, "session: 1 started");
  CHECK(heard == lines{"alpha: execute front.1.1"});
  finish_part("0", answer_of("first"));
  CHECK(world.heard() == lines{});
  finish_part("1", answer_of("second"));
  heard = world.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"drained, 0 ended", "session: 1 answered, success ''"});
}

TEST_CASE_METHOD(composite_fixture, "a stop now names the runs of all parts") {
  ask_two();
  for (const auto* name : {"0", "1"})
    world.tell(requests, run_progress{{part(name)}, {progress_kind::started, {}}});
  world.heard();
  drain(stop_mode::now);
  world.reply(take(admission->descendants), run_keys{});
  world.reply(take(admission->descendants), run_keys{});
  finish_part("0", answer_of("cut"));
  finish_part("1", answer_of("short"));
  const auto heard = world.heard();
  CHECK(std::count(heard.begin(), heard.end(), "drained, 2 ended") == 1);
}

TEST_CASE_METHOD(composite_fixture, "a queued part that hangs on a cancelled run takes its whole along") {
  execute(2);
  ask_two("alpha", 2);
  without_slots();
  world.tell(requests, cancel_request{{front, 2}});
  world.heard();
  world.reply(take(admission->descendants), run_keys{{part("0")}, {part("1")}});
  for (const auto* name : {"0", "1"})
    finish_part(name, answer_of("cut short"));
  auto heard = world.heard();
  CHECK(std::count(heard.begin(), heard.end(), "alpha: execute front.1.agg") == 0);
  CHECK(std::count(heard.begin(), heard.end(), "session: 1 answered, success ''") == 1);
}

TEST_CASE_METHOD(composite_fixture, "a driver that dies has a successor, and what is done is not done again") {
  ask_two("alpha");
  without_slots();
  finish_part("0", answer_of("first"));
  kill_driver();
  CHECK(world.heard() == lines{});
  finish_part("1", answer_of("second")); // while there is nobody who waits for it
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"alpha: execute front.1.agg"});
  finish_part("agg", answer_of("both"));
  CHECK(world.heard() == lines{"session: 1 answered, success ''"});
  CHECK(session->answers.at(0).parallel->items.at(0).value->result == "first");
  CHECK(session->answers.at(0).parallel->items.at(1).value->result == "second");
}

TEST_CASE_METHOD(composite_fixture, "a cancel while there is no driver ends the parts, and the next one answers") {
  ask_two();
  without_slots();
  kill_driver();
  world.tell(requests, cancel_request{{front, 1}});
  auto heard = world.heard();
  CHECK(std::count_if(heard.begin(), heard.end(), [](const auto& line) { return line.starts_with("alpha: cancel"); }) ==
        2);
  finish_part("0", answer_of("first"));
  finish_part("1", answer_of("second"));
  world.heard();
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard().size() == 1);
  CHECK(session->answers.size() == 1);
}

TEST_CASE_METHOD(composite_fixture,
                 "a request whose drivers die again and again is given up, and its parts are ended") {
  ask_two();
  without_slots();
  for (const auto pause : {std::chrono::milliseconds{100}, std::chrono::milliseconds{200}}) {
    kill_driver();
    world.pass(pause);
    CHECK(world.heard() == lines{});
  }
  kill_driver();
  auto heard = world.heard();
  CHECK(std::count_if(heard.begin(), heard.end(), [](const auto& line) { return line.starts_with("alpha: cancel"); }) ==
        2);
  CHECK(std::count(heard.begin(), heard.end(),
                   "session: 1 answered, fault: a process died and took the work with it") == 1);
  world.pass(std::chrono::hours{1});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(composite_fixture, "the death of an agent's actor is that of the requests") {
  execute(1);
  world.kill(alpha->actor);
  world.tell(requests, call(2));
  CHECK(world.heard() == lines{});
}
