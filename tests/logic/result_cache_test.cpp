#include "actors/logic/result_cache.hpp"

#include <catch2/catch.hpp>

#include "messages/limits.hpp"

using namespace agent_dispatch;

namespace {

using namespace std::chrono_literals;

/// A cache, its configuration, and a clock that stands still.
struct fixture {
  fixture() {
    for (const auto* name : {"infra", "web"}) {
      agent_config agent;
      agent.name = {name};
      agent.directory = "/projects";
      config.agents.push_back(agent);
    }
    cache.configure(config);
  }

  static cache_key key(unsigned char number) {
    cache_key made;
    made.digest[0] = number;
    return made;
  }

  static dispatch_result said(const char* text, const char* agent = "infra") {
    dispatch_result result;
    result.agent = {agent};
    result.success = true;
    result.result = text;
    return result;
  }

  void keep(unsigned char number, const char* agent = "infra") { cache.insert(key(number), said("yes", agent), now); }
  bool has(unsigned char number) { return cache.find(key(number), now) != nullptr; }
  cache_figures figures() { return cache.figures(now).value(); }

  configuration config;
  result_cache cache;
  result_cache::clock::time_point now{};
};

} // namespace

TEST_CASE_METHOD(fixture, "A result is found again, and both looks are counted") {
  CHECK_FALSE(has(1));
  keep(1);
  const auto found = cache.find(key(1), now);
  REQUIRE(found);
  CHECK(found->result == "yes");
  CHECK(figures().size == 1);
  CHECK(figures().hits == 1);
  CHECK(figures().misses == 1);
  CHECK(figures().max_size == 1000);
  CHECK(figures().ttl == 300);
}

TEST_CASE_METHOD(fixture, "A result lives for its time, counted from when it came") {
  keep(1);
  now += 299s;
  CHECK(has(1)); // a hit makes it no younger
  now += 1s;
  CHECK_FALSE(has(1));
  CHECK(figures().size == 0);
  CHECK(figures().evictions == 0);
}

TEST_CASE_METHOD(fixture, "What has gone by is not in the figures") {
  keep(1);
  now += 300s;
  CHECK(figures().size == 0);
}

TEST_CASE_METHOD(fixture, "With no time to live nothing is found") {
  config.settings.cache.ttl = 0;
  cache.configure(config);
  keep(1);
  CHECK_FALSE(has(1));
}

TEST_CASE_METHOD(fixture, "The oldest goes first") {
  config.settings.cache.max_size = 2;
  cache.configure(config);
  keep(1);
  keep(2);
  CHECK(has(1)); // used, but no younger for that
  keep(3);
  CHECK_FALSE(has(1));
  CHECK(has(2));
  CHECK(has(3));
  CHECK(figures().evictions == 1);
}

TEST_CASE_METHOD(fixture, "A result that is kept again is the youngest") {
  config.settings.cache.max_size = 2;
  cache.configure(config);
  keep(1);
  keep(2);
  keep(1);
  keep(3);
  CHECK(has(1));
  CHECK_FALSE(has(2));
  CHECK(figures().evictions == 1);
}

TEST_CASE_METHOD(fixture, "A smaller limit holds at once") {
  for (unsigned char number = 1; number <= 5; ++number)
    keep(number);
  config.settings.cache.max_size = 2;
  cache.configure(config);
  CHECK(figures().size == 2);
  CHECK(has(4));
  CHECK(has(5));
}

TEST_CASE_METHOD(fixture, "All results together have a limit") {
  const std::string big(limits::cache_bytes / 3, 'x');
  for (unsigned char number = 1; number <= 3; ++number)
    cache.insert(key(number), said(big.c_str()), now);
  CHECK_FALSE(has(1));
  CHECK(has(2));
  CHECK(has(3));
  const std::string too_big(limits::cache_bytes, 'x');
  cache.insert(key(2), said(too_big.c_str()), now);
  CHECK_FALSE(has(2)); // the older one is not true any more
  CHECK(has(3));
}

TEST_CASE_METHOD(fixture, "Only a clean success is kept") {
  auto failed = said("no");
  failed.success = false;
  auto denied = said("partly");
  denied.denied_tools = {"Bash"};
  auto expensive = said("yes");
  expensive.budget_exceeded = true;
  for (const auto& result : {failed, denied, expensive}) {
    CHECK_FALSE(is_cacheable(result));
    cache.insert(key(1), result, now);
    CHECK_FALSE(has(1));
  }
  auto hinted = said("yes");
  hinted.hint = "It had to be ended.";
  CHECK(is_cacheable(hinted));
}

TEST_CASE_METHOD(fixture, "What an agent has said goes when it is configured differently") {
  keep(1);
  keep(2, "web");
  SECTION("by what is its own") { config.agents[0].description = "new"; }
  SECTION("by what it is given") { config.agents[0].model = "sonnet"; }
  SECTION("because it is gone") { config.agents.erase(config.agents.begin()); }
  cache.configure(config);
  CHECK_FALSE(has(1));
  CHECK(has(2));
}

TEST_CASE_METHOD(fixture, "What is inherited counts too") {
  config.agents[0].permission_mode = "plan";
  cache.configure(config);
  keep(1);
  keep(2, "web");
  config.settings.default_permission_mode = "acceptEdits";
  cache.configure(config);
  CHECK(has(1));
  CHECK_FALSE(has(2));
}

TEST_CASE_METHOD(fixture, "An edit that changes no agent loses nothing") {
  keep(1);
  config.settings.max_concurrency = 9;
  config.groups.emplace_back().name = "ops";
  cache.configure(config);
  CHECK(has(1));
}

TEST_CASE_METHOD(fixture, "An agent that is gone says nothing any more") {
  config.agents.clear();
  cache.configure(config);
  keep(1);
  CHECK(figures().size == 0);
}

TEST_CASE_METHOD(fixture, "Switched off it holds nothing and has no figures") {
  keep(1);
  config.settings.cache.enabled = false;
  cache.configure(config);
  CHECK_FALSE(cache.is_enabled());
  CHECK_FALSE(cache.figures(now));
  keep(2);
  config.settings.cache.enabled = true;
  cache.configure(config);
  CHECK(figures().size == 0);
}

TEST_CASE_METHOD(fixture, "Cleared, it counts anew") {
  keep(1);
  keep(2);
  CHECK(has(1));
  CHECK_FALSE(has(3));
  CHECK(cache.clear() == 2);
  CHECK(figures().size == 0);
  CHECK(figures().hits == 0);
  CHECK(figures().misses == 0);
}
