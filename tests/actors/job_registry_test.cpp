#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/actors/job_desk.hpp"

using namespace agent_dispatch;

namespace {

const std::string disk_failed = "an operation of the system failed";
const run_key waiting_run{"front.50.0"};

const std::string edge = "admission: front.50.0 waits for front.1.0";
const std::string no_edge = "admission: front.50.0 no longer waits for front.1.0";

dispatch_answer failed_answer() {
  dispatch_result result;
  result.agent = {"alpha"};
  result.error = "no boxes";
  result.error_type = error_type::cli_error;
  return {std::move(result)};
}

/// A job of another program: no mark of ours.
job_record foreign(unsigned line, job_status status) {
  job_record record{.id = job_desk::id_of(line), .agent = {"shop"}, .task = "theirs", .status = status};
  record.created_at = unix_now();
  if (status != job_status::pending)
    record.started_at = record.created_at;
  return record;
}

/// A record of ours as a supervisor has left it.
job_record left_behind(unsigned line, job_status status) {
  auto record = foreign(line, status);
  record.owner = desk_mark;
  record.session = session_id{"5e551011-0000-4000-8000-000000000000"};
  if (is_terminal(status))
    record.completed_at = record.created_at;
  return record;
}

} // namespace

// --- the way of a job
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "a job is pending, then running, then done, each on disk before it is said") {
  hold();
  create(1);
  CHECK(world.heard() == lines{});
  release();
  CHECK(world.heard() == lines{"1 created"});
  CHECK(on_disk(1).status == job_status::pending);
  CHECK(on_disk(1).owner == desk_mark);
  hold();
  start(1);
  CHECK(world.heard() == lines{});
  release();
  CHECK(world.heard() == lines{"1 may start"});
  CHECK(on_disk(1).status == job_status::running);
  watch(1);
  hold();
  finish(1);
  CHECK(world.heard() == lines{});
  release();
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
  CHECK(on_disk(1).result->result == "done");
}

TEST_CASE_METHOD(job_desk, "a job whose agent failed is failed, with its result") {
  make_running(1);
  finish(1, failed_answer());
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::failed);
  CHECK(on_disk(1).error == "no boxes");
}

TEST_CASE_METHOD(job_desk, "a job whose run was lost to a fault of ours is failed with its sentence") {
  make_running(1);
  finish(1, {failure(fault_kind::lost, "its actor died")});
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::failed);
  CHECK(on_disk(1).error == "its actor died");
}

TEST_CASE_METHOD(job_desk, "a job that cannot be written is not created, and not known") {
  writer.problem = no_space;
  create(1);
  CHECK(world.heard() == lines{"1 not created: " + disk_failed});
}

TEST_CASE_METHOD(job_desk, "a job starts also when its start cannot be written, and its end makes up for it") {
  create(1);
  writer.problem = no_space;
  start(1);
  CHECK(world.heard() == lines{"1 created", "1 may start"});
  writer.problem.reset();
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::done);
  CHECK(on_disk(1).started_at);
}

TEST_CASE_METHOD(job_desk, "progress is told to who waits, and kept in the record") {
  make_running(1);
  watch(1);
  progress(1, "hello");
  CHECK(world.heard() == lines{"asker: 101 text 'hello'"});
  CHECK(on_disk(1).progress == lines{"hello"});
  // Who comes later hears what was kept.
  watch_text(102, id_of(1).value);
  CHECK(world.heard() == lines{"asker: 102 note 'hello'"});
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "asker: 102 answered, job done", "1 finished"});
}

TEST_CASE_METHOD(job_desk, "progress before the start and after the end is not kept") {
  create(1);
  progress(1, "early");
  world.tell(jobs, job_progressed{id_of(1), {progress_kind::queued, {}}});
  start(1);
  finish(1);
  progress(1, "late");
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"1 created", "1 may start", "1 finished"});
  CHECK(on_disk(1).progress == lines{});
}

TEST_CASE_METHOD(job_desk, "what a run did while no supervisor was there is progress once") {
  make_running(1);
  progress(1, "one");
  watch(1);
  world.heard();
  const auto replay = [&](const lines& texts) {
    std::vector<progress_event> events;
    for (const auto& text : texts)
      events.push_back({progress_kind::text, text});
    world.tell(jobs, job_replayed{id_of(1), events});
  };
  replay({"one", "two", "three"});
  CHECK(world.heard() == lines{"asker: 101 text 'two'", "asker: 101 text 'three'"});
  replay({"one", "two", "three"});
  world.pass(std::chrono::seconds{1});
  CHECK(on_disk(1).progress == lines{"one", "two", "three"});
  finish(1);
  replay({"three", "late"});
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
  CHECK(on_disk(1).progress == lines{"one", "two", "three"});
}

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

// --- ends that cannot be written
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "an end that cannot be written is told with its result, and written when it can be") {
  make_running(1);
  watch(1);
  writer.problem = no_space;
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job done, not kept", "1 not finished: " + disk_failed});
  CHECK(asker->answers.at(0).job->result->result == "done");
  // Who comes now hears the same; the disk still says that it runs.
  watch(1);
  find(id_of(1).value);
  CHECK(world.heard() == lines{"asker: 101 answered, job done, not kept", id_of(1).value + " found, done"});
  finish(1);
  CHECK(world.heard() == lines{"1 not finished: " + disk_failed});
  writer.problem.reset();
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::done);
  CHECK(on_disk(1).result->result == "done");
}

TEST_CASE_METHOD(job_desk, "a failure without a run that cannot be written is said, and can be written later") {
  create(1);
  writer.problem = no_space;
  fail(1);
  CHECK(world.heard() == lines{"1 created", "1 not failed: " + disk_failed});
  writer.problem.reset();
  fail(1);
  CHECK(world.heard() == lines{"1 failed"});
  CHECK(on_disk(1).status == job_status::failed);
}

// --- jobs of earlier supervisors
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "a job that is adopted goes on from what its record says") {
  const auto status = GENERATE(job_status::pending, job_status::running);
  overwrite(left_behind(1, status));
  adopt(1);
  CHECK(world.heard() == lines{"1 adopted, " + std::string{to_string(status)}});
  watch(1);
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
  CHECK(on_disk(1).started_at);
}

TEST_CASE_METHOD(job_desk, "a terminal record of a job that is adopted stays as it is") {
  const auto status = GENERATE(job_status::done, job_status::failed);
  const auto record = left_behind(1, status);
  overwrite(record);
  adopt(1);
  CHECK(world.heard() == lines{"1 adopted, " + std::string{to_string(status)}});
  watch(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job " + std::string{to_string(status)}});
  progress(1, "late");
  start(1);
  finish(1);
  CHECK(world.heard() == lines{"1 may not start", "1 finished"});
  CHECK(on_disk(1) == record);
}

TEST_CASE_METHOD(job_desk, "a cancelled job that is adopted gets what its run cost, once") {
  overwrite(left_behind(1, job_status::cancelled));
  adopt(1);
  finish(1);
  finish(1, answer_of("again"));
  CHECK(world.heard() == lines{"1 adopted, cancelled", "1 finished", "1 finished"});
  CHECK(on_disk(1).status == job_status::cancelled);
  CHECK(on_disk(1).result->result == "done");
}

TEST_CASE_METHOD(job_desk, "the record of a job that is adopted is made anew when it is missing") {
  adopt(1);
  CHECK(world.heard() == lines{"1 adopted, pending"});
  CHECK(on_disk(1).task == "count the boxes");
  start(1);
  finish(1);
  CHECK(world.heard() == lines{"1 may start", "1 finished"});
  CHECK(on_disk(1).status == job_status::done);
}

TEST_CASE_METHOD(job_desk, "a job whose record cannot be read is adopted, and the record left alone") {
  directory.write(id_of(1).value + ".json", "garbage");
  adopt(1);
  CHECK(world.heard() == lines{"1 adopted, pending"});
  CHECK(directory.read(id_of(1).value + ".json") == "garbage");
}

TEST_CASE_METHOD(job_desk, "after the adoption, what is unfinished, ours, and has nobody is lost") {
  overwrite(left_behind(1, job_status::running));
  overwrite(left_behind(2, job_status::running));
  overwrite(left_behind(3, job_status::pending));
  overwrite(left_behind(4, job_status::done));
  overwrite(foreign(5, job_status::running));
  adopt(1);
  create(6);
  world.tell(jobs, jobs_adopted{});
  CHECK(world.heard() == lines{"1 adopted, running", "6 created", "reader: maintain"});
  CHECK(on_disk(1).status == job_status::running);
  CHECK(on_disk(2).status == job_status::failed);
  CHECK(on_disk(2).error->find("5e551011") != std::string::npos);
  CHECK(on_disk(3).status == job_status::failed);
  CHECK(on_disk(4).status == job_status::done);
  CHECK(on_disk(5).status == job_status::running);
  CHECK(on_disk(6).status == job_status::pending);
}

TEST_CASE_METHOD(job_desk, "what has nobody is not lost when some that somebody may have is not known here") {
  overwrite(left_behind(2, job_status::running));
  world.tell(jobs, jobs_adopted{0, false});
  CHECK(world.heard() == lines{"reader: maintain"});
  CHECK(on_disk(2).status == job_status::running);
}

TEST_CASE_METHOD(job_desk, "what failed without a run was never started, although it was marked before") {
  const bool has_session = GENERATE(true, false);
  make_running(1);
  fail(1, has_session);
  CHECK(world.heard() == lines{"1 failed"});
  CHECK(on_disk(1).started_at.has_value() == has_session);
}

TEST_CASE_METHOD(job_desk, "a job that is accepted while lost ones are looked for is not lost") {
  hold();
  world.tell(jobs, jobs_adopted{});
  create(1);
  writer.work();
  reader.work();
  writer.work();
  CHECK(world.heard() == lines{"1 created", "reader: maintain"});
  CHECK(on_disk(1).status == job_status::pending);
}

TEST_CASE_METHOD(job_desk, "a job that ends while lost ones are looked for keeps its end") {
  make_running(1);
  reader.holds = true;
  world.tell(jobs, jobs_adopted{});
  writer.holds = true;
  finish(1);
  reader.work(1);
  writer.work();
  reader.work();
  writer.work();
  CHECK(world.heard() == lines{"1 finished", "reader: maintain"});
  CHECK(on_disk(1).status == job_status::done);
}

// --- kept results
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "a result is kept as a job that is done, and kept already when it comes again") {
  keep_result(1);
  keep_result(1);
  CHECK(world.heard() == lines{"1 kept", "1 kept"});
  CHECK(on_disk(1).status == job_status::done);
  CHECK(on_disk(1).result->result == "forty-two");
  writer.problem = no_space;
  keep_result(2);
  CHECK(world.heard() == lines{"2 not kept: " + disk_failed});
}

// --- waits
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "a wait for a job that there is not is refused, by id and by its beginning") {
  watch(1);
  watch_text(102, "1a");
  watch_text(103, "");
  const lines refused{"asker: 101 answered, fault: a value cannot be used",
                      "asker: 102 answered, fault: a value cannot be used",
                      "asker: 103 answered, fault: a value cannot be used"};
  CHECK(world.heard() == refused);
}

TEST_CASE_METHOD(job_desk, "a wait by the beginning of an id ends with the job") {
  make_running(1);
  watch_text(101, "1a");
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
}

TEST_CASE_METHOD(job_desk, "a wait for what has ended already ends at once") {
  make_running(1);
  finish(1);
  watch(1);
  CHECK(world.heard() == lines{"1 finished", "asker: 101 answered, job done"});
}

TEST_CASE_METHOD(job_desk, "a wait that is given up is answered once, and hears no more") {
  make_running(1);
  watch(1, std::chrono::seconds{5});
  unwatch(1);
  unwatch(1);
  world.pass(std::chrono::seconds{5});
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, fault: the request was cancelled", "1 finished"});
}

TEST_CASE_METHOD(job_desk, "the waits of an asker that died are dropped, and no other's") {
  make_running(1);
  watch(1, {}, waiting_run);
  CHECK(world.heard() == lines{edge});
  world.tell(jobs, unwatch_all{asker->actor.address()});
  CHECK(world.heard() == lines{no_edge});
  watch(1);
  world.tell(jobs, unwatch_all{jobs.address()});
  finish(1);
  CHECK(world.heard() == lines{"asker: 101 answered, job done", "1 finished"});
}

TEST_CASE_METHOD(job_desk, "who waits for a job can ask how it stands") {
  const auto ask_how = [this](std::uint64_t request) {
    ask<job_standing_ptr>(get_watched_job{{desk_front, request}}, "job", [](const job_standing_ptr& job) {
      return !job              ? std::string{"unknown"}
             : job->place      ? std::to_string(job->place->position) + ", " + job->place->reason
             : job->is_running ? std::string{"running"}
                               : std::string{"starting"};
    });
    return world.heard();
  };
  create(1);
  world.heard();
  CHECK(ask_how(101) == lines{"job unknown"});
  watch(1);
  CHECK(ask_how(101) == lines{"job 2, the shop is busy"});
  start(1);
  world.heard();
  CHECK(ask_how(101) == lines{"job running"});
  finish(1);
  world.heard();
  CHECK(ask_how(101) == lines{"job unknown"});
}

TEST_CASE_METHOD(job_desk, "how a job of another program stands is not known") {
  overwrite(foreign(1, job_status::running));
  watch(1);
  world.heard();
  ask<job_standing_ptr>(get_watched_job{{desk_front, 101}}, "job",
                        [](const job_standing_ptr& job) { return std::string{job ? "known" : "unknown"}; });
  CHECK(world.heard() == lines{"job unknown"});
}

TEST_CASE_METHOD(job_desk, "a wait times out once, with the record as it is, and the job goes on") {
  make_running(1);
  watch(1, std::chrono::seconds{5});
  world.pass(std::chrono::seconds{4});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"asker: 101 answered, job running"});
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
}

TEST_CASE_METHOD(job_desk, "the time of an earlier wait does not end a later one of the same request") {
  make_running(1);
  watch(1, std::chrono::seconds{2});
  unwatch(1);
  watch(1, std::chrono::seconds{5});
  CHECK(world.heard() == lines{"asker: 101 answered, fault: the request was cancelled"});
  world.pass(std::chrono::seconds{2});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::seconds{3});
  CHECK(world.heard() == lines{"asker: 101 answered, job running"});
}

TEST_CASE_METHOD(job_desk, "a wait of a run is in the graph of waits for as long as it lasts") {
  make_running(1);
  watch(1, std::chrono::seconds{5}, waiting_run);
  CHECK(world.heard() == lines{edge});
  SECTION("until the job has ended") {
    finish(1);
    CHECK(world.heard() == lines{no_edge, "asker: 101 answered, job done", "1 finished"});
  }
  SECTION("until its time is over") {
    world.pass(std::chrono::seconds{5});
    CHECK(world.heard() == lines{no_edge, "asker: 101 answered, job running"});
    finish(1);
    CHECK(world.heard() == lines{"1 finished"});
  }
  SECTION("until it is given up") {
    unwatch(1);
    CHECK(world.heard() == lines{no_edge, "asker: 101 answered, fault: the request was cancelled"});
    unwatch(1);
    CHECK(world.heard() == lines{});
  }
  SECTION("until the job is cancelled") {
    cancel(1);
    CHECK(world.heard() ==
          lines{no_edge, "asker: 101 answered, job cancelled", "requests: cancel 1", "1 cancel: cancelled_running"});
  }
  SECTION("until the job is lost") {
    fail(1);
    CHECK(world.heard() == lines{no_edge, "asker: 101 answered, job failed", "1 failed"});
  }
  SECTION("until its end is known, but cannot be written") {
    writer.problem = no_space;
    finish(1);
    CHECK(world.heard() == lines{no_edge, "asker: 101 answered, job done, not kept", "1 not finished: " + disk_failed});
  }
}

TEST_CASE_METHOD(job_desk, "a wait that ends before its job is found is in no graph") {
  make_running(1);
  hold();
  watch_text(101, "1a", {}, waiting_run);
  unwatch(1);
  release();
  CHECK(world.heard() == lines{"asker: 101 answered, fault: the request was cancelled"});
}

TEST_CASE_METHOD(job_desk, "a job that ends while a wait for it looks for it is answered") {
  make_running(1);
  hold();
  watch_text(101, "1a");
  reader.holds = false;
  const bool found_before = GENERATE(true, false);
  if (found_before)
    reader.work();
  finish(1);
  writer.work();
  reader.work();
  world.pass(std::chrono::seconds{1});
  auto heard = world.heard();
  std::sort(heard.begin(), heard.end());
  CHECK(heard == lines{"1 finished", "asker: 101 answered, job done"});
}

TEST_CASE_METHOD(job_desk, "a job of another program is looked at until it has ended") {
  overwrite(foreign(7, job_status::running));
  watch(7, std::chrono::seconds{30}, waiting_run);
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{});
  auto ended = foreign(7, job_status::done);
  ended.completed_at = unix_now();
  overwrite(ended);
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"asker: 107 answered, job done"});
  world.pass(std::chrono::seconds{30});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_desk, "a job of another program is looked at again when the reader died of a look") {
  overwrite(foreign(7, job_status::running));
  watch(7);
  reader.failures = 2;
  world.pass(std::chrono::seconds{1});
  world.pass(std::chrono::seconds{1});
  CHECK(reader.failures == 0);
  overwrite(foreign(7, job_status::done));
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"asker: 107 answered, job done"});
}

TEST_CASE_METHOD(job_desk, "a wait for a job of another program times out, or is refused when the job is removed") {
  overwrite(foreign(7, job_status::running));
  watch(7, std::chrono::seconds{2});
  const bool removed = GENERATE(true, false);
  if (removed)
    remove(7);
  world.pass(std::chrono::seconds{1});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == (removed ? lines{"asker: 107 answered, fault: a value cannot be used"}
                                  : lines{"asker: 107 answered, job running"}));
}

TEST_CASE_METHOD(job_desk, "a job of another program is not looked at twice at once") {
  overwrite(foreign(7, job_status::running));
  watch(7);
  reader.holds = true;
  for (int i = 0; i < 3; ++i)
    world.pass(std::chrono::seconds{1});
  CHECK(reader.held.size() == 1);
  release();
  CHECK(world.heard() == lines{});
}

// --- records that others touch
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "who waits for a job whose record was removed hears its end, and the job is forgotten") {
  make_running(1);
  watch(1, {}, waiting_run);
  remove(1);
  const bool ran = GENERATE(true, false);
  if (ran)
    finish(1);
  else
    fail(1);
  CHECK(world.heard() ==
        lines{edge, no_edge,
              ran ? "asker: 101 answered, job done, not kept" : "asker: 101 answered, job failed, not kept",
              ran ? "1 finished" : "1 failed"});
  watch(1);
  CHECK(world.heard() == lines{"asker: 101 answered, fault: a value cannot be used"});
  CHECK_FALSE(is_on_disk(1));
}

TEST_CASE_METHOD(job_desk, "who waits for a job that another program has cancelled hears of it") {
  make_running(1);
  watch(1, {}, waiting_run);
  auto record = on_disk(1);
  record.status = job_status::cancelled;
  overwrite(record);
  SECTION("when its progress is written") {
    progress(1, "hello");
    CHECK(world.heard() ==
          lines{edge, "asker: 101 text 'hello'", no_edge, "asker: 101 answered, job cancelled", "requests: cancel 1"});
    finish(1);
    CHECK(world.heard() == lines{"1 finished"});
  }
  SECTION("when its run has ended") {
    finish(1);
    CHECK(world.heard() == lines{edge, no_edge, "asker: 101 answered, job cancelled", "1 finished"});
    CHECK(asker->answers.at(0).job->result->result == "done");
  }
  SECTION("when it is to start again") {
    start(1);
    CHECK(world.heard() == lines{edge, no_edge, "asker: 101 answered, job cancelled", "1 may not start"});
    finish(1);
    CHECK(world.heard() == lines{"1 finished"});
  }
}

TEST_CASE_METHOD(job_desk, "what the run of a cancelled job cost is written again until it is") {
  make_running(1);
  cancel(1);
  writer.settle_problem = no_space;
  finish(1);
  CHECK(world.heard() == lines{"requests: cancel 1", "1 cancel: cancelled_running", "1 not finished: " + disk_failed});
  writer.settle_problem.reset();
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).result->result == "done");
}

TEST_CASE_METHOD(job_desk, "a job that is not created after all leaves nobody waiting") {
  hold();
  create(1);
  watch(1, {}, waiting_run);
  writer.problem = no_space;
  release();
  CHECK(world.heard() ==
        lines{edge, no_edge, "asker: 101 answered, fault: " + disk_failed, "1 not created: " + disk_failed});
}

TEST_CASE_METHOD(job_desk, "nothing stays behind of jobs that could not be created, were removed, or have failed") {
  for (const unsigned line : {1U, 2U, 3U, 4U})
    make_running(line);
  remove(1);
  finish(1);
  remove(2);
  fail(2);
  fail(3);
  cancel(4);
  remove(4);
  finish(4);
  writer.problem = no_space;
  create(5);
  world.heard();
  world.pass(std::chrono::minutes{10});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(job_desk, "an end that was told but not written is final: nothing cancels it") {
  make_running(1);
  writer.problem = no_space;
  finish(1);
  writer.problem.reset();
  cancel(1);
  cancel("1a", "1a");
  find("1a");
  CHECK(world.heard() == lines{"1 not finished: " + disk_failed, "1 cancel: already_terminal",
                               "1a cancel: already_terminal", "1a found, done"});
  finish(1);
  CHECK(world.heard() == lines{"1 finished"});
  CHECK(on_disk(1).status == job_status::done);
}

// --- waits that cross
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "a wait whose time is over before its job was found is answered when it is") {
  make_running(1);
  hold();
  watch_text(101, "1a", std::chrono::seconds{1}, waiting_run);
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{});
  release();
  CHECK(world.heard() == lines{"asker: 101 answered, job running"});
}

TEST_CASE_METHOD(job_desk, "a frontend that comes again waits on, whatever its first session says on its way out") {
  const auto second = scripted_requester(world, "second");
  make_running(1);
  watch(1, std::chrono::seconds{5}, waiting_run);
  world.tell(jobs, watch_job{{desk_front, 101}, id_of(1).value, second->actor, {}, waiting_run});
  unwatch(1);
  world.pass(std::chrono::seconds{5});
  CHECK(world.heard() == lines{edge, no_edge, edge});
  finish(1);
  CHECK(world.heard() == lines{no_edge, "second: 101 answered, job done", "1 finished"});
}

TEST_CASE_METHOD(job_desk, "a frontend that comes again while its job is looked for is in the graph once") {
  const auto second = scripted_requester(world, "second");
  make_running(1);
  hold();
  watch_text(101, "1a", {}, waiting_run);
  world.tell(jobs, watch_job{{desk_front, 101}, "1a", second->actor, {}, waiting_run});
  release();
  CHECK(world.heard() == lines{edge});
  finish(1);
  CHECK(world.heard() == lines{no_edge, "second: 101 answered, job done", "1 finished"});
}

// --- progress on disk, and signs of life
// -----------------------------------------------------------------------------------------------------------------

TEST_CASE_METHOD(job_desk, "the last lines of a run are in its record, however soon it ends") {
  make_running(1);
  progress(1, "one");
  progress(1, "two");
  CHECK(on_disk(1).progress == lines{"one"});
  const bool cancelled = GENERATE(true, false);
  if (cancelled)
    cancel(1);
  finish(1);
  CHECK(world.heard().back() == "1 finished");
  CHECK(on_disk(1).status == (cancelled ? job_status::cancelled : job_status::done));
  CHECK(on_disk(1).progress == lines{"one", "two"});
}

TEST_CASE_METHOD(job_desk, "progress is written at most once a second, and all of it in the end") {
  make_running(1);
  // The tick of the registry comes at full seconds.
  world.pass(std::chrono::milliseconds{500});
  progress(1, "one");
  progress(1, "two");
  CHECK(on_disk(1).progress == lines{"one"});
  world.pass(std::chrono::milliseconds{500});
  CHECK(on_disk(1).progress == lines{"one"});
  world.pass(std::chrono::milliseconds{500});
  progress(1, "three");
  CHECK(on_disk(1).progress == lines{"one", "two", "three"});
  progress(1, "four");
  world.pass(std::chrono::milliseconds{500});
  CHECK(on_disk(1).progress == lines{"one", "two", "three"});
  world.pass(std::chrono::milliseconds{1000});
  CHECK(on_disk(1).progress == lines{"one", "two", "three", "four"});
}

TEST_CASE_METHOD(job_desk, "live jobs are touched every ten minutes, and no others") {
  make_running(1);
  make_running(2);
  make_running(3);
  cancel(2);
  finish(3);
  world.heard();
  world.pass(std::chrono::minutes{9});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::minutes{1});
  CHECK(world.heard() == lines{"writer: touch 2"}); // a cancelled one until its run has ended
  finish(1);
  finish(2);
  world.pass(std::chrono::minutes{10});
  CHECK(world.heard() == lines{"1 finished", "2 finished"});
}
