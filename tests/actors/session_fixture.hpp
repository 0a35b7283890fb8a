#pragma once

#include <catch2/catch.hpp>

#include "frontends/mcp/mcp_dialect.hpp"
#include "frontends/session/session.hpp"
#include "tests/actors/neighbours.hpp"

/// A session whose connection and neighbours are the test's.
namespace agent_dispatch {

inline const lines note_one{"note 1, droppable"};

/// Journal: `VERB LINE`, `close`. The payloads are kept.
class scripted_connection final : public connection {
public:
  explicit scripted_connection(actor_world& world) : world_{world} {}
  void start(const session_actor&) override { world_.note("start"); }
  void send(std::string_view verb, std::uint64_t number, std::string_view payload, importance rank) override {
    world_.note(std::string{verb} + " " + std::to_string(number) +
                (rank == importance::droppable ? ", droppable" : ""));
    payloads.push_back(nlohmann::json::parse(payload, nullptr, false));
  }
  void consumed() override { ++frames_consumed; }
  void close() override { world_.note("close"); }

  const nlohmann::json& last() const { return payloads.at(payloads.size() - 1); }

  std::vector<nlohmann::json> payloads; ///< discarded ones for frames without one
  int frames_consumed = 0;

private:
  actor_world& world_;
};

struct session_fixture {
  explicit session_fixture(std::unique_ptr<session_dialect> dialect = std::make_unique<mcp_dialect>()) {
    auto hello = std::make_shared<frontend_hello>();
    hello->frontend = {"front"};
    hello->caller = std::make_shared<const caller_context>();
    session = world.keep(world.system().spawn(
        [this, hello, held = std::make_shared<std::unique_ptr<session_dialect>>(std::move(dialect))](
            session_actor::stateful_pointer<session_state> self) {
          return agent_dispatch::session(
              self, {supervisor, config->actor, requests, jobs->actor, editor->actor, viewer->actor}, link, hello,
              std::move(*held));
        }));
  }

  requests_actor::behavior_type take_requests(requests_actor::pointer self) {
    return {
        [this](const dispatch_call& call) {
          world.note("requests: dispatch " + std::to_string(call.request.line) + " to " + call.run.agent.value +
                     (call.cancelled ? ", cancelled" : ""));
        },
        [this](const cancel_request& order) { world.note("requests: cancel " + std::to_string(order.request.line)); },
        [this](const request_acknowledged& order) {
          world.note("requests: acknowledged " + std::to_string(order.request.line));
        },
        [this](const requests_kept& kept) {
          std::string numbers;
          for (const auto line : *kept.lines)
            numbers += " " + std::to_string(line);
          world.note("requests: up to " + std::to_string(kept.through) + " kept:" + numbers);
        },
        [](const frontend_arrived&) {},
        [](const recover_requests&) { return 0; },
        [](const retry_conclusion&) {},
        [](const drive_again&) {},
        [](const finish_requests&) { return true; },
        [this](const frontend_disconnected& order) { world.note("requests: lost " + order.frontend.value); },
        [this](const recheck_frontend&) { world.note("requests: recheck"); },
        [this](const drain_requests&) {
          world.note("requests: drain");
          return stop_report{};
        },
        [this, self](const get_request_position& order) {
          world.note("requests: where is " + std::to_string(order.request.line));
          auto promise = self->make_response_promise<queue_position_ptr>();
          positions.push_back({promise, self});
          return caf::result<queue_position_ptr>{promise};
        },
        [](const is_request_known&) { return false; },
        [](const get_cache_report&) { return cache_report{}; },
        [](const clear_cache&) { return cache_cleared{}; },
        [](const recheck_occupants&) {},
        [this](const run_progress&) { world.note("requests: progress"); },
        [this](const run_replayed&) { world.note("requests: replayed"); },
        [this](const run_finished&) { world.note("requests: finished"); },
        [](const composite_progress&) {},
        [](const composite_done&) {},
    };
  }

  supervisor_actor::behavior_type take_supervisor(supervisor_actor::pointer self) {
    return {
        [this](const frontend_connected&) { world.note("supervisor: connected"); },
        [this, self](const get_status&) -> caf::result<supervisor_status> {
          if (answers_status)
            return status;
          auto promise = self->make_response_promise<supervisor_status>();
          looks.push_back({promise, self});
          return promise;
        },
        [this, self](const stop_supervisor& order) {
          world.note(order.mode == stop_mode::now ? "supervisor: stop now" : "supervisor: drain");
          auto promise = self->make_response_promise<stop_report>();
          stops.push_back({promise, self});
          return caf::result<stop_report>{promise};
        },
        [this](const shut_down&) { world.note("supervisor: shut down"); },
        [this](const supervisor_tick&) { world.note("supervisor: tick"); },
        [this](const leave_timeout&) { world.note("supervisor: leave"); },
    };
  }

  void frame(std::string verb, std::uint64_t line, std::string payload = {}) {
    world.tell(session, frame_received{std::move(verb), line, std::move(payload)});
  }

  /// A dispatch with the line's number as its id.
  void dispatch(std::uint64_t line, bool with_progress = false) {
    nlohmann::json message{{"jsonrpc", "2.0"}, {"id", line}, {"method", "tools/call"}};
    message["params"] = {{"name", "dispatch"}, {"arguments", {{"agent", "alpha"}, {"task", "work"}}}};
    if (with_progress)
      message["params"]["_meta"]["progressToken"] = "token";
    frame("msg", line, message.dump());
    CHECK(world.heard() == lines{"requests: dispatch " + std::to_string(line) + " to alpha"});
  }

  /// A call of a tool with the line's number as its id.
  void call(std::uint64_t line, const std::string& tool, const nlohmann::json& arguments = nlohmann::json::object()) {
    nlohmann::json message{{"jsonrpc", "2.0"}, {"id", line}, {"method", "tools/call"}};
    message["params"] = {{"name", tool}, {"arguments", arguments}};
    frame("msg", line, message.dump());
  }

  /// The JSON in the text of the last answer.
  nlohmann::json answer_value() const {
    return nlohmann::json::parse(link->last()["result"]["content"][0]["text"].get<std::string>());
  }

  void progress(std::uint64_t line, progress_event event) {
    world.tell(session, request_progress{{{"front"}, line}, std::move(event)});
  }

  void answer(std::uint64_t line, std::string text) {
    world.tell(session, request_answered{{{"front"}, line}, answer_of(std::move(text))});
  }

  /// A subscription to a task that runs.
  void follow_task(std::uint64_t line) {
    frame("msg", line,
          R"({"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"taskIds":[")" +
              std::string(32, 'a') +
              R"("]},"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",)"
              R"("io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}})");
    world.reply(take(jobs->adoptions), job_found{job_record{.status = job_status::running}});
    CHECK(world.heard() == lines{"jobs: find " + std::string(32, 'a'), "note " + std::to_string(line),
                                 "jobs: watch " + std::string(32, 'a')});
  }

  actor_world world;
  owed<queue_position_ptr> positions;
  owed<stop_report> stops;
  supervisor_status status;
  bool answers_status = true; ///< false: the test answers
  owed<supervisor_status> looks;
  std::shared_ptr<scripted_connection> link = std::make_shared<scripted_connection>(world);
  std::shared_ptr<config_script> config = scripted_config(world, config_with({"alpha"}));
  std::shared_ptr<jobs_script> jobs = scripted_jobs(world);
  std::shared_ptr<editor_script> editor = scripted_editor(world);
  std::shared_ptr<viewer_script> viewer = scripted_viewer(world);
  requests_actor requests =
      world.keep(world.system().spawn([this](requests_actor::pointer self) { return take_requests(self); }));
  supervisor_actor supervisor =
      world.keep(world.system().spawn([this](supervisor_actor::pointer self) { return take_supervisor(self); }));
  session_actor session;
};

} // namespace agent_dispatch
