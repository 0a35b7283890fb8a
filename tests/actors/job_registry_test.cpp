#include <catch2/catch.hpp>

#include "tests/actors/job_desk.hpp"

using namespace agent_dispatch;

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
