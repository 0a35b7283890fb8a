#include <catch2/catch.hpp>

#include "frontends/control/control_dialect.hpp"
#include "messages/run_request_json.hpp"
#include "tests/actors/session_fixture.hpp"

using namespace agent_dispatch;

namespace {

struct control_fixture : session_fixture {
  control_fixture() : session_fixture{std::make_unique<control_dialect>()} {}

  /// A call of the command line with id 7, on line 1.
  void ask(const std::string& method, const ordered_json& params) {
    frame("msg", 1, dump(ordered_json{{"jsonrpc", "2.0"}, {"id", 7}, {"method", method}, {"params", params}}));
  }

  void ask_dispatch(bool wants_status, ordered_json more = ordered_json::object()) {
    auto params = run_request_json({.agent = {"alpha"}, .task = "work"});
    if (wants_status)
      params["wants_status"] = true;
    params.update(more);
    ask("dispatch", params);
    CHECK(world.heard() == lines{"requests: dispatch 1 to alpha"});
  }

  /// What has been told last, which is a notification about the call.
  nlohmann::json told() const {
    CHECK(link->last()["method"] == "progress");
    CHECK(link->last()["params"]["id"] == 7);
    auto params = link->last()["params"];
    params.erase("id");
    return params;
  }
};

queue_position_ptr place(std::size_t position, std::string reason) {
  return std::make_shared<const queue_position>(queue_position{position, std::move(reason)});
}

} // namespace

TEST_CASE_METHOD(control_fixture, "a stop is answered before the session ends") {
  frame("msg", 1, R"({"jsonrpc":"2.0","id":1,"method":"stop","params":{"now":true}})");
  CHECK(world.heard() == lines{"supervisor: stop now"});
  world.tell(session, end_session{});
  CHECK(world.heard() == lines{});
  world.reply(take(stops), stop_report{{{{"front.1.0"}, {"alpha"}, {"s"}}}});
  CHECK(world.heard() == lines{"answer 1", "leaving 0", "close"});
  CHECK(link->payloads.at(0)["result"]["ended"].at(0)["agent"] == "alpha");
}

TEST_CASE_METHOD(control_fixture, "who wants to know hears at once why a run is queued, then what it does") {
  ask_dispatch(true);
  progress(1, {progress_kind::queued, {}});
  CHECK(world.heard() == lines{"note 1, droppable", "requests: where is 1"});
  CHECK(told() == nlohmann::json{{"text", "queued"}, {"state", "queued"}});
  world.reply(take(positions), place(2, "alpha is busy"));
  CHECK(world.heard() == note_one);
  CHECK(told() == nlohmann::json{{"state", "queued"}, {"position", 2}, {"reason", "alpha is busy"}});
  progress(1, {progress_kind::started, {}});
  progress(1, {progress_kind::tool, "Using tool: Bash"});
  answer(1, "done");
  const auto heard = world.heard();
  CHECK(heard.back() == "answer 1");
  const auto& last = link->payloads.at(link->payloads.size() - 2)["params"];
  CHECK(last["state"] == "running");
  CHECK(last["last"] == "Using tool: Bash");
  CHECK_FALSE(last.contains("position"));
  CHECK_FALSE(last.contains("reason"));
}

TEST_CASE_METHOD(control_fixture, "a place in a queue that comes after the start, or after the answer, is not told") {
  ask_dispatch(true);
  progress(1, {progress_kind::queued, {}});
  progress(1, {progress_kind::started, {}});
  world.heard();
  const bool is_answered = GENERATE(true, false);
  if (is_answered)
    answer(1, "done");
  world.heard();
  world.reply(take(positions), place(1, "too late"));
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(control_fixture, "who does not want to know hears texts alone") {
  ask_dispatch(false);
  progress(1, {progress_kind::queued, {}});
  CHECK(world.heard() == note_one);
  CHECK(told() == nlohmann::json{{"text", "queued"}});
  progress(1, {progress_kind::spent, {}, 0.5});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(control_fixture, "what the turns of a dialogue have cost is told when it changes") {
  ask("dispatch_dialogue", {{"requester", "alpha"}, {"responder", "alpha"}, {"topic", "t"}, {"wants_status", true}});
  world.heard();
  progress(1, {progress_kind::spent, {}, 0.25});
  CHECK(world.heard() == note_one);
  CHECK(told() == nlohmann::json{{"state", "starting"}, {"cost_usd", 0.25}});
  progress(1, {progress_kind::spent, {}, 0.25});
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(control_fixture, "who waits for a job hears how it stands, also when it has been queued before") {
  SECTION("queued") {
    jobs->standing = std::make_shared<const job_standing>(job_standing{.place = place(3, "all 5 slots are in use")});
    ask("wait", {{"id", "1f"}, {"wants_status", true}});
    CHECK(world.heard() == lines{"jobs: watch 1f", "note 1, droppable"});
    CHECK(told() == nlohmann::json{{"state", "queued"}, {"position", 3}, {"reason", "all 5 slots are in use"}});
    progress(1, {progress_kind::started, {}});
    CHECK(world.heard() == note_one);
    CHECK(told() == nlohmann::json{{"text", "started"}, {"state", "running"}});
  }
  SECTION("running") {
    jobs->standing = std::make_shared<const job_standing>(job_standing{.is_running = true, .place = {}});
    ask("follow", {{"id", "1f"}, {"wants_status", true}});
    CHECK(world.heard() == lines{"jobs: watch 1f", "note 1, droppable"});
    CHECK(told() == nlohmann::json{{"state", "running"}});
  }
  SECTION("of another program") {
    ask("wait", {{"id", "1f"}, {"wants_status", true}});
    CHECK(world.heard() == lines{"jobs: watch 1f"});
  }
  SECTION("not asked for") {
    jobs->standing = std::make_shared<const job_standing>(job_standing{.is_running = true, .place = {}});
    ask("wait", {{"id", "1f"}});
    CHECK(world.heard() == lines{"jobs: watch 1f"});
  }
}

TEST_CASE_METHOD(control_fixture, "a stop tells whose runs it waits for") {
  status.admission.agents = {{.name = {"alpha"}, .live = 1, .queued = 2}};
  ask("stop", {{"wants_status", true}});
  CHECK(world.heard() == lines{"supervisor: drain", "note 1, droppable"});
  CHECK(told()["agents"] == nlohmann::json::array({{{"name", "alpha"}, {"live", 1}, {"queued", 2}}}));
  world.reply(take(stops), stop_report{});
  CHECK(world.heard() == lines{"answer 1"});
}

TEST_CASE_METHOD(control_fixture, "what a stop waits for is not told after its answer") {
  status.admission.agents = {{.name = {"alpha"}, .live = 1}};
  answers_status = false;
  ask("stop", {{"wants_status", true}});
  world.reply(take(stops), stop_report{});
  CHECK(world.heard() == lines{"supervisor: drain", "answer 1"});
  world.reply(take(looks), status);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(control_fixture, "a stop that nobody answers is an error") {
  world.kill(supervisor);
  ask("stop", {{"wants_status", true}});
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last().contains("error"));
}

TEST_CASE_METHOD(control_fixture, "a command may have its result kept, and gets its beginning") {
  ask_dispatch(false, {{"return_ref", true}, {"summary_chars", 4}});
  auto kept = answer_of("a long answer");
  kept.ref = job_id{"0123456789abcdef0123456789abcdef"};
  world.tell(session, request_answered{{{"front"}, 1}, kept});
  CHECK(world.heard() == lines{"answer 1"});
  const auto& result = link->last()["result"];
  CHECK(result["ref"] == "0123456789abcdef0123456789abcdef");
  CHECK(result["summary"] == "a lo");
  CHECK(result["size"] == 13);
  CHECK_FALSE(result.contains("result"));
}
