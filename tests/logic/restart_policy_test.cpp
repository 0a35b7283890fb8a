#include <catch2/catch.hpp>

#include "actors/logic/restart_policy.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

TEST_CASE("the pause before a restart doubles from death to death, up to half a minute") {
  CHECK(restart_policy::pause_after(1) == 100ms);
  CHECK(restart_policy::pause_after(2) == 200ms);
  CHECK(restart_policy::pause_after(3) == 400ms);
  CHECK(restart_policy::pause_after(9) == 25600ms);
  CHECK(restart_policy::pause_after(10) == 30s);
  CHECK(restart_policy::pause_after(1000) == 30s);
}

TEST_CASE("a good life makes earlier deaths forgotten") {
  restart_policy policy;
  auto now = restart_policy::clock::time_point{} + 1h;
  policy.began(now);
  now = policy.died(now + 1s);
  policy.began(now);
  CHECK(policy.died(now + 1s) == now + 1s + 200ms);
  policy.began(now);
  CHECK(policy.died(now + 10s) == now + 10s + 100ms);
}
