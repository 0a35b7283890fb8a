#include <catch2/catch.hpp>

#include "actors/logic/request_load.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using Catch::Matchers::Contains;

namespace {

run_spec spec_of(const std::string& agent, std::size_t bytes = 4) {
  run_spec spec;
  spec.agent.name = {agent};
  spec.request.task = std::string(bytes, 'x');
  return spec;
}

void fill(request_load& load, const std::string& agent, std::size_t count) {
  for (std::size_t each = 0; each < count; ++each)
    load.take(request_load::of(spec_of(agent)));
}

} // namespace

TEST_CASE("an agent's queue has an end, which the refusal names") {
  request_load load;
  fill(load, "busy", limits::agent_requests - 1);
  CHECK_FALSE(load.refuses(request_load::of(spec_of("busy"))));
  fill(load, "busy", 1);
  const auto refusal = load.refuses(request_load::of(spec_of("busy")));
  REQUIRE(refusal);
  CHECK_THAT(refusal->message, Contains("'busy'") && Contains("10000") && Contains("Nothing was run"));
  CHECK_FALSE(load.refuses(request_load::of(spec_of("idle"))));
}

TEST_CASE("so has everything together") {
  request_load load;
  for (const auto* agent : {"a", "b", "c", "d", "e"})
    fill(load, agent, limits::all_requests / 5);
  REQUIRE(load.refuses(request_load::of(spec_of("f"))));
  CHECK_THAT(load.refuses(request_load::of(spec_of("f")))->message, Contains("50000"));
}

TEST_CASE("what waits in memory is bounded in bytes") {
  request_load load;
  const auto large = request_load::of(spec_of("a", limits::prompt_bytes));
  const auto most = limits::all_request_bytes / limits::prompt_bytes;
  for (std::size_t each = 0; each < most; ++each) {
    CHECK_FALSE(load.refuses(large));
    load.take(large);
  }
  REQUIRE(load.refuses(large));
  CHECK_THAT(load.refuses(large)->message, Contains(std::to_string(limits::all_request_bytes)));
  load.give_back(large);
  CHECK_FALSE(load.refuses(large));
}

TEST_CASE("what was given back counts no more") {
  request_load load;
  const auto share = request_load::of(spec_of("a"));
  load.take(share);
  CHECK_FALSE(load.is_empty());
  load.give_back(share);
  CHECK(load.is_empty());
}

TEST_CASE("a parallel request counts each of its runs, a dialogue one turn and its topic") {
  parallel_plan parallel;
  for (int each = 0; each < 3; ++each)
    parallel.items.push_back({.spec = std::make_shared<run_spec>(spec_of("a", 10))});
  parallel.items.push_back({.spec = nullptr, .refused = dispatch_result{}});
  const auto share = request_load::of(composite_plan{parallel});
  CHECK(share.runs_in_all == 3);
  CHECK(share.bytes == 30);
  const dialogue_plan talk{.requester = std::make_shared<run_spec>(spec_of("a", 0)),
                           .responder = std::make_shared<run_spec>(spec_of("b", 0)),
                           .topic = "what is it?"};
  CHECK(request_load::of(composite_plan{talk}).bytes == 11);
  CHECK(request_load::of(composite_plan{talk}).runs_in_all == 1);
}
