#include <catch2/catch.hpp>

#include "actors/logic/event_throttle.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

const event_throttle::clock::time_point begin{100s};

void offer(event_throttle& throttle, std::size_t first, std::size_t count) {
  for (auto number = first; number < first + count; ++number)
    throttle.offer({progress_kind::text, std::to_string(number)});
}

std::vector<std::string> texts(const std::vector<progress_event>& events) {
  std::vector<std::string> result;
  for (const auto& event : events)
    result.push_back(event.text);
  return result;
}

} // namespace

TEST_CASE("a run that talks is heard at once") {
  event_throttle throttle;
  for (std::size_t each = 0; each < limits::events_at_once; ++each) {
    offer(throttle, each, 1);
    CHECK(texts(throttle.take(begin + 1ms)) == std::vector{std::to_string(each)});
    CHECK_FALSE(throttle.next());
  }
}

TEST_CASE("one event too many waits for the next window") {
  event_throttle throttle;
  offer(throttle, 0, limits::events_at_once);
  CHECK(throttle.take(begin).size() == limits::events_at_once);
  offer(throttle, 20, 1);
  CHECK(throttle.take(begin + 99ms).empty());
  CHECK(throttle.next() == begin + limits::event_window);
  CHECK(texts(throttle.take(begin + 100ms)) == std::vector<std::string>{"20"});
  CHECK_FALSE(throttle.next());
}

TEST_CASE("of a flood the last events are told, and how many were not") {
  event_throttle throttle;
  offer(throttle, 0, 1000);
  const auto told = texts(throttle.take(begin));
  REQUIRE(told.size() == limits::events_at_once + 1);
  CHECK(told.front() == "(980 events are left out)");
  CHECK(told[1] == "980");
  CHECK(told.back() == "999");
  offer(throttle, 1000, 1);
  CHECK(throttle.take(begin + 50ms).empty());
  CHECK(texts(throttle.take(begin + 100ms)) == std::vector<std::string>{"1000"});
}

TEST_CASE("at the end all that is kept is told, whatever the time") {
  event_throttle throttle;
  offer(throttle, 0, limits::events_at_once);
  throttle.take(begin);
  offer(throttle, 20, 22);
  CHECK(throttle.take(begin).empty());
  const auto rest = texts(throttle.take_rest());
  REQUIRE(rest.size() == 21);
  CHECK(rest.front() == "(2 events are left out)");
  CHECK(rest.back() == "41");
  CHECK(throttle.take_rest().empty());
  CHECK_FALSE(throttle.next());
}
