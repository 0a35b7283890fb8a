#include <catch2/catch.hpp>

#include <algorithm>

#include "messages/limits.hpp"
#include "tests/actors/session_fixture.hpp"

using namespace agent_dispatch;

namespace {

/// A subscription to the resource of a job.
const std::string follow_line = R"({"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"job://)" +
                                std::string(32, 'a') + R"("}})";

const std::string cancel_one =
    R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"reason":"no more"}})";

} // namespace

TEST_CASE_METHOD(session_fixture, "a line that is no message is rejected with the code it deserves") {
  const auto [line, code] = GENERATE(table<std::string, int>({
      {"{", -32700},
      {"\xff\xfe", -32700},
      {"[]", -32600},
      {"7", -32600},
      {R"({"jsonrpc":"2.0","id":1})", -32600},
      {R"({"jsonrpc":"1.0","id":1,"method":"ping"})", -32600},
      {R"({"jsonrpc":"2.0","id":null,"method":"ping"})", -32600},
      {R"({"jsonrpc":"2.0","id":1,"method":"ping","params":[1]})", -32602},
      {R"({"jsonrpc":"2.0","id":1,"method":"no/such"})", -32601},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call"})", -32602},
      {R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"nothing"}})", -32602},
  }));
  CAPTURE(line);
  frame("msg", 4, line);
  CHECK(world.heard() == lines{"answer 4"});
  CHECK(link->last()["error"]["code"] == code);
  CHECK(link->frames_consumed == 1);
}

TEST_CASE_METHOD(session_fixture, "of what a request says, a rejection repeats the beginning") {
  const auto bytes = GENERATE(as<std::string>{}, "x", "%80", "\xff");
  std::string text;
  while (text.size() < 1u << 20)
    text += bytes;
  const auto [method, member] = GENERATE(table<std::string, std::string>({
      {"resources/read", R"("uri":"agent://)"},
      {"resources/read", R"("uri":"what://)"},
      {"resources/subscribe", R"("uri":")"},
      {"tools/call", R"("name":")"},
      {"prompts/get", R"("name":")"},
      {"tools/list", R"("_meta":{"io.modelcontextprotocol/protocolVersion":")"},
      {"", "\"a\":\""},
  }));
  CAPTURE(method, member, bytes);
  frame("msg", 4,
        R"({"jsonrpc":"2.0","id":1,"method":")" + (method.empty() ? text : method) + R"(","params":{)" + member + text +
            (member.find("_meta") != std::string::npos ? "\"}}}" : "\"}}"));
  CHECK(world.heard() == lines{"answer 4"});
  CHECK(link->last()["error"]["code"] < 0);
  CHECK(link->last().dump().size() < 5 * limits::rejection_characters);
}

TEST_CASE_METHOD(session_fixture, "a progress token that is too long is refused, and nothing is dispatched") {
  nlohmann::json message{{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}};
  message["params"] = {{"name", "dispatch"}, {"arguments", {{"agent", "alpha"}, {"task", "work"}}}};
  message["params"]["_meta"]["progressToken"] = std::string(limits::id_bytes + 1, 't');
  frame("msg", 1, message.dump());
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last()["error"]["message"] ==
        "the progressToken takes 4097 bytes, and at most 4096 are taken; send a shorter one");
}

TEST_CASE_METHOD(session_fixture, "a task whose result is longer than a frame is told with its beginning") {
  follow_task(1);
  job_record done{.id = {std::string(32, 'a')}, .agent = {"alpha"}, .status = job_status::done};
  done.result = *answer_of(std::string(limits::frame_bytes, 'x')).value;
  world.tell(session, request_answered{{{"front"}, session_state::first_topic},
                                       {.value = dispatch_result{}, .job = std::make_shared<const job_record>(done)}});
  CHECK(world.heard() == lines{"note 1"});
  CHECK(link->last()["method"] == "notifications/tasks");
  CHECK(link->last().dump().size() < limits::frame_bytes);
}

TEST_CASE_METHOD(session_fixture, "lines that no answer is due for are settled") {
  frame("msg", 1, R"({"jsonrpc":"2.0","method":"notifications/initialized"})");
  frame("msg", 2, R"({"jsonrpc":"2.0","id":7,"result":{}})");
  CHECK(world.heard() == lines{"settled 1", "settled 2"});
  CHECK(link->frames_consumed == 2);
}

TEST_CASE_METHOD(session_fixture, "who asks faster than he is answered is read no further until he is") {
  const int questions = static_cast<int>(limits::unanswered_questions) + 2, acknowledgements = 70;
  for (int line = 1; line <= questions; ++line)
    call(static_cast<std::uint64_t>(line), "dispatch_status", {{"job_id", std::string(32, 'a')}});
  CHECK(link->frames_consumed == questions - 2);
  for (int line = 1; line <= acknowledgements; ++line)
    frame("ack", static_cast<std::uint64_t>(line));
  CHECK(link->frames_consumed == questions - 2);
  for (int left = questions; left > 0; --left)
    world.reply(take(jobs->adoptions), job_found{job_record{}});
  CHECK(link->frames_consumed == questions + acknowledgements);
  CHECK(world.heard().size() == 2 * questions + acknowledgements); // asked, answered
}

TEST_CASE_METHOD(session_fixture, "a frame of an unknown kind is passed over") {
  frame("nonsense", 1, "x");
  CHECK(world.heard() == lines{});
  CHECK(link->frames_consumed == 1);
}

TEST_CASE_METHOD(session_fixture, "the tools are listed") {
  frame("msg", 1, R"({"jsonrpc":"2.0","id":"a","method":"tools/list"})");
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last()["id"] == "a");
  lines names;
  for (const auto& tool : link->last()["result"]["tools"]) {
    names.push_back(tool["name"]);
    CHECK(tool["inputSchema"]["type"] == "object");
    CHECK(tool["description"].get<std::string>().size() < 2048);
  }
  CHECK(names == lines{"list_agents",       "inspect_agent",    "list_groups",     "inspect_group",
                       "dispatch",          "dispatch_session", "dispatch_stream", "dispatch_parallel",
                       "dispatch_dialogue", "dispatch_async",   "dispatch_status", "dispatch_wait",
                       "dispatch_cancel",   "dispatch_jobs",    "fetch_result",    "dispatch_gc",
                       "cache_stats",       "cache_clear",      "add_agent",       "update_agent",
                       "remove_agent"});
}

TEST_CASE_METHOD(session_fixture, "a dispatch without its task is a tool error, and dispatches nothing") {
  frame("msg", 1,
        R"({"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dispatch","arguments":{"agent":"alpha"}}})");
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last()["result"]["isError"] == true);
}

TEST_CASE_METHOD(session_fixture, "items of a parallel call that are nested too deeply or too many are refused") {
  const auto refusal = [this](const std::string& items) {
    call(1, "dispatch_parallel", {{"dispatches", items}});
    CHECK(world.heard() == lines{"answer 1"});
    return answer_value()["error"].get<std::string>();
  };
  CHECK(refusal(R"([{"agent":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + "}]") ==
        "parameter 'dispatches' is nested more than 256 deep");
  std::string many = "[0";
  for (std::size_t i = 0; i < limits::all_requests; ++i)
    many += ",0";
  CHECK(refusal(many + "]") == "dispatches has 50001 items, and at most 50000 requests are taken in all; give fewer");
}

TEST_CASE_METHOD(session_fixture, "an answer is sent, and acknowledged when the frontend has it") {
  dispatch(1);
  answer(1, "done");
  answer(1, "again");
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last()["id"] == 1);
  frame("ack", 1);
  CHECK(world.heard() == lines{"requests: acknowledged 1"});
}

TEST_CASE_METHOD(session_fixture, "an answer that has not arrived counts as a request that is open") {
  for (std::uint64_t line = 1; line <= limits::open_calls; ++line) {
    dispatch(line);
    answer(line, "done");
    CHECK(world.heard().size() == 1);
  }
  const auto next = limits::open_calls + 1;
  call(next, "list_agents");
  CHECK(link->last()["error"]["message"].get<std::string>().find("2000 requests open") != std::string::npos);
  frame("ack", 1);
  world.heard();
  dispatch(next);
}

TEST_CASE_METHOD(session_fixture, "what a frontend keeps is passed on, unless it cannot be read") {
  frame("kept", 9, "[3,7]");
  CHECK(world.heard() == lines{"requests: up to 9 kept: 3 7"});
  frame("kept", 9, "[]");
  CHECK(world.heard() == lines{"requests: up to 9 kept:"});
  for (const auto* unusable : {"", "{}", "[-1]", "[\"3\"]", "[3", "[[3]]"})
    frame("kept", 9, unusable);
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(session_fixture, "progress is told in order, all of it, and never after the answer") {
  dispatch(1, true);
  progress(1, {progress_kind::started, {}});
  CHECK(world.heard() == lines{"note 1, droppable"});
  for (const auto* text : {"one", "two", "three"})
    progress(1, {progress_kind::text, text});
  answer(1, "done");
  progress(1, {progress_kind::text, "late"});
  world.pass(std::chrono::hours{1});
  const auto heard = world.heard();
  CHECK(std::count(heard.begin(), heard.end(), "answer 1") == 1);
  CHECK(heard.back() == "answer 1");
  std::string told;
  int count = 0;
  for (const auto& payload : link->payloads) {
    if (!payload.contains("params"))
      continue;
    CHECK(payload["params"]["progress"] == ++count);
    told += payload["params"]["message"].get<std::string>() + "\n";
  }
  CHECK(told == "started\none\ntwo\nthree\n");
}

TEST_CASE_METHOD(session_fixture, "who gave no progress token hears none") {
  dispatch(1);
  progress(1, {progress_kind::text, "hello"});
  world.pass(std::chrono::hours{1});
  CHECK(world.heard() == lines{});
  answer(1, "done");
  CHECK(world.heard() == lines{"answer 1"});
}

TEST_CASE_METHOD(session_fixture,
                 "what a user is asked about is bounded in bytes, and not what is refused in any case") {
  auto risky = std::make_shared<config_snapshot>(*config->snapshot);
  risky->value.settings.confirm_risky = true;
  risky->value.agents.at(0).risky_capabilities = {"pushes"};
  config->snapshot = std::move(risky);
  frame("msg", 1,
        R"({"jsonrpc":"2.0","id":1,"method":"initialize","params":)"
        R"({"protocolVersion":"2025-11-25","capabilities":{"elicitation":{}}}})");
  world.heard();
  const std::string large(limits::prompt_bytes - 4, 'x');
  const auto at_once = limits::unconfirmed_bytes / limits::prompt_bytes;
  for (std::uint64_t line = 2; line < 2 + at_once; ++line) {
    call(line, "dispatch", {{"agent", "alpha"}, {"task", "work"}, {"context", large}});
    CHECK(world.heard() == lines{"note " + std::to_string(line)});
  }
  const std::string question = link->last()["id"];
  call(20, "dispatch", {{"agent", "alpha"}, {"task", "work"}, {"context", large}});
  CHECK(world.heard() == lines{"answer 20"});
  CHECK_THAT(link->last()["error"]["message"].get<std::string>(),
             Catch::Matchers::Contains("73400320 bytes, and at most 67108864 are kept"));
  call(21, "dispatch", {{"agent", "alpha"}, {"task", "work!"}, {"context", large}});
  CHECK(world.heard() == lines{"requests: dispatch 21 to alpha"});
  frame("msg", 22, nlohmann::json{{"jsonrpc", "2.0"}, {"id", question}, {"result", {{"action", "cancel"}}}}.dump());
  world.heard();
  call(23, "dispatch", {{"agent", "alpha"}, {"task", "work"}, {"context", large}});
  CHECK(world.heard() == lines{"note 23"});
}

TEST_CASE_METHOD(session_fixture, "a cancelled call is settled and not answered") {
  dispatch(1, true);
  frame("msg", 2, cancel_one);
  frame("msg", 3, cancel_one);
  CHECK(world.heard() == lines{"settled 2", "requests: cancel 1", "settled 3"});
  answer(1, "too late");
  CHECK(world.heard() == lines{"settled 1", "requests: acknowledged 1"});
}

TEST_CASE_METHOD(session_fixture, "a cancel after the answer, or of what is not there, does nothing") {
  dispatch(1);
  answer(1, "done");
  frame("msg", 2, cancel_one);
  CHECK(world.heard() == lines{"answer 1", "settled 2"});
}

TEST_CASE_METHOD(session_fixture,
                 "after goodbye the calls are cancelled, and open questions are answered before the end") {
  dispatch(1);
  config->answers = false;
  frame("msg", 2, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_agents"}})");
  CHECK(world.heard() == lines{"config: asked"});
  frame("bye", 0);
  CHECK(world.heard() == lines{"requests: cancel 1"});
  world.reply(take(config->questions), config->snapshot);
  CHECK(world.heard() == lines{"answer 2", "close"});
}

TEST_CASE_METHOD(session_fixture, "goodbye with nothing open closes at once") {
  frame("bye", 0);
  CHECK(world.heard() == lines{"close"});
}

TEST_CASE_METHOD(session_fixture, "a configuration that nobody answers for is an internal error") {
  world.kill(config->actor);
  frame("msg", 2, R"({"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"list_agents"}})");
  CHECK(world.heard() == lines{"answer 2"});
  CHECK(link->last()["error"]["code"] == -32603);
}

TEST_CASE_METHOD(session_fixture, "directories are looked at elsewhere, and goodbye waits for it") {
  viewer->answers = false;
  call(1, "inspect_agent", {{"name", "alpha"}});
  CHECK(world.heard() == lines{"viewer: asked"});
  frame("bye", 0);
  CHECK(world.heard() == lines{});
  world.reply(take(viewer->open), directories_seen{std::make_shared<const ordered_json>(ordered_json{{"seen", 1}})});
  CHECK(world.heard() == lines{"answer 1", "close"});
  CHECK(answer_value()["seen"] == 1);
}

TEST_CASE_METHOD(session_fixture, "a view that nobody answers for is an internal error") {
  world.kill(viewer->actor);
  call(1, "list_groups");
  CHECK(world.heard() == lines{"answer 1"});
  CHECK(link->last()["error"]["code"] == -32603);
}

TEST_CASE_METHOD(session_fixture, "what has just been seen is shown again, for a moment") {
  const auto looks_of = [this](std::uint64_t line, const std::string& tool, const nlohmann::json& arguments = {}) {
    const auto before = viewer->looks;
    call(line, tool, arguments.is_null() ? nlohmann::json::object() : arguments);
    CHECK(world.heard() == lines{"answer " + std::to_string(line)});
    return viewer->looks - before;
  };
  CHECK(looks_of(1, "list_agents") == 1);
  const auto first = answer_value();
  CHECK(looks_of(2, "list_agents") == 0);
  CHECK(answer_value() == first);
  SECTION("and looked for again when it is old") {
    world.pass(limits::view_age);
    CHECK(looks_of(3, "list_agents") == 1);
  }
  SECTION("and not for another configuration") {
    config->snapshot = [] {
      auto changed = *config_with({"alpha", "beta"});
      ++changed.generation;
      return std::make_shared<const config_snapshot>(std::move(changed));
    }();
    CHECK(looks_of(3, "list_agents") == 1);
    CHECK(answer_value() != first);
  }
  SECTION("and not where something else is asked") {
    CHECK(looks_of(3, "list_groups") == 1);
    CHECK(looks_of(4, "inspect_agent", {{"name", "alpha"}}) == 1);
    CHECK(looks_of(5, "inspect_agent", {{"name", "alpha"}}) == 1);
  }
}

TEST_CASE_METHOD(session_fixture, "while an agent is added, other calls are answered, and goodbye waits for the edit") {
  call(1, "add_agent", {{"name", "beta"}, {"directory", "/tmp"}});
  CHECK(world.heard() == lines{"editor: add beta"});
  call(2, "list_agents");
  CHECK(world.heard() == lines{"answer 2"});
  frame("bye", 0);
  CHECK(world.heard() == lines{});
  auto saved = saved_configuration{.value = config_with({"alpha", "beta"})->value};
  world.reply(take(editor->edits), agents_edited{saved});
  CHECK(world.heard() == lines{"answer 1", "close"});
  CHECK(answer_value()["added"] == "beta");
}

TEST_CASE_METHOD(session_fixture,
                 "an edit that fails is a tool error, and one that nobody answers for an internal error") {
  call(1, "remove_agent", {{"name", "beta"}});
  world.reply(take(editor->edits), agents_edited{failure(fault_kind::lock_timeout, "somebody holds it")});
  CHECK(world.heard() == lines{"editor: remove beta", "answer 1"});
  CHECK(answer_value()["error"] == "somebody holds it");
  CHECK(link->last()["result"]["isError"] == true);
  world.kill(editor->actor);
  call(2, "update_agent", {{"name", "alpha"}, {"timeout", 9}});
  CHECK(world.heard() == lines{"answer 2"});
  CHECK(link->last()["error"]["code"] == -32603);
}

TEST_CASE_METHOD(session_fixture, "an edit that asks for nothing, or for what cannot be, is refused by the session") {
  call(1, "update_agent", {{"name", "alpha"}, {"model", ""}, {"timeout", 0}});
  CHECK_THAT(answer_value()["error"].get<std::string>(), Catch::Matchers::Contains("nothing to update"));
  call(2, "add_agent", {{"name", "beta"}});
  CHECK_THAT(answer_value()["error"].get<std::string>(), Catch::Matchers::Contains("'directory' is required"));
  call(3, "remove_agent");
  CHECK_THAT(answer_value()["error"].get<std::string>(), Catch::Matchers::Contains("'name' is required"));
  CHECK(world.heard() == lines{"answer 1", "answer 2", "answer 3"});
}

TEST_CASE_METHOD(session_fixture, "a lost connection is told to the requests, and nothing is sent any more") {
  dispatch(1);
  world.tell(session, connection_closed{});
  CHECK(world.heard() == lines{"requests: lost front"});
  answer(1, "done");
  CHECK(world.heard() == lines{});
}

TEST_CASE_METHOD(session_fixture, "a line that comes cancelled is asked for as cancelled, and settled") {
  nlohmann::json message{{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}};
  message["params"] = {{"name", "dispatch"}, {"arguments", {{"agent", "alpha"}, {"task", "work"}}}};
  frame("cancelled", 1, message.dump());
  CHECK(world.heard() == lines{"requests: dispatch 1 to alpha, cancelled"});
  answer(1, "too late");
  CHECK(world.heard() == lines{"settled 1", "requests: acknowledged 1"});
}

TEST_CASE_METHOD(session_fixture,
                 "a call whose client cancels it or leaves before it is dispatched is dispatched as cancelled") {
  const auto tool = GENERATE("dispatch", "dispatch_async", "dispatch_session");
  const bool is_cancelled = GENERATE(true, false);
  CAPTURE(tool, is_cancelled);
  nlohmann::json message{{"jsonrpc", "2.0"}, {"id", 1}, {"method", "tools/call"}};
  message["params"] = {{"name", tool}, {"arguments", {{"agent", "alpha"}, {"task", "work"}}}};
  // It is there before the configuration has been looked at for the call.
  caf::anon_send(session, frame_received{"msg", 1, message.dump()});
  caf::anon_send(session, is_cancelled ? frame_received{"msg", 2, cancel_one} : frame_received{"bye", 0, {}});
  const auto heard = world.heard();
  CHECK(std::count(heard.begin(), heard.end(), "requests: dispatch 1 to alpha, cancelled") == 1);
  CHECK(std::count(heard.begin(), heard.end(), "requests: dispatch 1 to alpha") == 0);
}

TEST_CASE_METHOD(session_fixture, "news of a job may be left out for who does not read, and not the last") {
  const auto news = [this](const dispatch_answer& last) {
    const request_key topic{{"front"}, session_state::first_topic};
    world.tell(session, request_progress{topic, {progress_kind::text, "hello"}});
    if (!jobs->adoptions.empty()) {
      CHECK(world.heard() == lines{"jobs: find " + std::string(32, 'a')});
      world.reply(take(jobs->adoptions), job_found{job_record{.status = job_status::running}});
    }
    const auto told = world.heard();
    world.tell(session, request_answered{topic, last});
    return std::pair{told, world.heard()};
  };
  const dispatch_answer last{
      .value = dispatch_result{},
      .job = std::make_shared<const job_record>(job_record{.id = {std::string(32, 'a')}, .status = job_status::done})};
  SECTION("a task") {
    follow_task(1);
    CHECK(news(last) == std::pair{lines{"note 1, droppable"}, lines{"note 1"}});
  }
  SECTION("a resource") {
    frame("msg", 1, follow_line);
    world.reply(take(jobs->adoptions), job_found{job_record{.status = job_status::running}});
    world.heard();
    CHECK(news(last) == std::pair{lines{"note 0, droppable"}, lines{"note 0"}});
  }
}

TEST_CASE_METHOD(session_fixture, "what a connection follows is bounded, also while it is looked for") {
  for (std::uint64_t line = 1; line <= limits::topics; ++line)
    frame("msg", line, follow_line);
  CHECK(world.heard().size() == limits::topics);
  frame("msg", limits::topics + 1, follow_line);
  CHECK(world.heard() == lines{"answer 10001"});
  CHECK(link->last()["error"]["message"] ==
        "this connection would be told of 10001 resources and tasks, and at most 10000 are followed; end a "
        "subscription first");
  world.reply(take(jobs->adoptions), job_found{failure(fault_kind::invalid_argument, "not found")});
  world.heard();
  frame("msg", limits::topics + 2, follow_line);
  CHECK(world.heard() == lines{"jobs: find " + std::string(32, 'a')});
}

TEST_CASE_METHOD(session_fixture, "progress goes on counting where another supervisor has stopped") {
  frame("told", 1, "7");
  dispatch(1, true);
  progress(1, {progress_kind::text, "hello"});
  CHECK(world.heard() == lines{"note 1, droppable"});
  CHECK(link->last()["params"]["progress"] == 8);
}

TEST_CASE_METHOD(session_fixture,
                 "of more lines than may be open it is not remembered where another supervisor has stopped") {
  for (std::uint64_t line = 1; line <= limits::open_calls + 1; ++line)
    frame("told", line, "7");
  const auto first_told = [this](std::uint64_t line) {
    dispatch(line, true);
    progress(line, {progress_kind::started, {}});
    CHECK(world.heard().size() == 1);
    return link->last()["params"]["progress"];
  };
  CHECK(first_told(limits::open_calls) == 8);
  CHECK(first_told(limits::open_calls + 1) == 1);
}

TEST_CASE_METHOD(session_fixture, "a session that is ended waits until its answers are whole with the frontend") {
  dispatch(1);
  answer(1, "done");
  CHECK(world.heard() == lines{"answer 1"});
  world.tell(session, end_session{});
  CHECK(world.heard() == lines{});
  frame("ack", 1);
  CHECK(world.heard() == lines{"leaving 0", "close", "requests: acknowledged 1"});
}

TEST_CASE_METHOD(session_fixture, "a session that leaves its runs to the next supervisor closes at once") {
  dispatch(1);
  world.tell(session, end_session{stop_mode::keep_runs});
  CHECK(world.heard() == lines{"leaving 0", "close"});
  CHECK(link->last()["reason"] == "handover");
}

TEST_CASE_METHOD(session_fixture, "the cost of a part makes no progress for a client of MCP") {
  dispatch(1, true);
  progress(1, {progress_kind::spent, {}, 0.25});
  world.pass(std::chrono::seconds{1});
  CHECK(world.heard() == lines{});
  progress(1, {progress_kind::text, "hello"});
  CHECK(world.heard() == note_one);
  CHECK(link->last()["params"] == nlohmann::json{{"progressToken", "token"}, {"progress", 1}, {"message", "hello"}});
}
