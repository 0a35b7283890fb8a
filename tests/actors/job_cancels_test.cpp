#include <catch2/catch.hpp>

#include "tests/actors/job_desk.hpp"

using namespace agent_dispatch;

// --- cancels, in both orders
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "of a cancel and a start, the one that reaches the disk first counts") {
  const bool cancel_first = GENERATE(true, false);
  create(1);
  watch(1);
  world.heard();
  hold();
  if (cancel_first) {
    cancel(1);
    start(1);
    release();
    CHECK(world.heard() ==
          lines{"asker: 101 answered, job cancelled", "requests: cancel 1", "1 cancel: cancelled", "1 may not start"});
    CHECK_FALSE(on_disk(1).started_at);
  } else {
    start(1);
    cancel(1);
    release();
    CHECK(world.heard() == lines{"1 may start", "asker: 101 answered, job cancelled", "requests: cancel 1",
                                 "1 cancel: cancelled_running"});
    CHECK(on_disk(1).started_at);
  }
  finish(1, failed_answer());
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::cancelled);
}

TEST_CASE_METHOD(job_desk, "of a cancel and an end, the one that reaches the disk first counts") {
  const bool cancel_first = GENERATE(true, false);
  make_running(1);
  watch(1);
  hold();
  if (cancel_first) {
    cancel(1);
    finish(1);
    release();
    CHECK(world.heard() == lines{"asker: 101 answered, job cancelled", "requests: cancel 1",
                                 "1 cancel: cancelled_running", "1 finished"});
    // What its run had to say is added: it was paid for.
    CHECK(on_disk(1).status == job_status::cancelled);
    CHECK(on_disk(1).result->result == "done");
  } else {
    finish(1);
    cancel(1);
    release();
    CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished", "1 cancel: already_terminal"});
    CHECK(on_disk(1).status == job_status::done);
  }
}

TEST_CASE_METHOD(job_desk, "of a cancel and a deadline, the one that reaches the disk first counts") {
  const bool cancel_first = GENERATE(true, false);
  dispatch_result too_late;
  too_late.error = "it took too long";
  too_late.error_type = error_type::timeout;
  make_running(1);
  hold();
  if (cancel_first) {
    cancel(1);
    finish(1, {too_late});
    release();
    CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: cancelled_running", "1 finished"});
    CHECK(on_disk(1).status == job_status::cancelled);
  } else {
    finish(1, {too_late});
    cancel(1);
    release();
    CHECK(world.heard() == lines{"1 finished", "1 cancel: already_terminal"});
    CHECK(on_disk(1).status == job_status::failed);
    CHECK(on_disk(1).error == "it took too long");
  }
}

TEST_CASE_METHOD(job_desk, "of a cancel and a gc, the cancel finds a record or none, and no record comes back") {
  const bool cancel_first = GENERATE(true, false);
  make_running(1);
  finish(1);
  world.heard();
  if (cancel_first) {
    cancel(1);
    collect_all();
    CHECK(world.heard() == lines{"1 cancel: already_terminal", "gc purged 1"});
  } else {
    collect_all();
    cancel(1);
    CHECK(world.heard() == lines{"gc purged 1", "1 cancel: a value cannot be used"});
  }
  CHECK_FALSE(is_on_disk(1));
}

TEST_CASE_METHOD(job_desk, "of a cancel and a failure without a run, the one that reaches the disk first counts") {
  const bool cancel_first = GENERATE(true, false);
  create(1);
  watch(1);
  world.heard();
  hold();
  if (cancel_first) {
    cancel(1);
    fail(1);
    release();
    CHECK(world.heard() ==
          lines{"asker: 101 answered, job cancelled", "requests: cancel 1", "1 cancel: cancelled", "1 failed"});
    CHECK(on_disk(1).status == job_status::cancelled);
  } else {
    fail(1);
    cancel(1);
    release();
    CHECK(world.heard() == lines{"asker: 101 answered, job failed", "1 failed", "1 cancel: already_terminal"});
    CHECK(on_disk(1).error == "never started");
  }
}

TEST_CASE_METHOD(job_desk, "of a cancel and progress, neither undoes the other") {
  const bool cancel_first = GENERATE(true, false);
  make_running(1);
  hold();
  if (cancel_first)
    cancel(1);
  progress(1, "hello");
  if (!cancel_first)
    cancel(1);
  release();
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: cancelled_running"});
  CHECK(on_disk(1).status == job_status::cancelled);
  CHECK(on_disk(1).progress == (cancel_first ? lines{} : lines{"hello"}));
}

TEST_CASE_METHOD(job_desk, "of a cancel and the end of a wait, one answers") {
  const bool cancel_first = GENERATE(true, false);
  make_running(1);
  watch(1, std::chrono::seconds{2});
  if (cancel_first)
    cancel(1);
  world.pass(std::chrono::seconds{2});
  if (!cancel_first)
    cancel(1);
  if (cancel_first)
    CHECK(world.heard() ==
          lines{"asker: 101 answered, job cancelled", "requests: cancel 1", "1 cancel: cancelled_running"});
  else
    CHECK(world.heard() ==
          lines{"asker: 101 answered, job running", "requests: cancel 1", "1 cancel: cancelled_running"});
}

TEST_CASE_METHOD(job_desk, "a run is told to end once, however often its job is cancelled") {
  make_running(1);
  hold();
  cancel(1);
  cancel(1);
  release();
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: cancelled_running", "1 cancel: already_terminal"});
}

TEST_CASE_METHOD(job_desk, "a cancel that cannot be written ends the run all the same, and is written with its end") {
  make_running(1);
  watch(1);
  writer.problem = no_space;
  cancel(1);
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: " + disk_failed});
  SECTION("which it comes to") {
    writer.problem.reset();
    finish(1, failed_answer());
    CHECK(world.heard() == lines{"asker: 101 answered, job cancelled", "1 finished"});
    CHECK(on_disk(1).status == job_status::cancelled);
    CHECK(on_disk(1).result->error == "no boxes");
  }
  SECTION("or which comes first") {
    writer.problem.reset();
    finish(1);
    CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
  }
  SECTION("which cannot be written either, at first") {
    finish(1, failed_answer());
    CHECK(world.heard() == lines{"asker: 101 answered, job cancelled, not kept", "1 not finished: " + disk_failed});
    writer.problem.reset();
    finish(1, failed_answer());
    CHECK(world.heard() == lines{"1 finished"});
    CHECK(on_disk(1).status == job_status::cancelled);
  }
  SECTION("and is written when it is asked for again") {
    writer.problem.reset();
    cancel(1);
    CHECK(world.heard() ==
          lines{"asker: 101 answered, job cancelled", "requests: cancel 1", "1 cancel: cancelled_running"});
  }
}

TEST_CASE_METHOD(job_desk, "a cancel of which the writer dies ends the run all the same") {
  make_running(1);
  writer.failures = 1;
  cancel(1);
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: a process died and took the work with it"});
  finish(1, failed_answer());
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::cancelled);
}

TEST_CASE_METHOD(job_desk, "a queued job whose cancel cannot be written is cancelled in the end") {
  create(1);
  writer.problem = no_space;
  cancel(1);
  writer.problem.reset();
  finish(1, failed_answer());
  CHECK(world.heard() == lines{"1 created", "requests: cancel 1", "1 cancel: " + disk_failed, "1 finished"});
  CHECK(on_disk(1).status == job_status::cancelled);
  CHECK_FALSE(on_disk(1).started_at);
}

TEST_CASE_METHOD(job_desk, "a job is cancelled by the beginning of its id") {
  make_running(1);
  cancel("1a", "1a");
  CHECK(world.heard() == lines{"requests: cancel 1", "1a cancel: cancelled_running"});
  cancel("2a", "2a");
  CHECK(world.heard() == lines{"2a cancel: a value cannot be used"});
}

TEST_CASE_METHOD(job_desk, "a job that another program runs is not ours to end") {
  overwrite(foreign(7, job_status::running));
  cancel(7);
  CHECK(world.heard() == lines{"7 cancel: running"});
  CHECK(on_disk(7).status == job_status::running);
}

TEST_CASE_METHOD(job_desk, "a cancelled record that is removed before its run has ended stays removed") {
  make_running(1);
  cancel(1);
  collect_all();
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: cancelled_running", "gc purged 1"});
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
  CHECK_FALSE(is_on_disk(1));
}

TEST_CASE_METHOD(job_desk, "what is not terminal is not removed, also while its end is written") {
  make_running(1);
  hold();
  finish(1);
  reader.holds = false;
  collect_all();
  CHECK(world.heard() == lines{"gc purged 0"});
  release();
  collect_all();
  CHECK(world.heard() == lines{"1 finished", "gc purged 1"});
}
