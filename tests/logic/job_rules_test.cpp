#include "actors/logic/job_rules.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

constexpr double now = 1700000000;
constexpr double hour = 3600;

job_record record_in(job_status status, double created, std::optional<double> started = std::nullopt) {
  job_record record{.id = {"0123456789abcdef0123456789abcdef"}, .status = status, .created_at = created};
  record.started_at = started;
  return record;
}

} // namespace

TEST_CASE("A record is ours by its mark, and after a reboot by machine and jobs directory") {
  const std::string ours = "machine:boot:4026531836:jobs";
  CHECK(owner_of_record(ours, ours) == job_owner::ours);
  CHECK(owner_of_record("machine:earlier:4026532000:jobs", ours) == job_owner::before_reboot);
  for (const auto* mark : {"", "another:earlier:4026531836:jobs", "machine:earlier:4026531836:other",
                           "machine:boot:4026532000:jobs", "-:earlier:4026531836:jobs", "machine:-:4026531836:jobs",
                           "machine", "machine:earlier:jobs", "machine:earlier:4026531836:jobs:more", ":::"}) {
    CAPTURE(mark);
    CHECK(owner_of_record(mark, ours) == job_owner::another_program);
  }
  CHECK(owner_of_record("-:earlier:1:jobs", "-:boot:1:jobs") == job_owner::another_program);
  CHECK(owner_of_record("", "") == job_owner::another_program);
}

TEST_CASE("A running record of another program is stale after an hour without a sign of life") {
  const auto running = record_in(job_status::running, now - 3 * hour, now - 2 * hour);
  CHECK(staleness(running, now - hour - 1, now) == job_staleness::silent);
  CHECK(staleness(running, now - hour, now) == job_staleness::fresh);
  CHECK(staleness(running, now + hour, now) == job_staleness::fresh);
  const auto recent = record_in(job_status::running, now - 3 * hour, now - hour + 1);
  CHECK(staleness(recent, now - 2 * hour, now) == job_staleness::fresh);
  CHECK(staleness(record_in(job_status::running, now - 2 * hour), now - 2 * hour, now) == job_staleness::silent);
}

TEST_CASE("A pending record of another program is stale after a day") {
  CHECK(staleness(record_in(job_status::pending, now - 24 * hour - 1), now - 2 * hour, now) ==
        job_staleness::never_started);
  CHECK(staleness(record_in(job_status::pending, now - 24 * hour), now - 2 * hour, now) == job_staleness::fresh);
  CHECK(staleness(record_in(job_status::pending, now - 48 * hour), now - 60, now) == job_staleness::fresh);
}

TEST_CASE("A terminal record is never stale") {
  for (const auto status : {job_status::done, job_status::failed, job_status::cancelled})
    CHECK(staleness(record_in(status, 0, 0), 0, now) == job_staleness::fresh);
}

TEST_CASE("What is stale says why") {
  CHECK(stale_sentence(job_staleness::fresh).empty());
  CHECK_FALSE(stale_sentence(job_staleness::silent).empty());
  CHECK_FALSE(stale_sentence(job_staleness::never_started).empty());
}

TEST_CASE("Only terminal records are collected, by the time they ended") {
  auto done = record_in(job_status::done, now - 10 * hour);
  done.completed_at = now - 2 * hour;
  CHECK(is_collectable(done, 1h, now));
  CHECK_FALSE(is_collectable(done, 2h, now));
  CHECK_FALSE(is_collectable(done, 3h, now));
  CHECK(is_collectable(done, 0s, now - 20 * hour));
  done.completed_at.reset();
  CHECK(is_collectable(done, 9h, now));
  for (const auto status : {job_status::pending, job_status::running}) {
    CHECK_FALSE(is_collectable(record_in(status, 0), 1h, now));
    CHECK_FALSE(is_collectable(record_in(status, 0), 0s, now));
  }
}

TEST_CASE("A cancel comes to what state and owner of the job say") {
  using status = job_status;
  for (const auto owner : {job_owner::ours, job_owner::before_reboot, job_owner::another_program}) {
    CHECK(outcome_of_cancel(record_in(status::pending, now), owner) == cancel_outcome::cancelled);
    for (const auto ended : {status::done, status::failed, status::cancelled}) {
      const auto report = report_of_cancel(record_in(ended, now), owner);
      CHECK(report.outcome == cancel_outcome::already_terminal);
      CHECK(report.status == ended);
      CHECK_FALSE(report.message.empty());
    }
  }
  const auto running = record_in(status::running, now);
  CHECK(outcome_of_cancel(running, job_owner::ours) == cancel_outcome::cancelled_running);
  CHECK(outcome_of_cancel(running, job_owner::before_reboot) == cancel_outcome::cancelled_running);
  const auto foreign = report_of_cancel(running, job_owner::another_program);
  CHECK(foreign.outcome == cancel_outcome::running);
  CHECK(foreign.status == status::running);
  CHECK_FALSE(foreign.message.empty());
  const auto ours = report_of_cancel(running, job_owner::ours);
  CHECK(ours.id == running.id);
  CHECK(ours.status == status::cancelled);
  CHECK(ours.message.empty());
}

TEST_CASE("What is run again goes on in the session that something has run in") {
  auto record = record_in(job_status::failed, now - hour, now - hour);
  record.session = session_id{"chosen"};
  CHECK(run_again(record)->resume == session_id{"chosen"}); // lost, or ended without a result
  record.result = dispatch_result{};
  CHECK_FALSE(run_again(record)->resume); // refused, after the record was marked as running
  record.result->session = session_id{"begun"};
  CHECK(run_again(record)->resume == session_id{"begun"});
  record.started_at.reset();
  CHECK(run_again(record)->resume == session_id{"begun"}); // refused, but it was to go on in it
  record.result.reset();
  CHECK_FALSE(run_again(record)->resume);
  record.status = job_status::running;
  CHECK_FALSE(run_again(record));
}

TEST_CASE("Live jobs are touched by whichever clock says first that it is time") {
  const moment last{100, now};
  CHECK_FALSE(is_touch_due(last, {699, now + 599}));
  CHECK(is_touch_due(last, {700, now + 600}));
  CHECK(is_touch_due(last, {101, now + hour})); // the machine slept
  CHECK(is_touch_due(last, {700, now}));
  CHECK(is_touch_due(last, {101, now - hour})); // set back: the files are of the future
}

TEST_CASE("The outcomes of a cancel have the interface's words") {
  CHECK(to_string(cancel_outcome::cancelled) == "cancelled");
  CHECK(to_string(cancel_outcome::cancelled_running) == "cancelled_running");
  CHECK(to_string(cancel_outcome::already_terminal) == "already_terminal");
  CHECK(to_string(cancel_outcome::running) == "running");
}
