#include "frontends/client/redial_policy.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

constexpr redial_policy::time start{1000h};
constexpr bool waits = true;
constexpr bool idle = false;

/// A connection that ends at once. Returns how long after its end the next attempt is due.
std::optional<redial_policy::clock::duration> short_life(redial_policy& policy, supervisor_end how, bool kept) {
  policy.trying();
  policy.connected(start);
  policy.lost(start, how, kept);
  if (!policy.next())
    return std::nullopt;
  return *policy.next() - start;
}

} // namespace

TEST_CASE("The first attempt is due at once, and while it lasts no other") {
  redial_policy policy{start};
  CHECK(policy.next() == start);
  policy.trying();
  CHECK_FALSE(policy.next());
  policy.wanted(start);
  CHECK_FALSE(policy.next());
  policy.connected(start);
  policy.wanted(start);
  CHECK_FALSE(policy.next());
}

TEST_CASE("Pauses after deaths double from 0.1 s to 30 s") {
  redial_policy policy{start};
  auto expected = redial_policy::clock::duration{100ms};
  for (int death = 0; death < 15; ++death) {
    CHECK(short_life(policy, supervisor_end::died, waits) == expected);
    expected = std::min<redial_policy::clock::duration>(2 * expected, 30s);
  }
  CHECK(expected == 30s);
}

TEST_CASE("A pause is forgotten after an answer, and after a connection that lived") {
  redial_policy policy{start};
  for (int death = 0; death < 5; ++death)
    short_life(policy, supervisor_end::died, waits);
  policy.trying();
  policy.connected(start);
  SECTION("an answer") {
    policy.heard();
    policy.lost(start, supervisor_end::died, idle);
    CHECK(*policy.next() == start + 100ms);
  }
  SECTION("a life") {
    policy.lost(start + 10s, supervisor_end::died, idle);
    CHECK(*policy.next() == start + 10s + 100ms);
  }
  SECTION("neither") {
    policy.lost(start + 9s, supervisor_end::died, idle);
    CHECK(*policy.next() == start + 9s + 3200ms);
  }
}

TEST_CASE("After a death an attempt is due even when nothing waits") {
  redial_policy policy{start};
  CHECK(short_life(policy, supervisor_end::died, idle) == 100ms);
}

TEST_CASE("A planned end is followed at once when something waits, else when the client speaks") {
  redial_policy policy{start};
  CHECK(short_life(policy, supervisor_end::planned, waits) == 0ms);
  CHECK_FALSE(short_life(policy, supervisor_end::planned, idle));
  CHECK(policy.is_content());
  policy.wanted(start + 1s);
  CHECK(policy.next() == start + 1s);
}

TEST_CASE("Planned ends one after the other are followed with pauses too") {
  redial_policy policy{start};
  CHECK(short_life(policy, supervisor_end::planned, waits) == 0ms);
  CHECK(short_life(policy, supervisor_end::planned, waits) == 100ms);
  CHECK(short_life(policy, supervisor_end::planned, waits) == 200ms);
}

TEST_CASE("A line does not shorten a pause") {
  redial_policy policy{start};
  short_life(policy, supervisor_end::died, idle);
  policy.wanted(start + 1ms);
  CHECK(policy.next() == start + 100ms);
}

TEST_CASE("When no supervisor can be had, the next line tries anew") {
  redial_policy policy{start};
  policy.trying();
  policy.failed();
  CHECK(policy.is_content());
  CHECK_FALSE(policy.next());
  policy.wanted(start + 5s);
  CHECK(policy.next() == start + 5s);
}
