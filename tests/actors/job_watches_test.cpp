#include <catch2/catch.hpp>

#include <algorithm>

#include "tests/actors/job_desk.hpp"

using namespace agent_dispatch;

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
