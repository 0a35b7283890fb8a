#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/actors/requests_fixture.hpp"

using namespace agent_dispatch;

namespace {

const std::string accepted_one = "session: 1 answered, job pending";
const std::string forgotten_one = "launcher: discard request front.1";

/// Requests for jobs; everything of the jobs themselves is scripted.
struct job_requests_fixture : requests_fixture {
  dispatch_call job_call(std::uint64_t line) {
    auto asked = call(line);
    asked.kind = call_kind::job;
    return asked;
  }

  /// The request is written down, and its job is being created.
  void accept(std::uint64_t line) {
    world.tell(requests, job_call(line));
    auto heard = world.heard();
    std::erase(heard, "admission: 5 slots");
    CHECK(heard == lines{"jobs: create for front." + std::to_string(line)});
  }

  void created(std::optional<fault> problem = {}) { world.reply(take(jobs->creations), write_outcome{problem}); }

  /// The job is accepted and queued.
  void start_job(std::uint64_t line) {
    accept(line);
    created();
    const auto number = std::to_string(line);
    CHECK(world.heard() == lines{"session: " + number + " answered, job pending", "alpha: execute " + key(line)});
  }

  void concluded(std::optional<fault> problem = {}) { world.reply(take(jobs->ends), write_outcome{problem}); }

  void acknowledge(std::uint64_t line) { world.tell(requests, request_acknowledged{{front, line}}); }

  /// As the registry does when the record says so.
  void marked_as_cancelled(std::uint64_t line) {
    caf::send_as(jobs->actor, requests, cancel_request{{front, line}, true});
    world.settle();
  }

  std::string job_of(std::uint64_t line) const { return alpha->specs.at(key(line))->job->value; }

  /// An earlier supervisor has left a job of this line.
  void leave_job_behind(std::uint64_t line, run_condition condition) {
    auto found = std::make_shared<recovered_state>(*launcher->found);
    auto spec = spec_of(key(line));
    spec->caller = nullptr;
    spec->job = left_job(line);
    found->requests.push_back({.request = std::make_shared<const accepted_request>(
                                   accepted_request{.key = {front, line}, .spec = spec, .deaths = 0}),
                               .condition = condition,
                               .how = {},
                               .borrowed_from = {}});
    launcher->found = std::move(found);
  }

  static job_id left_job(std::uint64_t line) { return {std::to_string(line) + std::string(31, 'a')}; }

  /// The registry says what the record of the oldest job is that it was asked for.
  void adopted(job_status status) {
    job_record record;
    record.status = status;
    world.reply(take(jobs->adoptions), job_found{record});
  }

  std::string asked_if_alive = "launcher: is front alive";
};

} // namespace

// --- acceptance
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_requests_fixture, "a job is answered when its record is there, and executed after that") {
  launcher->records = false;
  world.tell(requests, job_call(1));
  CHECK(world.heard() == lines{"admission: 5 slots", "launcher: record front.1"});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"jobs: create for front.1"});
  created();
  CHECK(world.heard() == lines{accepted_one, "alpha: execute " + key(1)});
  CHECK(session->answers.at(0).job->id.value == job_of(1));
  CHECK(session->answers.at(0).job->agent == agent_name{"alpha"});
}

TEST_CASE_METHOD(job_requests_fixture, "a job that is asked for again has the id it had, and runs once") {
  const int when = GENERATE(range(0, 4));
  CAPTURE(when);
  accept(1);
  if (when == 0)
    world.tell(requests, job_call(1));
  created();
  CHECK(world.heard() == lines{accepted_one, "alpha: execute " + key(1)});
  if (when == 1)
    world.tell(requests, job_call(1));
  finish(1, answer_of("done"));
  CHECK(world.heard().back() == "jobs: finish, success 'done'");
  if (when == 2)
    world.tell(requests, job_call(1));
  concluded();
  if (when == 3)
    world.tell(requests, job_call(1));
  CHECK(world.heard() == (when >= 2 ? lines{accepted_one} : lines{}));
  for (const auto& answer : session->answers)
    CHECK(answer.job->id.value == job_of(1));
  acknowledge(1);
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture, "the progress of a job goes to the registry, not to who asked for it") {
  start_job(1);
  world.tell(requests, run_progress{{key(1)}, {progress_kind::text, "hello"}});
  CHECK(world.heard() == lines{"jobs: text 'hello'"});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a job is forgotten once it has ended and its caller knows it, in either order") {
  const bool acknowledged_first = GENERATE(true, false);
  start_job(1);
  if (acknowledged_first)
    acknowledge(1);
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded();
  if (!acknowledged_first) {
    CHECK(world.heard() == lines{});
    acknowledge(1);
  }
  CHECK(world.heard() == lines{forgotten_one});
  acknowledge(1);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "what a frontend does not keep is acknowledged, whatever was heard of that before") {
  const auto kept = [&](const frontend_id& whose, std::uint64_t through, std::set<std::uint64_t> numbers) {
    world.tell(requests,
               requests_kept{whose, through, std::make_shared<const std::set<std::uint64_t>>(std::move(numbers))});
  };
  start_job(1);
  finish(1, answer_of("done"));
  concluded();
  world.heard();
  kept({"another"}, 9, {});
  kept(front, 0, {});
  kept(front, 9, {1});
  CHECK(world.heard() == lines{});
  kept(front, 9, {2});
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture, "a job is forgotten when it is acknowledged while its end is written") {
  start_job(1);
  finish(1, answer_of("done"));
  acknowledge(1);
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded();
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture, "a job whose end cannot be written is not forgotten before it is") {
  const bool acknowledged_first = GENERATE(true, false);
  start_job(1);
  if (acknowledged_first)
    acknowledge(1);
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded(no_space);
  if (!acknowledged_first)
    acknowledge(1);
  for (int i = 0; i < 2; ++i) {
    CHECK(world.heard() == lines{});
    world.pass(std::chrono::seconds{5});
    CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
    concluded(i == 0 ? std::optional{no_space} : std::nullopt);
  }
  if (!acknowledged_first)
    acknowledge(1);
  CHECK(world.heard() == lines{forgotten_one});
  world.pass(std::chrono::seconds{5});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_requests_fixture, "a stop does not wait for an end that cannot be written, and keeps it") {
  start_job(1);
  acknowledge(1);
  drain(stop_mode::drain);
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded(no_space);
  CHECK(world.heard() == lines{"drained, 0 ended"});
  finish_all();
  CHECK(world.heard() == lines{asked_if_alive});
  say_alive(false);
  CHECK(world.heard() == lines{"launcher: finish discarding"});
  finish_discarding();
  CHECK(world.heard() == lines{"finished"});
}

// --- cancels
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_requests_fixture, "a cancel before the job is created creates none") {
  launcher->records = false;
  world.tell(requests, job_call(1));
  world.tell(requests, cancel_request{{front, 1}});
  world.reply(take(launcher->recordings), write_outcome{});
  CHECK(world.heard() == lines{"admission: 5 slots", "launcher: record front.1", "session: 1 answered, cancelled ''"});
}

TEST_CASE_METHOD(job_requests_fixture, "a cancel while the job is created cancels the job, before it is executed") {
  accept(1);
  world.tell(requests, cancel_request{{front, 1}});
  created();
  const auto heard = world.heard();
  CHECK(heard == lines{accepted_one, "jobs: cancel " + job_of(1), "alpha: execute " + key(1)});
}

TEST_CASE_METHOD(job_requests_fixture, "a run is ended when the record of its job says that it is cancelled") {
  start_job(1);
  marked_as_cancelled(1);
  expect_cancel(1);
  marked_as_cancelled(1);
  CHECK(world.heard() == lines{});
  finish(1, answer_of("in time"));
  CHECK(world.heard() == lines{"jobs: finish, success 'in time'"});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a cancel that crosses the job's id cancels the record first, and then the run") {
  start_job(1);
  world.tell(requests, cancel_request{{front, 1}});
  CHECK(world.heard() == lines{"jobs: cancel " + job_of(1)});
  marked_as_cancelled(1);
  expect_cancel(1);
}

TEST_CASE_METHOD(job_requests_fixture, "a job whose call comes again as cancelled is answered, and cancelled") {
  start_job(1);
  auto again = job_call(1);
  again.cancelled = true;
  world.tell(requests, again);
  CHECK(world.heard() == lines{accepted_one, "jobs: cancel " + job_of(1)});
  marked_as_cancelled(1);
  expect_cancel(1);
}

TEST_CASE_METHOD(job_requests_fixture, "a job whose record cannot be cancelled is ended all the same") {
  start_job(1);
  world.tell(requests, cancel_request{{front, 1}});
  CHECK(world.heard() == lines{"jobs: cancel " + job_of(1)});
  world.reply(take(jobs->cancels), job_cancelled{failure(fault_kind::io, "no space"), nullptr});
  expect_cancel(1);
}

TEST_CASE_METHOD(job_requests_fixture, "a cancelled job that has not started is no next supervisor's to start") {
  const bool has_started = GENERATE(true, false);
  start_job(1);
  if (has_started)
    world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
  world.heard();
  marked_as_cancelled(1); // although it could not be marked
  expect_cancel(1);
  finish(1, answer_of("cancelled in the queue"));
  concluded(no_space);
  CHECK(world.heard() == (has_started ? lines{"jobs: finish, success 'cancelled in the queue'"}
                                      : lines{"jobs: finish, success 'cancelled in the queue'", forgotten_one}));
  world.pass(std::chrono::seconds{5});
  CHECK(world.heard() == lines{"jobs: finish, success 'cancelled in the queue'"});
  concluded();
  acknowledge(1);
  CHECK(world.heard() == (has_started ? lines{forgotten_one} : lines{}));
}

TEST_CASE_METHOD(job_requests_fixture, "a cancel of the registry after the end does nothing") {
  start_job(1);
  finish(1, answer_of("done"));
  marked_as_cancelled(1);
  concluded();
  marked_as_cancelled(1);
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a job goes on without the frontend that asked for it, and is forgotten at its end") {
  const int when = GENERATE(range(0, 3));
  CAPTURE(when);
  accept(1);
  if (when == 0)
    disconnect(false);
  created();
  CHECK(world.heard() == lines{accepted_one, "alpha: execute " + key(1)});
  if (when == 1)
    disconnect(false);
  finish(1, answer_of("done"));
  if (when == 2) {
    CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
    disconnect(false);
    concluded();
    CHECK(world.heard() == lines{forgotten_one});
    return;
  }
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded();
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a stop that keeps runs leaves a job that was just created to the next supervisor") {
  accept(1);
  drain(stop_mode::keep_runs);
  CHECK(world.heard() ==
        lines{"launcher: note the handover", "launcher: with the environment of front", "drained, 0 ended"});
  created();
  CHECK(world.heard() == lines{accepted_one});
}

TEST_CASE_METHOD(job_requests_fixture, "a stop now cancels jobs by their records, and waits for their runs") {
  start_job(1);
  world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
  world.heard();
  drain(stop_mode::now);
  CHECK(world.heard() == lines{"jobs: cancel " + job_of(1)});
  marked_as_cancelled(1);
  expect_cancel(1);
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"jobs: finish, success 'cut short'"});
  concluded();
  CHECK(world.heard() == lines{"drained, 1 ended"});
}

TEST_CASE_METHOD(job_requests_fixture, "of a cancel and a stop, in either order, the run is ended once") {
  const bool cancel_first = GENERATE(true, false);
  const auto mode = GENERATE(stop_mode::drain, stop_mode::now);
  start_job(1);
  world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
  world.heard();
  const auto stop = [&] {
    drain(mode);
    CHECK(world.heard() == (mode == stop_mode::now ? lines{"jobs: cancel " + job_of(1)} : lines{}));
  };
  if (!cancel_first)
    stop();
  marked_as_cancelled(1);
  expect_cancel(1);
  if (cancel_first)
    stop();
  marked_as_cancelled(1); // what the stop has asked for, if it has
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"jobs: finish, success 'cut short'"});
  concluded();
  CHECK(world.heard() ==
        lines{"drained, " + std::string{!cancel_first && mode == stop_mode::now ? "1" : "0"} + " ended"});
}

// --- refs
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_requests_fixture, "a result that is to be kept is answered when it is, or with why it is not") {
  const bool kept = GENERATE(true, false);
  auto asked = call(1);
  asked.kind = call_kind::ref;
  world.tell(requests, asked);
  CHECK(world.heard() == lines{"admission: 5 slots", "alpha: execute " + key(1)});
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: keep 'done'"});
  concluded(kept ? std::nullopt : std::optional{no_space});
  CHECK(world.heard() == lines{"session: 1 answered, success 'done'"});
  CHECK(session->answers.at(0).ref.has_value() == kept);
  CHECK(session->answers.at(0).not_kept.has_value() == !kept);
}

// --- jobs of earlier supervisors
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_requests_fixture, "a job whose run lives or has ended is taken over, whatever its caller does") {
  const auto condition = GENERATE(run_condition::live, run_condition::ended);
  const auto status = GENERATE(job_status::pending, job_status::running);
  leave_job_behind(1, condition);
  recover();
  auto heard = world.heard();
  std::erase(heard, "admission: readmit " + key(1));
  CHECK(heard == lines{"jobs: adopt front.1", asked_if_alive});
  const bool gone_before = GENERATE(true, false);
  if (gone_before)
    say_alive(false);
  adopted(status);
  CHECK(world.heard() == lines{"alpha: adopt " + key(1), "recovered 1"});
  if (!gone_before)
    say_alive(false);
  finish(1, answer_of("done"));
  CHECK(world.heard() == lines{"jobs: finish, success 'done'"});
  concluded();
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture, "a live run whose job is terminal already is ended, and its end written") {
  const auto status = GENERATE(job_status::done, job_status::failed, job_status::cancelled);
  leave_job_behind(1, run_condition::live);
  recover();
  adopted(status);
  CHECK(world.heard() == lines{"admission: readmit " + key(1), "jobs: adopt front.1", asked_if_alive,
                               "alpha: adopt " + key(1), "alpha: cancel " + key(1), "admission: who is below " + key(1),
                               "recovered 1"});
  world.reply(take(admission->descendants), run_keys{});
  finish(1, answer_of("cut short"));
  CHECK(world.heard() == lines{"jobs: finish, success 'cut short'"});
}

TEST_CASE_METHOD(job_requests_fixture, "the registry hears whether all that was accepted is known") {
  const bool is_whole = GENERATE(true, false);
  auto found = std::make_shared<recovered_state>(*launcher->found);
  found->is_whole = is_whole;
  launcher->found = std::move(found);
  recover();
  CHECK(world.heard() == lines{"recovered 0"});
  CHECK(jobs->knows_all == is_whole);
}

TEST_CASE_METHOD(job_requests_fixture, "a job that never started and is terminal already never starts") {
  const auto status = GENERATE(job_status::done, job_status::failed, job_status::cancelled);
  leave_job_behind(1, run_condition::not_started);
  recover();
  adopted(status);
  auto heard = world.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"jobs: adopt front.1", "jobs: finish, cancelled ''", asked_if_alive, "recovered 1"});
  arrive();
  concluded();
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a job that never started starts with the environment that its frontend brings") {
  const bool asks_again = GENERATE(true, false);
  leave_job_behind(1, run_condition::not_started);
  recover();
  adopted(job_status::pending);
  world.heard();
  const auto caller = std::make_shared<const caller_context>();
  if (asks_again) {
    auto again = job_call(1);
    again.caller = caller;
    world.tell(requests, again);
    CHECK(world.heard() == lines{accepted_one, "alpha: execute " + key(1)});
    CHECK(session->answers.at(0).job->id == left_job(1));
  } else {
    world.tell(requests, frontend_arrived{front, caller});
    CHECK(world.heard() == lines{"alpha: execute " + key(1)});
  }
  CHECK(alpha->specs.at(key(1))->caller == caller);
  arrive();
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_requests_fixture, "a job that never started waits while a stop is under way, and stays on disk") {
  leave_job_behind(1, run_condition::not_started);
  recover();
  adopted(job_status::pending);
  world.heard();
  drain(stop_mode::drain);
  CHECK(world.heard() == lines{"drained, 0 ended"});
  arrive();
  world.tell(requests, job_call(1));
  CHECK(world.heard() == lines{accepted_one});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a job that never started fails when its frontend is gone, before or after its adoption") {
  const bool gone_before = GENERATE(true, false);
  leave_job_behind(1, run_condition::not_started);
  recover();
  world.heard();
  if (gone_before)
    say_alive(false);
  adopted(job_status::pending);
  if (!gone_before)
    say_alive(false);
  CHECK(world.heard() == (gone_before ? lines{"jobs: fail", "recovered 1"} : lines{"recovered 1", "jobs: fail"}));
  concluded();
  CHECK(world.heard() == lines{forgotten_one});
  arrive();
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_requests_fixture, "that a job never started is said again until it is written") {
  leave_job_behind(1, run_condition::not_started);
  recover();
  adopted(job_status::pending);
  say_alive(false);
  world.heard();
  concluded(no_space);
  world.pass(std::chrono::seconds{5});
  CHECK(world.heard() == lines{"jobs: fail"});
  concluded();
  CHECK(world.heard() == lines{forgotten_one});
}

TEST_CASE_METHOD(job_requests_fixture, "of two jobs that never started, one fails while the other is still adopted") {
  leave_job_behind(1, run_condition::not_started);
  leave_job_behind(2, run_condition::not_started);
  recover();
  adopted(job_status::pending);
  world.heard();
  say_alive(false);
  CHECK(world.heard() == lines{"jobs: fail"});
  adopted(job_status::pending);
  CHECK(world.heard() == lines{"jobs: fail", "recovered 2"});
}

TEST_CASE_METHOD(job_requests_fixture,
                 "a job starts with the environment that was handed over, whatever its frontend does") {
  leave_job_behind(1, run_condition::not_started);
  const auto caller = std::make_shared<const caller_context>();
  auto found = std::make_shared<recovered_state>(*launcher->found);
  found->callers.emplace(front, caller);
  launcher->found = std::move(found);
  recover();
  world.heard();
  const bool gone_before = GENERATE(true, false);
  if (gone_before)
    say_alive(false);
  adopted(job_status::pending);
  if (!gone_before)
    say_alive(false);
  CHECK(world.heard() == lines{"alpha: execute " + key(1), "recovered 1"});
  CHECK(alpha->specs.at(key(1))->caller == caller);
}

TEST_CASE_METHOD(job_requests_fixture,
                 "the environments of jobs that wait for their turn are handed over, and no others") {
  start_job(1); // its run has not started
  SECTION("and it does not start") {
    drain(stop_mode::keep_runs);
    CHECK(world.heard() ==
          lines{"launcher: note the handover", "launcher: with the environment of front", "drained, 0 ended"});
  }
  SECTION("but it has started") {
    world.tell(requests, run_progress{{key(1)}, {progress_kind::started, {}}});
    world.heard();
    drain(stop_mode::keep_runs);
    CHECK(world.heard() == lines{"launcher: note the handover", "drained, 0 ended"});
  }
}

TEST_CASE_METHOD(job_requests_fixture,
                 "of a job whose record cannot be written nothing is left for the next supervisor") {
  accept(1);
  created(fault{fault_kind::io, "too many open files"});
  const auto heard = world.heard();
  REQUIRE(heard.size() == 2);
  CHECK(heard[0] == "launcher: discard request front.1");
  CHECK(heard[1].starts_with("session: 1 answered, "));
  acknowledge(1);
  CHECK(world.heard() == lines{});
}
