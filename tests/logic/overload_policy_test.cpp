#include <catch2/catch.hpp>

#include "actors/logic/overload_policy.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

using time_point = overload_policy::clock::time_point;
using milliseconds = std::chrono::milliseconds;

const time_point begin{1000s};

std::optional<milliseconds> next_start(overload_policy& policy, time_point now) {
  const auto next = policy.next_start(now);
  return next ? std::optional{std::chrono::duration_cast<milliseconds>(*next - now)} : std::nullopt;
}

/// Steps up `times` times.
time_point raise(overload_policy& policy, int times, time_point now = begin) {
  for (int step = 0; step < times; ++step) {
    now += policy.start_interval(now);
    policy.trouble({.status = 529}, now);
  }
  return now;
}

} // namespace

TEST_CASE("what is the API's own trouble") {
  CHECK(is_overload(429));
  CHECK(is_overload(408));
  CHECK(is_overload(500));
  CHECK(is_overload(529));
  CHECK(is_overload(std::nullopt));
  CHECK_FALSE(is_overload(400));
  CHECK_FALSE(is_overload(401));
  CHECK_FALSE(is_overload(404));
  CHECK_FALSE(is_overload(200));
  CHECK_FALSE(is_overload(600));
}

TEST_CASE("without trouble runs start at once") {
  overload_policy policy;
  policy.started(begin);
  CHECK_FALSE(policy.next_start(begin));
  CHECK(policy.start_interval(begin) == 0ms);
}

TEST_CASE("a request that is wrong slows nobody down") {
  overload_policy policy;
  policy.trouble({.status = 401, .pause = 5s}, begin);
  CHECK_FALSE(policy.next_start(begin));
}

TEST_CASE("the first trouble holds the next start back, and starts are apart from then on") {
  overload_policy policy;
  policy.trouble({.status = 529}, begin);
  CHECK(policy.last_status() == 529);
  CHECK(next_start(policy, begin) == 1000ms);
  CHECK(next_start(policy, begin + 400ms) == 600ms);
  CHECK_FALSE(policy.next_start(begin + 1s));
  policy.started(begin + 1s);
  CHECK(next_start(policy, begin + 1s) == 1000ms);
}

TEST_CASE("troubles of one wave are one step") {
  overload_policy policy;
  for (auto after = 0ms; after < 1s; after += 100ms)
    policy.trouble({.status = 429}, begin + after);
  CHECK(policy.start_interval(begin + 999ms) == 1s);
  policy.trouble({.status = 429}, begin + 1s);
  CHECK(policy.start_interval(begin + 1s) == 2s);
}

TEST_CASE("trouble that goes on doubles the time between starts, up to a minute") {
  overload_policy policy;
  const auto now = raise(policy, 6);
  CHECK(policy.start_interval(now) == 32s);
  const auto later = raise(policy, 5, now);
  CHECK(policy.start_interval(later) == 60s);
}

TEST_CASE("the pause that the CLI makes itself is kept, up to a minute") {
  overload_policy policy;
  policy.trouble({.status = 529, .pause = 7s}, begin);
  CHECK(next_start(policy, begin) == 7000ms);
  CHECK(next_start(policy, begin + 5s) == 2000ms);
  CHECK_FALSE(policy.next_start(begin + 7s));
  policy.trouble({.status = 429, .pause = 5h}, begin + 7s);
  CHECK(next_start(policy, begin + 7s) == 60'000ms);
}

TEST_CASE("it recovers by itself, step by step") {
  overload_policy policy;
  const auto last = raise(policy, 3);
  CHECK(policy.start_interval(last) == 4s);
  CHECK(policy.start_interval(last + 7999ms) == 4s);
  CHECK(policy.start_interval(last + 8s) == 2s);
  CHECK(policy.start_interval(last + 11'999ms) == 2s);
  CHECK(policy.start_interval(last + 12s) == 1s);
  CHECK(policy.start_interval(last + 14s) == 0s);
  CHECK_FALSE(policy.next_start(last + 14s));
}

TEST_CASE("nobody has to look for it to recover") {
  overload_policy policy;
  const auto last = raise(policy, 5);
  CHECK(policy.start_interval(last + 1h) == 0s);
  policy.trouble({.status = 529}, last + 1h);
  CHECK(policy.start_interval(last + 1h) == 1s);
}

TEST_CASE("a run that succeeds recovers it sooner, unless it began before the trouble") {
  overload_policy policy;
  const auto last = raise(policy, 3);
  policy.succeeded(last - 1s, last + 1s);
  CHECK(policy.start_interval(last + 1s) == 4s);
  policy.succeeded(last + 1s, last + 2s);
  CHECK(policy.start_interval(last + 2s) == 2s);
  policy.succeeded(last + 1s, last + 2s);
  policy.succeeded(last + 1s, last + 2s);
  policy.succeeded(last + 1s, last + 2s);
  CHECK(policy.start_interval(last + 2s) == 0s);
}

TEST_CASE("a success without trouble changes nothing") {
  overload_policy policy;
  policy.succeeded(begin, begin + 1s);
  CHECK_FALSE(policy.next_start(begin + 1s));
}
