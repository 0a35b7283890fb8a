#include <algorithm>

#include <catch2/catch.hpp>

#include "actors/run.hpp"
#include "actors/run/run_handles.hpp"
#include "tests/actors/neighbours.hpp"

using namespace agent_dispatch;

namespace {

const std::string result_line = R"({"type":"result","is_error":false,"result":"done","session_id":"s"})"
                                "\n";
const std::string text_line = R"({"type":"assistant","message":{"content":[{"type":"text","text":"so far"}]}})"
                              "\n";

launch_result started() { return {std::make_shared<run_handles>(unique_fd{}, unique_fd{}), launch_problem::none, {}}; }

exit_record clean_exit() {
  exit_record record;
  record.started = true;
  record.exit_code = 0;
  return record;
}

exit_record failed_exit() {
  auto record = clean_exit();
  record.exit_code = 1;
  return record;
}

exit_report report_of(const exit_record& record, std::string stderr_text = {}) {
  return {std::optional{record}, std::move(stderr_text)};
}

exit_report no_exit_file() { return {std::optional<exit_record>{}, {}}; }

const std::string rejection = "error: unknown option '--session-id'";

struct run_fixture {
  actor_world world;
  scripted_watcher watcher{world};
  std::shared_ptr<launcher_script> launcher = scripted_launcher(world);
  std::shared_ptr<listener_script> listener = scripted_listener(world);
  std::shared_ptr<run_spec> spec = spec_of("r1");
  std::shared_ptr<admission_script> admission = scripted_admission(world);
  run_actor run = world.keep(world.system().spawn(agent_dispatch::run, run_spec_ptr{spec}, listener->actor,
                                                  run_services{launcher->actor, admission->actor, &watcher}));

  void begin() {
    world.tell(run, begin_run{.borrowed_from = {}});
    CHECK(world.heard() == lines{"launcher: launch r1"});
  }

  void reply_launch(launch_result result) { world.reply(take(launcher->launches), std::move(result)); }

  void reply_exit(exit_report report) { world.reply(take(launcher->exits), std::move(report)); }

  void reply_sweep(int left) { world.reply(take(launcher->sweeps), left); }

  void go_live() {
    begin();
    reply_launch(started());
    CHECK(world.heard() == lines{"watch"});
  }

  void lose_keeper() {
    world.tell(run, keeper_gone{});
    CHECK(world.heard() == lines{"launcher: read exit of r1"});
  }

  void lose_keeper_after(const std::string& line) {
    CHECK(world.heard() == lines{line});
    lose_keeper();
  }

  void reject_session_id() {
    go_live();
    lose_keeper();
    reply_exit(report_of(failed_exit(), rejection));
    CHECK(world.heard() == lines{"launcher: discard r1", "launcher: launch r1 without --session-id"});
  }
};

} // namespace

TEST_CASE_METHOD(run_fixture, "a run tells what it reads, and answers when its keeper is gone") {
  go_live();
  world.tell(run, output_chunk{text_line});
  CHECK(world.heard() == lines{"want output", "listener: r1 text 'so far'"});
  world.tell(run, output_chunk{result_line});
  CHECK(world.heard() == lines{"want output"});
  lose_keeper();
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "a run that is told how its keeper ended asks nobody") {
  go_live();
  world.tell(run, output_chunk{result_line});
  CHECK(world.heard() == lines{"want output"});
  world.tell(run, keeper_gone{std::make_shared<const exit_report>(report_of(clean_exit()))});
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "a run that is told that its keeper left no end is swept") {
  go_live();
  world.tell(run, keeper_gone{std::make_shared<const exit_report>(no_exit_file())});
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a run whose output is shorter than its end says is lost") {
  go_live();
  world.tell(run, output_chunk{text_line});
  CHECK(world.heard() == lines{"want output", "listener: r1 text 'so far'"});
  lose_keeper();
  auto record = clean_exit();
  record.output_end = text_line.size() + 1;
  reply_exit(report_of(record));
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error 'so far'"});
  CHECK(listener->answers.at(0).value->error->find(spec->session.value) != std::string::npos);
}

TEST_CASE_METHOD(run_fixture, "a result is no answer while the keeper lives") {
  go_live();
  world.tell(run, output_chunk{result_line});
  world.pass(std::chrono::hours{1});
  CHECK(world.heard() == lines{"want output"});
}

TEST_CASE_METHOD(run_fixture, "a cancel before the keeper is there is told to it as soon as it is") {
  begin();
  world.tell(run, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{});
  reply_launch(started());
  CHECK(world.heard() == lines{"watch", "tell the keeper to end"});
}

TEST_CASE_METHOD(run_fixture, "a cancel of a live run is told to its keeper once") {
  go_live();
  world.tell(run, cancel_run{{"r1"}});
  world.tell(run, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{"tell the keeper to end"});
  lose_keeper();
  auto record = failed_exit();
  record.reason = end_reason::cancelled;
  reply_exit(report_of(record));
  CHECK(world.heard() == lines{"listener: r1 finished, cancelled ''"});
}

TEST_CASE_METHOD(run_fixture, "a cancel that comes when the keeper is gone changes nothing") {
  go_live();
  world.tell(run, output_chunk{result_line});
  CHECK(world.heard() == lines{"want output"});
  lose_keeper();
  world.tell(run, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{});
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
  world.tell(run, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(run_fixture, "a run that could not be started is answered, also when it was cancelled meanwhile") {
  const bool cancelled = GENERATE(false, true);
  begin();
  if (cancelled)
    world.tell(run, cancel_run{{"r1"}});
  reply_launch({nullptr, launch_problem::cli_missing, "no claude"});
  CHECK(world.heard() == lines{"listener: r1 finished, not_found ''"});
}

TEST_CASE_METHOD(run_fixture, "every reason not to start has its answer") {
  const auto [problem, answer] = GENERATE(table<launch_problem, std::string>({
      {launch_problem::cli_missing, "not_found ''"},

      {launch_problem::refused, "cli_error ''"},
      {launch_problem::system, "cli_error ''"},
  }));
  begin();
  reply_launch({nullptr, problem, "a reason"});
  CHECK(world.heard() == lines{"listener: r1 finished, " + answer});
}

TEST_CASE_METHOD(run_fixture, "a keeper that left no exit.json is swept after, and its run is lost") {
  go_live();
  world.tell(run, output_chunk{text_line});
  CHECK(world.heard() == lines{"want output", "listener: r1 text 'so far'"});
  lose_keeper();
  reply_exit(no_exit_file());
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error 'so far'"});
  const auto& result = *listener->answers.at(0).value;
  CHECK(result.session == spec->session);
  CHECK(result.error->find(spec->session.value) != std::string::npos);
}

TEST_CASE_METHOD(run_fixture, "a result that was there before the keeper was killed is the answer") {
  go_live();
  world.tell(run, output_chunk{result_line});
  CHECK(world.heard() == lines{"want output"});
  lose_keeper();
  reply_exit(no_exit_file());
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "an exit.json that cannot be opened now is read later: what was paid for is there") {
  go_live();
  world.tell(run, output_chunk{result_line});
  lose_keeper_after("want output");
  reply_exit({failure(fault_kind::io, "too many open files"), {}});
  CHECK(world.heard() == lines{});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"launcher: read exit of r1"});
  reply_exit({failure(fault_kind::io, "too many open files"), {}});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{"launcher: read exit of r1"});
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "an exit.json that can never be opened keeps nobody waiting for ever") {
  go_live();
  lose_keeper();
  for (int each = 0; each < 60; ++each) {
    reply_exit({failure(fault_kind::io, "no access"), {}});
    world.pass(std::chrono::seconds{1});
    CHECK(world.heard() == lines{"launcher: read exit of r1"});
  }
  reply_exit({failure(fault_kind::io, "no access"), {}});
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a run that cannot be opened now is looked for again, with all that it has put out") {
  world.tell(run, resume_run{.handles = nullptr});
  CHECK(world.heard() == lines{});
  const auto handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{});
  for (const bool is_open : {false, true}) {
    world.pass(std::chrono::seconds{1});
    CHECK(world.heard() == lines{"launcher: find r1"});
    world.reply(take(launcher->finds), recovered_request{.request = {},
                                                         .condition = run_condition::ended,
                                                         .how = {.handles = is_open ? handles : nullptr},
                                                         .borrowed_from = {}});
  }
  CHECK(world.heard() == lines{"watch"});
}

TEST_CASE_METHOD(run_fixture, "a run that can never be opened is swept, and keeps nobody waiting for ever") {
  world.tell(run, resume_run{.handles = nullptr});
  for (int each = 0; each < 60; ++each) {
    world.pass(std::chrono::seconds{1});
    CHECK(world.heard() == lines{"launcher: find r1"});
    world.reply(take(launcher->finds), recovered_request{.request = {},
                                                         .condition = run_condition::ended,
                                                         .how = {.handles = nullptr},
                                                         .borrowed_from = {}});
  }
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "an exit.json that makes no sense counts as none") {
  go_live();
  lose_keeper();
  reply_exit({failure(fault_kind::protocol, "cut off"), {}});
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(2);
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a CLI that rejects --session-id is started once more without") {
  reject_session_id();
  reply_launch(started());
  CHECK(world.heard() == lines{"watch"});
  world.tell(run, output_chunk{result_line});
  CHECK(world.heard() == lines{"want output"});
  world.tell(run, keeper_gone{});
  CHECK(world.heard() == lines{"launcher: read exit of r1 without --session-id"});
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "a CLI that rejects --session-id again is not started a third time") {
  reject_session_id();
  reply_launch(started());
  world.tell(run, keeper_gone{});
  CHECK(world.heard() == lines{"watch", "launcher: read exit of r1 without --session-id"});
  reply_exit(report_of(failed_exit(), rejection));
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a run that was taken over is not started again: its environment is not there") {
  spec->caller = nullptr;
  world.tell(run, resume_run{.handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{})});
  CHECK(world.heard() == lines{"watch"});
  lose_keeper();
  reply_exit(report_of(failed_exit(), rejection));
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a cancelled run is not started again") {
  go_live();
  lose_keeper();
  world.tell(run, cancel_run{{"r1"}});
  reply_exit(report_of(failed_exit(), rejection));
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a cancel between the attempts is told to the second keeper") {
  reject_session_id();
  world.tell(run, cancel_run{{"r1"}});
  CHECK(world.heard() == lines{});
  reply_launch(started());
  CHECK(world.heard() == lines{"watch", "tell the keeper to end"});
}

TEST_CASE_METHOD(run_fixture, "a resumed run is not started again without its session") {
  spec->resumed = true;
  go_live();
  lose_keeper();
  reply_exit(report_of(failed_exit(), rejection));
  CHECK(world.heard() == lines{"listener: r1 finished, cli_error ''"});
}

TEST_CASE_METHOD(run_fixture, "a run whose launcher is dead is the next supervisor's to answer") {
  world.kill(launcher->actor);
  world.tell(run, begin_run{.borrowed_from = {}});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(run_fixture, "a run that was taken over is watched, not launched, and tells only what is new") {
  world.tell(run, resume_run{.handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{}),
                             .which = attempt::first,
                             .seen_bytes = text_line.size()});
  CHECK(world.heard() == lines{"watch"});
  SECTION("from where it had been read") {
    world.tell(run, output_chunk{text_line});
    CHECK(world.heard() == lines{"want output", "listener: r1 replayed text 'so far'"});
  }
  SECTION("from where it had been read, with more behind it") {
    world.tell(run, output_chunk{text_line + text_line});
    CHECK(world.heard() == lines{"want output", "listener: r1 replayed text 'so far'", "listener: r1 text 'so far'"});
  }
  SECTION("from anywhere before") {
    world.tell(run, output_chunk{text_line.substr(0, 5)});
    world.tell(run, output_chunk{text_line.substr(5)});
    CHECK(world.heard() == lines{"want output", "want output", "listener: r1 replayed text 'so far'"});
  }
  world.tell(run, output_chunk{text_line});
  CHECK(world.heard() == lines{"want output", "listener: r1 text 'so far'"});
  world.tell(run, output_chunk{result_line});
  lose_keeper_after("want output");
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 finished, success 'done'"});
}

TEST_CASE_METHOD(run_fixture, "a run that was taken over without a keeper or an exit file is lost") {
  world.tell(run, resume_run{.handles = std::make_shared<run_handles>(unique_fd{}, unique_fd{})});
  CHECK(world.heard() == lines{"watch"});
  lose_keeper();
  reply_exit(no_exit_file());
  CHECK(world.heard() == lines{"launcher: sweep r1"});
  reply_sweep(0);
  CHECK(listener->answers.size() == 1);
  world.heard();
}

TEST_CASE_METHOD(run_fixture, "what the API turns away is told to admission, while it is retried and at the end") {
  go_live();
  world.tell(run, output_chunk{R"({"type":"system","subtype":"api_retry","attempt":1,"max_retries":10,)"
                               R"("retry_delay_ms":571,"error_status":529,"error":"overloaded"})"
                               "\n"});
  CHECK(world.heard() ==
        lines{"want output", "admission: API trouble 529",
              "listener: r1 note 'The API did not answer (overloaded); the CLI tries again, attempt 1'"});
  world.tell(run, output_chunk{R"({"type":"result","is_error":true,"result":"API Error: 429 slow down",)"
                               R"("api_error_status":429,"terminal_reason":"api_error"})"
                               "\n"});
  CHECK(world.heard() == lines{"want output"});
  lose_keeper();
  reply_exit(report_of(failed_exit()));
  const auto heard = world.heard();
  REQUIRE(heard.size() == 2);
  CHECK(heard.front() == "admission: API trouble 429");
}

TEST_CASE_METHOD(run_fixture, "a run that floods tells the last of it, then what comes when it is time") {
  go_live();
  std::string flood;
  for (int each = 0; each < 1000; ++each)
    flood += text_line;
  world.tell(run, output_chunk{flood});
  auto heard = world.heard();
  CHECK(heard.size() == 22);
  CHECK(std::count(heard.begin(), heard.end(), "listener: r1 note '(980 events are left out)'") == 1);
  CHECK(std::count(heard.begin(), heard.end(), "listener: r1 text 'so far'") == 20);
  world.tell(run, output_chunk{text_line});
  CHECK(world.heard() == lines{"want output"});
  world.pass(std::chrono::milliseconds{100});
  CHECK(world.heard() == lines{"listener: r1 text 'so far'"});
}

TEST_CASE_METHOD(run_fixture, "what a run has done last is told before its end") {
  go_live();
  std::string flood;
  for (int each = 0; each < 20; ++each)
    flood += text_line;
  world.tell(run, output_chunk{flood});
  world.tell(run, output_chunk{text_line + result_line});
  CHECK(world.heard().size() == 22);
  lose_keeper();
  reply_exit(report_of(clean_exit()));
  CHECK(world.heard() == lines{"listener: r1 text 'so far'", "listener: r1 finished, success 'done'"});
}
