#include <algorithm>

#include "tests/actors/requests_fixture.hpp"

using namespace agent_dispatch;

namespace {

/// Requests that ask for the same. All that are asked here may be answered by an earlier answer, or another's run.
struct shared_runs_fixture : requests_fixture {
  static dispatch_answer answer_of(std::string result) {
    auto answer = agent_dispatch::answer_of(std::move(result));
    answer.value->agent = {"alpha"};
    return answer;
  }

  dispatch_call shareable(std::uint64_t line, const std::string& task = "work") {
    auto asked = call(line);
    asked.run.task = task;
    asked.is_shareable = true;
    return asked;
  }

  dispatch_call shareable(dispatch_call asked) {
    asked.is_shareable = true;
    return asked;
  }

  /// What it has led to, without the limits.
  lines ask(const dispatch_call& asked) {
    world.tell(requests, asked);
    auto heard = world.heard();
    std::erase(heard, "admission: 5 slots");
    return heard;
  }

  /// The first request runs, and others wait for its run.
  void run_with(std::initializer_list<std::uint64_t> joined) {
    REQUIRE(ask(shareable(1)) == lines{"alpha: execute front.1.0"});
    for (const auto line : joined)
      REQUIRE(ask(shareable(line)) == lines{});
  }

  void cancel(std::uint64_t line) { world.tell(requests, cancel_request{{front, line}}); }
  void acknowledge(std::uint64_t line) { world.tell(requests, request_acknowledged{{front, line}}); }

  cache_report report() {
    cache_report seen;
    const auto ask = [this, &seen](caf::event_based_actor* self) {
      self->request(requests, caf::infinite, get_cache_report{}).then([&seen](const cache_report& report) {
        seen = report;
      });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
    return seen;
  }

  void change_configuration(const std::function<void(configuration&)>& change) {
    auto changed = std::make_shared<config_snapshot>(*config->snapshot);
    ++changed->generation;
    change(changed->value);
    config->snapshot = std::move(changed);
  }

  /// An earlier supervisor has left a request that waits for the run of line 1.
  void leave_joined(std::uint64_t line, run_condition condition, std::optional<run_key> parent = {}) {
    auto spec = spec_of(key(1));
    spec->parent = std::move(parent);
    auto found = std::make_shared<recovered_state>(*launcher->found);
    found->requests.push_back(
        {.request = std::make_shared<const accepted_request>(accepted_request{.key = {front, line}, .spec = spec}),
         .condition = condition,
         .how = {},
         .borrowed_from = {}});
    launcher->found = std::move(found);
  }
};

} // namespace

TEST_CASE_METHOD(shared_runs_fixture, "what was answered is answered again without a run") {
  run_with({});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
  CHECK(ask(shareable(2)) == lines{"session: 2 answered, success 'done'"});
  CHECK_FALSE(session->answers.at(0).is_cached);
  CHECK(session->answers.at(1).is_cached);
  acknowledge(2); // it left nothing on disk
  CHECK(world.heard() == lines{});
  CHECK(report().figures->hits == 1);
  CHECK(report().figures->misses == 1);
}

TEST_CASE_METHOD(shared_runs_fixture, "whoever must have a run of his own gets one, and tells nobody") {
  run_with({});
  CHECK(ask(call(2)) == lines{"alpha: execute front.2.0"});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
  CHECK(ask(call(3)) == lines{"alpha: execute front.3.0"});
  finish(2, answer_of("alone"));
  CHECK(world.heard() == lines{"session: 2 answered, success 'alone'"});
  CHECK(ask(shareable(4)) == lines{"session: 4 answered, success 'done'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a job never shares a run") {
  run_with({});
  auto job = shareable(2);
  job.kind = call_kind::job;
  job.is_shareable = false; // as every frontend says it
  CHECK(ask(job) == lines{"jobs: create for front.2"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a failed run is shared by those who wait, and by nobody after") {
  run_with({2});
  auto failed = answer_of("no");
  failed.value->success = false;
  failed.value->error_type = error_type::cli_error;
  finish(1, failed);
  CHECK(world.heard() == lines{"session: 1 answered, cli_error 'no'", "session: 2 answered, cli_error 'no'"});
  CHECK(ask(shareable(3)) == lines{"alpha: execute front.3.0"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a run that is shared is told and answered to all, and its directory goes last") {
  run_with({2});
  world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
  CHECK(world.heard() == lines{"session: 1 started", "session: 2 started"});
  CHECK(ask(shareable(3)) == lines{"session: 3 started"});
  world.tell(requests, run_progress{{key(1)}, {progress_kind::text, "hello"}});
  CHECK(world.heard() == lines{"session: 1 text 'hello'", "session: 2 text 'hello'", "session: 3 text 'hello'"});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'",
                               "session: 3 answered, success 'done'"});
  acknowledge(2);
  CHECK(world.heard() == lines{"launcher: discard request front.2 alone"});
  acknowledge(1);
  CHECK(world.heard() == lines{"launcher: discard request front.1 alone"});
  acknowledge(3);
  CHECK(world.heard() == lines{"launcher: discard request front.3"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a request that waits for another's run is on disk first, naming it") {
  launcher->records = false;
  CHECK(ask(shareable(1)) == lines{"launcher: record front.1"});
  CHECK(ask(shareable(2)) == lines{"launcher: record front.2"});
  const auto first = take(launcher->recordings);
  const auto second = take(launcher->recordings);
  SECTION("the first is there first") {
    world.reply(first, write_outcome{});
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
    SECTION("and its run ends before the other one is there") {
      finish(1, answer_of("done"));
      CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
      acknowledge(1);
      CHECK(world.heard() == lines{"launcher: discard request front.1 alone"});
      world.reply(second, write_outcome{});
      CHECK(world.heard() == lines{"session: 2 answered, success 'done'"});
      acknowledge(2);
      CHECK(world.heard() == lines{"launcher: discard request front.2"});
    }
    SECTION("and the other one cannot be written") {
      world.reply(second, write_outcome{fault{fault_kind::io, "the disk is full"}});
      CHECK(world.heard() == lines{"session: 2 answered, cli_error ''"});
      finish(1, answer_of("done"));
      CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
    }
  }
  SECTION("the second is there first and starts it") {
    world.reply(second, write_outcome{});
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
    SECTION("then the first joins it") {
      world.reply(first, write_outcome{});
      CHECK(world.heard() == lines{});
      finish(1, answer_of("done"));
      CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'"});
    }
    SECTION("the first cannot be written") {
      world.reply(first, write_outcome{fault{fault_kind::io, "the disk is full"}});
      CHECK(world.heard() == lines{"session: 1 answered, cli_error ''"});
      finish(1, answer_of("done"));
      CHECK(world.heard() == lines{"session: 2 answered, success 'done'"});
    }
  }
  SECTION("the first is cancelled, the second starts it") {
    cancel(1);
    world.reply(first, write_outcome{});
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
    world.reply(second, write_outcome{});
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
  }
  SECTION("both are cancelled: a third has a run of its own") {
    cancel(1);
    cancel(2);
    CHECK(ask(shareable(3)) == lines{"launcher: record front.3"});
    world.reply(take(launcher->recordings), write_outcome{});
    CHECK(world.heard() == lines{"alpha: execute front.3.0"});
    world.reply(first, write_outcome{});
    world.reply(second, write_outcome{});
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''", "session: 2 answered, cancelled ''"});
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "a cancel takes one of those who wait off, and the last one ends the run") {
  run_with({2, 3});
  SECTION("whoever came first may go first") {
    cancel(1);
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
    cancel(2);
    CHECK(world.heard() == lines{"session: 2 answered, cancelled ''"});
    cancel(3);
    expect_cancel(1);
    finish(1, answer_of("in time"));
    CHECK(world.heard() == lines{"session: 3 answered, success 'in time'"});
  }
  SECTION("those who stay get the answer") {
    cancel(2);
    CHECK(world.heard() == lines{"session: 2 answered, cancelled ''"});
    finish(1, answer_of("done"));
    CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 3 answered, success 'done'"});
  }
  SECTION("a frontend that goes away takes all of its own off") {
    disconnect(false);
    auto heard = world.heard();
    std::erase_if(heard, [](const std::string& line) { return line.starts_with("session: "); });
    CHECK(heard == lines{"launcher: discard request front.1 alone", "launcher: discard request front.2 alone",
                         "alpha: cancel front.1.0", "admission: who is below front.1.0"});
    world.reply(take(admission->descendants), run_keys{});
    finish(1, answer_of("too late"));
    heard = world.heard();
    CHECK(heard.back() == "launcher: discard request front.3");
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "the last one who leaves ends the run, wherever it stood") {
  SECTION("while its file was written") {
    run_with({});
    launcher->records = false;
    CHECK(ask(shareable(2)) == lines{"launcher: record front.2"});
    cancel(1);
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
    acknowledge(1);
    CHECK(world.heard() == lines{"launcher: discard request front.1 alone"});
    SECTION("and it is cancelled") {
      cancel(2);
      expect_cancel(1);
      SECTION("the file is there before the run has ended") {
        world.reply(take(launcher->recordings), write_outcome{});
        CHECK(world.heard() == lines{});
        finish(1, answer_of("cut short"));
        CHECK(world.heard() == lines{"session: 2 answered, success 'cut short'"});
        acknowledge(2);
        CHECK(world.heard() == lines{"launcher: discard request front.2"});
      }
      SECTION("the run has ended before the file is there") {
        finish(1, answer_of("cut short"));
        CHECK(world.heard() == lines{});
        world.reply(take(launcher->recordings), write_outcome{});
        CHECK(world.heard() == lines{"session: 2 answered, cancelled ''"});
        acknowledge(2);
        CHECK(world.heard() == lines{"launcher: discard request front.2"});
      }
    }
    SECTION("and that fails") {
      world.reply(take(launcher->recordings), write_outcome{fault{fault_kind::io, "the disk is full"}});
      CHECK(world.heard() ==
            lines{"alpha: cancel front.1.0", "admission: who is below front.1.0", "session: 2 answered, cli_error ''"});
      world.reply(take(admission->descendants), run_keys{});
      acknowledge(2); // the directory is a live run's still
      CHECK(world.heard() == lines{"launcher: discard request front.2 alone"});
      finish(1, answer_of("for nobody"));
      CHECK(world.heard() == lines{"launcher: discard front.1.0"});
    }
  }
  SECTION("while it was to be asked for again") {
    leave_behind(1, run_condition::not_started);
    leave_joined(2, run_condition::not_started);
    recover();
    world.heard();
    say_alive(true);
    world.tell(requests, call(1));
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
    cancel(1);
    CHECK(world.heard() == lines{"session: 1 answered, cancelled ''"});
    SECTION("by a cancel") {
      auto cancelled = call(2);
      cancelled.cancelled = true;
      world.tell(requests, cancelled);
      CHECK(world.heard() ==
            lines{"alpha: cancel front.1.0", "admission: who is below front.1.0", "session: 2 answered, cancelled ''"});
      world.reply(take(admission->descendants), run_keys{});
      acknowledge(2);
    }
    SECTION("by an acknowledgement") {
      acknowledge(2);
      CHECK(world.heard() == lines{"alpha: cancel front.1.0", "admission: who is below front.1.0",
                                   "launcher: discard request front.2 alone"});
      world.reply(take(admission->descendants), run_keys{});
    }
    acknowledge(1);
    world.heard();
    finish(1, answer_of("for nobody"));
    CHECK(world.heard() == lines{"launcher: discard front.1.0"});
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "a stop that waits, waits for a run that is only asked for again") {
  leave_behind(1, run_condition::not_started);
  leave_joined(2, run_condition::not_started);
  recover();
  world.heard();
  say_alive(true);
  world.tell(requests, call(1));
  cancel(1);
  world.heard();
  drain(stop_mode::drain);
  CHECK(world.heard() == lines{});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"drained, 0 ended"});
}

TEST_CASE_METHOD(shared_runs_fixture, "who was told before the death that he is off does not keep the run") {
  leave_behind(1, run_condition::live);
  leave_joined(2, run_condition::live);
  recover();
  world.heard();
  say_alive(true);
  acknowledge(1);
  auto heard = world.heard();
  REQUIRE_FALSE(heard.empty());
  CHECK(heard.back() == "launcher: discard request front.1 alone");
  world.tell(requests, call(2));
  world.heard();
  cancel(2);
  expect_cancel(1);
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"session: 2 answered, success 'cut short'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "admission hears who waits for a run that another one has started") {
  SECTION("after a restart, from whoever asks again later") {
    leave_behind(1, run_condition::not_started);
    leave_joined(2, run_condition::not_started, run_key{"front.9.0"});
    recover();
    world.heard();
    say_alive(true);
    world.tell(requests, call(1));
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
    world.tell(requests, call(2));
    CHECK(world.heard() == lines{"admission: front.9.0 waits for front.1.0"});
  }
  SECTION("when the one who started it from within a run leaves it to others") {
    CHECK(ask(call(7)) == lines{"alpha: execute front.7.0"});
    CHECK(ask(shareable(nested(1, 7))) == lines{"alpha: execute front.1.0"});
    CHECK(ask(shareable(2)) == lines{});
    cancel(1);
    CHECK(world.heard() == lines{"admission: front.1.0 leaves its parent", "session: 1 answered, cancelled ''"});
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "what was taken over is shared again once it is asked for again") {
  change_configuration([](configuration& value) { value.agents.at(0).directory = "/projects/alpha"; });
  leave_behind(1, run_condition::live);
  recover();
  world.heard();
  say_alive(true);
  world.tell(requests, shareable(1));
  CHECK(world.heard() == lines{"session: 1 started"});
  CHECK(ask(shareable(2, spec_of(key(1))->request.task)) == lines{"session: 2 started"});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "an item that is known is written down, and known to the next supervisor") {
  run_with({});
  finish(1, answer_of("done"));
  world.heard();
  launcher->records = false;
  auto asked = call(2);
  parallel_order order{.items = {}, .aggregator = {}};
  order.items.push_back({.run = {.agent = {"alpha"}, .task = "work"}});
  asked.composite = std::make_shared<const composite_order>(std::move(order));
  CHECK(ask(asked) == lines{"launcher: record front.2"});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"launcher: record front.2.0"});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"session: 2 answered, success ''"});
  CHECK(session->answers.back().parallel->items.at(0).is_cached);
  acknowledge(2);
  CHECK(world.heard() == lines{"launcher: discard request front.2", "launcher: discard request front.2.0 alone"});
}

TEST_CASE_METHOD(shared_runs_fixture, "nobody waits for a run that is being ended") {
  run_with({});
  cancel(1);
  expect_cancel(1);
  CHECK(ask(shareable(2)) == lines{"alpha: execute front.2.0"});
  finish(1, answer_of("in time"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'in time'"});
  CHECK(ask(shareable(3)) == lines{"session: 3 answered, success 'in time'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a nested request waits for another's run only when that does not wait for it") {
  run_with({});
  CHECK(ask(call(7)) == lines{"alpha: execute front.7.0"});
  SECTION("it does not") {
    CHECK(ask(shareable(nested(2, 7))) == lines{"admission: may front.7.0 wait for front.1.0"});
    finish(1, answer_of("done"));
    CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'",
                                 "admission: front.7.0 no longer waits for front.1.0"});
    acknowledge(2);
    CHECK(world.heard() == lines{"launcher: discard request front.2 alone"});
  }
  SECTION("it does") {
    admission->may_join = false;
    CHECK(ask(shareable(nested(2, 7))) ==
          lines{"admission: may front.7.0 wait for front.1.0", "alpha: execute front.2.0"});
    finish(2, answer_of("inner"));
    CHECK(world.heard() == lines{"session: 2 answered, success 'inner'"});
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "what is nested in one of those who wait is cancelled with that one alone") {
  run_with({});
  CHECK(ask(call(7)) == lines{"alpha: execute front.7.0"});
  CHECK(ask(shareable(nested(2, 7))) == lines{"admission: may front.7.0 wait for front.1.0"});
  cancel(7);
  expect_cancel(7, {{key(1)}});
  CHECK(world.heard() ==
        lines{"admission: front.7.0 no longer waits for front.1.0", "session: 2 answered, cancelled ''"});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a ref is kept anew for each who asks") {
  auto first = shareable(1);
  first.kind = call_kind::ref;
  CHECK(ask(first) == lines{"alpha: execute front.1.0"});
  auto second = shareable(2);
  second.kind = call_kind::ref;
  CHECK(ask(second) == lines{});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: keep 'done'", "jobs: keep 'done'"});
  world.reply(take(jobs->ends), write_outcome{});
  world.reply(take(jobs->ends), write_outcome{});
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'"});
  auto third = shareable(3);
  third.kind = call_kind::ref;
  CHECK(ask(third) == lines{"jobs: keep 'done'"});
  world.reply(take(jobs->ends), write_outcome{});
  CHECK(world.heard() == lines{"session: 3 answered, success 'done'"});
  REQUIRE(session->answers.size() == 3);
  CHECK(session->answers[0].ref != session->answers[1].ref);
  CHECK(session->answers[1].ref != session->answers[2].ref);
  CHECK(session->answers[2].is_cached);
}

TEST_CASE_METHOD(shared_runs_fixture, "two accounts share nothing") {
  const auto as = [this](std::uint64_t line, const std::string& account) {
    auto asked = shareable(line);
    auto caller = std::make_shared<caller_context>();
    caller->environment = {"HOME=/home/ada", "ANTHROPIC_API_KEY=" + account};
    asked.caller = std::move(caller);
    return asked;
  };
  CHECK(ask(as(1, "one")) == lines{"alpha: execute front.1.0"});
  CHECK(ask(as(2, "two")) == lines{"alpha: execute front.2.0"});
  finish(1, answer_of("of one"));
  finish(2, answer_of("of two"));
  world.heard();
  CHECK(ask(as(3, "two")) == lines{"session: 3 answered, success 'of two'"});
  CHECK(ask(as(4, "three")) == lines{"alpha: execute front.4.0"});
}

TEST_CASE_METHOD(shared_runs_fixture, "an agent that is configured differently is asked again") {
  run_with({});
  SECTION("after the answer") {
    finish(1, answer_of("done"));
    world.heard();
    CHECK(report().figures->size == 1);
    change_configuration([](configuration& value) { value.agents.at(0).model = "sonnet"; });
    CHECK(report().figures->size == 0);
    CHECK(ask(shareable(2)) == lines{"alpha: execute front.2.0"});
  }
  SECTION("while it runs") {
    change_configuration([](configuration& value) { value.agents.at(0).model = "sonnet"; });
    CHECK(ask(shareable(2)) == lines{"alpha: execute front.2.0"});
    finish(1, answer_of("as it was"));
    finish(2, answer_of("as it is"));
    world.heard();
    CHECK(ask(shareable(3)) == lines{"session: 3 answered, success 'as it is'"});
  }
  world.heard();
}

TEST_CASE_METHOD(shared_runs_fixture, "what began before the cache was cleared is no answer to what is asked after") {
  run_with({});
  const auto clear = [this](caf::event_based_actor* self) {
    self->request(requests, caf::infinite, clear_cache{}).then([this](const cache_cleared& done) {
      world.note("cleared " + std::to_string(done.entries.value()));
    });
  };
  world.keep(world.system().spawn(clear));
  world.settle();
  CHECK(world.heard() == lines{"cleared 0"});
  CHECK(ask(shareable(2)) == lines{"alpha: execute front.2.0"});
  finish(1, answer_of("old"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'old'"});
  CHECK(report().figures->size == 0);
  finish(2, answer_of("new"));
  CHECK(world.heard() == lines{"session: 2 answered, success 'new'"});
  CHECK(ask(shareable(3)) == lines{"session: 3 answered, success 'new'"});
}

TEST_CASE_METHOD(shared_runs_fixture, "with the cache off nothing is shared") {
  change_configuration([](configuration& value) { value.settings.cache.enabled = false; });
  CHECK(ask(shareable(1)) == lines{"alpha: execute front.1.0"});
  CHECK(ask(shareable(2)) == lines{"alpha: execute front.2.0"});
  CHECK_FALSE(report().figures);
}

TEST_CASE_METHOD(shared_runs_fixture, "items of a parallel request share runs too") {
  auto asked = call(1);
  parallel_order order{.items = {}, .aggregator = {}};
  for (int i = 0; i < 3; ++i)
    order.items.push_back({.run = {.agent = {"alpha"}, .task = "work"}});
  asked.composite = std::make_shared<const composite_order>(std::move(order));
  CHECK(ask(asked) == lines{"alpha: execute front.1.0"});
  CHECK(ask(shareable(2)) == lines{});
  SECTION("a cancel of the call leaves the run to the other one") {
    cancel(1);
    CHECK(world.heard() == lines{"session: 1 answered, success ''"});
    finish(1, answer_of("done"));
    CHECK(world.heard() == lines{"session: 2 answered, success 'done'"});
  }
  SECTION("all are answered") {
    finish(1, answer_of("done"));
    CHECK(world.heard() == lines{"session: 2 answered, success 'done'", "session: 1 answered, success ''"});
    for (const auto& item : session->answers.at(1).parallel->items)
      CHECK(item.value->result == "done");
    acknowledge(2);
    acknowledge(1);
    CHECK(world.heard() == lines{"launcher: discard request front.2 alone", "launcher: discard request front.1",
                                 "launcher: discard request front.1.0 alone",
                                 "launcher: discard request front.1.1 alone", "launcher: discard request front.1.2"});
  }
}

TEST_CASE_METHOD(shared_runs_fixture,
                 "after a restart all who waited for a run get its answer, and it is started once") {
  SECTION("it lives, or has ended meanwhile") {
    const auto condition = GENERATE(run_condition::live, run_condition::ended);
    leave_behind(1, condition);
    leave_joined(2, condition, run_key{"front.9.0"});
    recover();
    lines expected{"launcher: is front alive", "alpha: adopt front.1.0", "recovered 2"};
    if (condition == run_condition::live)
      expected = {"admission: readmit front.1.0", "admission: front.9.0 waits for front.1.0",
                  "launcher: is front alive", "alpha: adopt front.1.0", "recovered 2"};
    auto heard = world.heard();
    std::sort(heard.begin(), heard.end());
    std::sort(expected.begin(), expected.end());
    CHECK(heard == expected);
    say_alive(true);
    world.tell(requests, call(1));
    world.tell(requests, call(2));
    CHECK(world.heard() == lines{"session: 1 started", "session: 2 started"});
    finish(1, answer_of("done"));
    heard = world.heard();
    std::erase(heard, "admission: front.9.0 no longer waits for front.1.0");
    CHECK(heard == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'"});
  }
  SECTION("it was not started: the first who asks again starts it") {
    leave_behind(1, run_condition::not_started);
    leave_joined(2, run_condition::not_started);
    recover();
    world.heard();
    say_alive(true);
    world.tell(requests, call(2));
    CHECK(world.heard() == lines{"alpha: execute front.1.0"});
    SECTION("the other one asks in time") {
      world.tell(requests, call(1));
      CHECK(world.heard() == lines{});
      finish(1, answer_of("done"));
      CHECK(world.heard() == lines{"session: 1 answered, success 'done'", "session: 2 answered, success 'done'"});
    }
    SECTION("the other one asks when it has ended") {
      finish(1, answer_of("done"));
      acknowledge(2);
      CHECK(world.heard() == lines{"session: 2 answered, success 'done'", "launcher: discard request front.2 alone"});
      world.tell(requests, call(1));
      CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
      acknowledge(1);
      CHECK(world.heard() == lines{"launcher: discard request front.1"});
    }
  }
}

TEST_CASE_METHOD(shared_runs_fixture, "a stop names a shared run once") {
  run_with({2});
  world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
  world.heard();
  drain(stop_mode::now);
  CHECK(world.heard() == lines{"alpha: cancel front.1.0", "admission: who is below front.1.0"});
  world.reply(take(admission->descendants), run_keys{});
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"session: 1 answered, success 'cut short'", "session: 2 answered, success 'cut short'",
                               "drained, 1 ended"});
}

TEST_CASE_METHOD(shared_runs_fixture, "a newer program's live runs keep their slots until they end") {
  auto found = std::make_shared<recovered_state>();
  found->occupants = {spec_of("other.1.0"), spec_of("other.2.0")};
  launcher->found = found;
  recover();
  CHECK(world.heard() ==
        lines{"admission: readmit other.1.0", "admission: readmit other.2.0", "launcher: which live", "recovered 0"});
  world.reply(take(launcher->live), run_keys{{"other.2.0"}});
  CHECK(world.heard() == lines{"admission: release other.1.0"});
  world.pass(std::chrono::milliseconds{1000});
  CHECK(world.heard() == lines{"launcher: which live"});
  world.reply(take(launcher->live), run_keys{});
  CHECK(world.heard() == lines{"admission: release other.2.0"});
  world.pass(std::chrono::milliseconds{1000});
  CHECK(world.heard() == lines{});
}
