#include "messages/call_status.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;

TEST_CASE("How a call stands comes back as it was written") {
  const auto status = GENERATE(values<call_status>({
      {},
      {.state = call_state::queued, .position = 2, .reason = "agent 'b' is busy (1 of 1)"},
      {.state = call_state::running, .last_act = "Using tool: Bash", .cost_usd = 0.25},
      {.state = call_state::running, .agents = {{.name = {"a"}, .live = 1, .queued = 2}, {.name = {"b"}, .live = 3}}},
  }));
  const auto read = call_status_from(call_status_json(status));
  REQUIRE(read);
  CHECK(*read == status);
}

TEST_CASE("What is not known of a call is left out") {
  CHECK(dump(call_status_json({})) == R"({"state":"starting"})");
  CHECK(dump(call_status_json({.state = call_state::queued, .position = 1, .reason = "r"})) ==
        R"({"state":"queued","position":1,"reason":"r"})");
}

TEST_CASE("What is of no use is not read as the status of a call") {
  for (const auto* text : {"[]", "7", "{}", R"({"text":"hello"})", R"({"state":3})", R"({"state":"asleep"})"})
    CHECK_FALSE(call_status_from(ordered_json::parse(text)));
  const auto odd = call_status_from(ordered_json::parse(
      R"({"state":"queued","position":-1,"reason":[],"last":7,"cost_usd":"1","agents":[5,{"name":1}],"new":0})"));
  REQUIRE(odd);
  CHECK(odd->state == call_state::queued);
  CHECK((odd->position == 0 && odd->reason.empty() && odd->last_act.empty() && !odd->cost_usd));
  CHECK(odd->agents == std::vector<agent_figures_row>{{}, {}});
}
