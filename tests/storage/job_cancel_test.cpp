#include "actors/storage/job_cancel.hpp"

#include <catch2/catch.hpp>

#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;

TEST_CASE("A cancel marks a pending job, whoever's it is") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(1));
  const auto foreign = numbered_id(2);
  directory.write(foreign.value + ".json", python_record(foreign, "pending"));
  for (const auto& id : {numbered_id(1), foreign}) {
    const auto cancelled = cancel_record(files, id, test_now);
    REQUIRE(cancelled);
    CHECK(cancelled->report.outcome == cancel_outcome::cancelled);
    CHECK(cancelled->report.status == job_status::cancelled);
    const auto record = stored(files, id);
    CHECK(record == cancelled->record);
    CHECK(record.status == job_status::cancelled);
    CHECK(record.completed_at == test_now);
    CHECK_FALSE(record.error.value_or("").empty());
  }
}

TEST_CASE("A cancel marks a running job of ours, also one from before a reboot") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(1, job_status::running));
  auto earlier = make_record(2, job_status::running);
  earlier.owner = mark_before_reboot;
  write_record(files, earlier);
  for (const unsigned number : {1U, 2U}) {
    const auto cancelled = cancel_record(files, numbered_id(number), test_now);
    REQUIRE(cancelled);
    CHECK(cancelled->report.outcome == cancel_outcome::cancelled_running);
    const auto record = stored(files, numbered_id(number));
    CHECK(record.status == job_status::cancelled);
    CHECK(record.session == make_record(number).session);
  }
}

TEST_CASE("A job that another program runs is not cancelled, and the answer says why") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto id = numbered_id(1);
  directory.write(id.value + ".json", python_record(id, "running"));
  const auto cancelled = cancel_record(files, id, test_now);
  REQUIRE(cancelled);
  CHECK(cancelled->report.outcome == cancel_outcome::running);
  CHECK(cancelled->report.status == job_status::running);
  CHECK_FALSE(cancelled->report.message.empty());
  CHECK(directory.read(id.value + ".json") == python_record(id, "running"));
}

TEST_CASE("A finished job stays as it is when it is cancelled") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  unsigned number = 0;
  for (const auto status : {job_status::done, job_status::failed, job_status::cancelled}) {
    const auto record = make_record(++number, status);
    write_record(files, record);
    const auto cancelled = cancel_record(files, record.id, test_now);
    REQUIRE(cancelled);
    CHECK(cancelled->report.outcome == cancel_outcome::already_terminal);
    CHECK(cancelled->report.status == status);
    CHECK(stored(files, record.id) == record);
  }
}

TEST_CASE("A job that is not there cannot be cancelled") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto cancelled = cancel_record(files, numbered_id(1), test_now);
  REQUIRE_FALSE(cancelled);
  CHECK(cancelled.error().kind == fault_kind::invalid_argument);
  CHECK_THAT(cancelled.error().message, Catch::Matchers::Contains("not found"));
}
