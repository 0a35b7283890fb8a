#include "actors/logic/job_machine.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "messages/json.hpp"

using namespace agent_dispatch;

namespace {

constexpr std::array states{job_status::pending, job_status::running, job_status::done, job_status::failed,
                            job_status::cancelled};
constexpr std::array events{job_event::start, job_event::progress, job_event::succeed,
                            job_event::fail,  job_event::cancel,   job_event::settle_cancelled};
constexpr double now = 1700000100.5;

job_record record_in(job_status status) {
  job_record record{.id = {"0123456789abcdef0123456789abcdef"},
                    .agent = {"shop"},
                    .task = "t",
                    .status = status,
                    .created_at = 1700000000.25,
                    .progress = {"earlier"},
                    .owner = "m:b:n:j",
                    .session = session_id{"s1"}};
  if (status != job_status::pending)
    record.started_at = 1700000001.0;
  if (is_terminal(status))
    record.completed_at = 1700000002.0;
  return record;
}

dispatch_result result_of(bool success) {
  dispatch_result result;
  result.agent = {"shop"};
  result.success = success;
  result.result = "partial";
  result.session = session_id{"s2"};
  result.cost_usd = 0.5;
  if (!success) {
    result.error = "no luck";
    result.error_type = error_type::cli_error;
  }
  return result;
}

expected<job_record> apply(job_event event, const job_record& record) {
  switch (event) {
  case job_event::start:
    return job_machine::start(record, now);
  case job_event::progress:
    return job_machine::add_progress(record, "line", now);
  case job_event::succeed:
    return job_machine::finish(record, result_of(true), now);
  case job_event::fail:
    return job_machine::fail(record, now, "gone");
  case job_event::cancel:
    return job_machine::cancel(record, now, "ended");
  case job_event::settle_cancelled:
    return job_machine::settle_cancelled(record, result_of(false));
  }
  return failure(fault_kind::io, "");
}

} // namespace

TEST_CASE("Each event in each state of a job does what the table says") {
  using state = job_status;
  const std::map<std::pair<state, job_event>, state> moves{
      {{state::pending, job_event::start}, state::running},
      {{state::pending, job_event::fail}, state::failed},
      {{state::pending, job_event::cancel}, state::cancelled},
      {{state::running, job_event::progress}, state::running},
      {{state::running, job_event::succeed}, state::done},
      {{state::running, job_event::fail}, state::failed},
      {{state::running, job_event::cancel}, state::cancelled},
      {{state::cancelled, job_event::settle_cancelled}, state::cancelled},
  };
  for (const auto from : states)
    for (const auto event : events) {
      CAPTURE(to_string(from), to_string(event));
      const auto move = moves.find({from, event});
      const auto before = record_in(from);
      const auto after = apply(event, before);
      REQUIRE(after.has_value() == (move != moves.end()));
      CHECK(next_status(from, event).has_value() == after.has_value());
      if (!after) {
        CHECK(after.error().kind == fault_kind::invalid_argument);
        CHECK_THAT(after.error().message, Catch::Matchers::Contains(before.id.value) &&
                                              Catch::Matchers::Contains(std::string{to_string(from)}));
        continue;
      }
      CHECK(after->status == move->second);
      CHECK(after->status == next_status(from, event));
      CHECK(after->created_at == before.created_at);
      CHECK(after->owner == before.owner);
    }
}

TEST_CASE("A terminal record refuses every event but the settlement of a cancelled one") {
  for (const auto from : {job_status::done, job_status::failed, job_status::cancelled})
    for (const auto event : events)
      if (from != job_status::cancelled || event != job_event::settle_cancelled)
        CHECK_FALSE(next_status(from, event));
}

TEST_CASE("A started job has its start time and nothing else changed") {
  auto wanted = record_in(job_status::pending);
  const auto started = job_machine::start(wanted, now);
  wanted.status = job_status::running;
  wanted.started_at = now;
  CHECK(started == wanted);
}

TEST_CASE("A good result makes a job done, with the session that its run had") {
  auto wanted = record_in(job_status::running);
  const auto done = job_machine::finish(wanted, result_of(true), now);
  wanted.status = job_status::done;
  wanted.completed_at = now;
  wanted.result = result_of(true);
  wanted.session = session_id{"s2"};
  CHECK(done == wanted);
}

TEST_CASE("A bad result makes a job failed, with the result's error") {
  const auto failed = job_machine::finish(record_in(job_status::running), result_of(false), now);
  REQUIRE(failed);
  CHECK(failed->status == job_status::failed);
  CHECK(failed->error == "no luck");
  CHECK(failed->result == result_of(false));
  auto without_session = result_of(false);
  without_session.session.reset();
  CHECK(job_machine::finish(record_in(job_status::running), without_session, now)->session == session_id{"s1"});
  CHECK(job_machine::finish(record_in(job_status::pending), result_of(false), now)->status == job_status::failed);
  CHECK_FALSE(job_machine::finish(record_in(job_status::pending), result_of(true), now));
}

TEST_CASE("A cancelled job keeps its session and its progress, and says why it ended") {
  auto wanted = record_in(job_status::running);
  const auto cancelled = job_machine::cancel(wanted, now, "ended\xff");
  wanted.status = job_status::cancelled;
  wanted.completed_at = now;
  wanted.error = "ended\xef\xbf\xbd";
  CHECK(cancelled == wanted);
}

TEST_CASE("The settlement of a cancelled job adds its result, once, and nothing else") {
  auto wanted = record_in(job_status::cancelled);
  wanted.error = "cancelled while it ran";
  const auto settled = job_machine::settle_cancelled(wanted, result_of(false));
  wanted.result = result_of(false);
  REQUIRE(settled == wanted);
  CHECK_FALSE(job_machine::settle_cancelled(*settled, result_of(true)));
}

TEST_CASE("A job keeps the last twenty lines of its progress") {
  auto record = record_in(job_status::running);
  record.progress.clear();
  for (int i = 0; i < 25; ++i) {
    auto next = job_machine::add_progress(record, "line " + std::to_string(i), now + i);
    REQUIRE(next);
    record = *next;
  }
  REQUIRE(record.progress.size() == 20);
  CHECK(record.progress.front() == "line 5");
  CHECK(record.progress.back() == "line 24");
  CHECK(record.progress_updated_at == now + 24);
}

TEST_CASE("Of the lines of a run, those that the record has not seen are told by where it ends") {
  const auto unknown = [](std::vector<std::string> known, const std::vector<std::string>& lines) {
    auto record = record_in(job_status::running);
    record.progress = std::move(known);
    return job_machine::count_unknown(record, lines);
  };
  CHECK(unknown({}, {}) == 0);
  CHECK(unknown({}, {"a", "b"}) == 2);
  CHECK(unknown({"a"}, {}) == 0);
  CHECK(unknown({"a", "b"}, {"a", "b"}) == 0);
  CHECK(unknown({"a", "b"}, {"a", "b", "c", "d"}) == 2);
  CHECK(unknown({"x", "a", "b"}, {"b", "c"}) == 1);
  CHECK(unknown({"a", "b"}, {"c", "d"}) == 2);
  CHECK(unknown({"a", "b"}, {"b", "a", "b", "c"}) == 1);
  CHECK(unknown({"a", "a"}, {"a", "a", "a"}) == 0);
  CHECK(unknown({"\xef\xbf\xbd"}, {"\xff", "b"}) == 1);
}

TEST_CASE("A line of progress is cut to 300 characters and is valid UTF-8") {
  std::string line;
  for (int i = 0; i < 400; ++i)
    line += "\xc3\xa4";
  const auto long_line = job_machine::add_progress(record_in(job_status::running), line, now);
  REQUIRE(long_line);
  CHECK(count_characters(long_line->progress.back()) == 300);
  CHECK(long_line->progress.back().size() == 600);
  const auto broken = job_machine::add_progress(record_in(job_status::running), "a\xff", now);
  CHECK(broken->progress.back() == "a\xef\xbf\xbd");
}

TEST_CASE("Progress is written at most once a second, also after the clock was set back") {
  CHECK(job_machine::is_progress_due(std::nullopt, now));
  CHECK_FALSE(job_machine::is_progress_due(now, now));
  CHECK_FALSE(job_machine::is_progress_due(now, now + 0.99));
  CHECK(job_machine::is_progress_due(now, now + 1));
  CHECK(job_machine::is_progress_due(now, now - 3600));
}
