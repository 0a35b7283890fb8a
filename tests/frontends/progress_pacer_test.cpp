#include "frontends/session/progress_pacer.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

constexpr progress_pacer::time start{1000h};

} // namespace

TEST_CASE("The first event is told at once") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.due(start) == std::nullopt);
  CHECK(pacer.rest() == std::nullopt);
}

TEST_CASE("An event after a pause is told at once") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.offer("b", start + 100ms) == "b");
  CHECK(pacer.offer("c", start + 10s) == "c");
}

TEST_CASE("Events that come too fast wait, and are told together when the pause is over") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.offer("b", start + 1ms) == std::nullopt);
  CHECK(pacer.offer("c", start + 99ms) == std::nullopt);
  CHECK(pacer.next() == start + 100ms);
  CHECK(pacer.due(start + 99ms) == std::nullopt);
  CHECK(pacer.due(start + 100ms) == "b\nc");
  CHECK(pacer.due(start + 300ms) == std::nullopt);
}

TEST_CASE("An event that comes late takes those with it that wait") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.offer("b", start + 50ms) == std::nullopt);
  CHECK(pacer.offer("c", start + 150ms) == "b\nc");
}

TEST_CASE("At most ten events a second are told, and none is lost") {
  progress_pacer pacer{start};
  int told = 0;
  std::string all;
  for (int ms = 0; ms < 1000; ++ms)
    if (const auto text = pacer.offer("x", start + std::chrono::milliseconds{ms})) {
      ++told;
      all += *text + '\n';
    }
  all += pacer.rest().value_or("") + '\n';
  CHECK(told == 10);
  CHECK(all.size() == 2000);
}

TEST_CASE("What waits is bounded, and the newest is kept") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("first", start) == "first");
  for (int i = 0; i < 1000; ++i)
    CHECK(pacer.offer(std::string(100, static_cast<char>('a' + i % 26)), start + 1ms) == std::nullopt);
  CHECK(pacer.offer("last", start + 2ms) == std::nullopt);
  const auto text = pacer.rest();
  REQUIRE(text);
  CHECK(text->size() <= progress_pacer::waiting_bytes);
  CHECK_THAT(*text, Catch::Matchers::EndsWith("\nlast"));
}

TEST_CASE("An event larger than what is kept is told whole") {
  progress_pacer pacer{start};
  const std::string large(2 * progress_pacer::waiting_bytes, 'x');
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.offer("b", start + 1ms) == std::nullopt);
  CHECK(pacer.offer(large, start + 2ms) == std::nullopt);
  CHECK(pacer.due(start + 100ms) == large);
}

TEST_CASE("The last word takes what waits, whatever the time, once") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.offer("b", start + 1ms) == std::nullopt);
  CHECK(pacer.rest() == "b");
  CHECK(pacer.rest() == std::nullopt);
  CHECK(pacer.due(start + 1s) == std::nullopt);
}

TEST_CASE("After 15 s without a word there is silence, until something is told") {
  progress_pacer pacer{start};
  CHECK(pacer.offer("a", start) == "a");
  CHECK(pacer.next() == start + 15s);
  CHECK_FALSE(pacer.is_silent(start + 14999ms));
  CHECK(pacer.is_silent(start + 15s));
  pacer.told(start + 15s);
  CHECK_FALSE(pacer.is_silent(start + 29999ms));
  CHECK(pacer.is_silent(start + 30s));
  CHECK(pacer.next() == start + 30s);
  CHECK(pacer.offer("b", start + 20s) == "b");
  CHECK_FALSE(pacer.is_silent(start + 34999ms));
}

TEST_CASE("A request that never has an event is silent within 15 s of its start") {
  const progress_pacer pacer{start};
  CHECK_FALSE(pacer.is_silent(start));
  CHECK(pacer.next() <= start + 15s);
  CHECK(pacer.is_silent(start + 15s));
}

TEST_CASE("A sign of life counts as told: an event right behind it waits") {
  progress_pacer pacer{start};
  pacer.told(start + 15s);
  CHECK(pacer.offer("a", start + 15s + 1ms) == std::nullopt);
  CHECK(pacer.due(start + 15s + 100ms) == "a");
}
