#include "actors/logic/cache_key.hpp"

#include <functional>

#include <catch2/catch.hpp>

using namespace agent_dispatch;

namespace {

run_spec asked_by(std::vector<std::string> environment) {
  run_spec spec;
  spec.agent.name = {"infra"};
  spec.agent.directory = "/projects/infra";
  spec.request = {.agent = {"infra"}, .task = "look", .context = "at it", .caller = "web", .goal = "know"};
  caller_context caller;
  caller.environment = std::move(environment);
  spec.caller = std::make_shared<const caller_context>(std::move(caller));
  return spec;
}

run_spec asked() { return asked_by({"HOME=/home/ada", "PATH=/bin", "ANTHROPIC_API_KEY=one"}); }

} // namespace

TEST_CASE("The same question has the same key, whoever asks on the same account") {
  auto again = asked_by({"TERM=dumb", "ANTHROPIC_API_KEY=one", "PATH=/usr/bin", "HOME=/home/ada"});
  again.key = {"another"};
  again.session = {"another"};
  again.depth = 2;
  again.timeout = std::chrono::seconds{77};
  again.request.timeout = std::chrono::seconds{77};
  again.ref = job_id{"another"};
  CHECK(make_cache_key(asked()) == make_cache_key(again));
}

TEST_CASE("Whatever decides the answer is in the key") {
  const std::vector<std::function<void(run_spec&)>> changes{
      [](run_spec& spec) { spec.agent.name = {"web"}; },
      [](run_spec& spec) { spec.request.task = "look!"; },
      [](run_spec& spec) { spec.request.context = ""; },
      [](run_spec& spec) { spec.shared_context = "All of it is blue."; },
      [](run_spec& spec) { spec.request.caller = ""; },
      [](run_spec& spec) { spec.request.goal = ""; },
      [](run_spec& spec) { spec.request.format = response_format::json; },
      [](run_spec& spec) { spec.agent.directory = "/projects/other"; },
      [](run_spec& spec) { spec.agent.timeout = std::chrono::seconds{10}; },
      [](run_spec& spec) { spec.agent.max_budget_usd = 0.5; },
      [](run_spec& spec) { spec.agent.model = "sonnet"; },
      [](run_spec& spec) { spec.agent.permission_mode = "plan"; },
      [](run_spec& spec) { spec.agent.allowed_tools.emplace(); },
      [](run_spec& spec) { spec.agent.allowed_tools = {{"Read"}}; },
      [](run_spec& spec) { spec.agent.disallowed_tools.emplace(); },
  };
  std::vector<cache_key> keys{make_cache_key(asked())};
  for (const auto& change : changes) {
    auto spec = asked();
    change(spec);
    keys.push_back(make_cache_key(spec));
  }
  for (std::size_t i = 0; i < keys.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK(keys[i] != keys[j]);
}

TEST_CASE("What belongs to one field is not taken for the next one's") {
  auto one = asked();
  one.request.task = "ab";
  one.request.context = "c";
  auto other = asked();
  other.request.task = "a";
  other.request.context = "bc";
  CHECK(make_cache_key(one) != make_cache_key(other));

  one = asked();
  one.agent.allowed_tools = {{"Read", "Grep"}};
  other = asked();
  other.agent.allowed_tools = {{"Read"}};
  other.agent.disallowed_tools = {{"Grep"}};
  CHECK(make_cache_key(one) != make_cache_key(other));
}

TEST_CASE("Two accounts have two keys") {
  const std::vector<std::vector<std::string>> accounts{
      {"HOME=/home/ada"},
      {"HOME=/home/bob"},
      {},
      {"HOME=/home/ada", "CLAUDE_CONFIG_DIR=/tmp/c"},
      {"HOME=/home/ada", "ANTHROPIC_API_KEY=one"},
      {"HOME=/home/ada", "ANTHROPIC_API_KEY=two"},
      {"HOME=/home/ada", "ANTHROPIC_BASE_URL=http://localhost"},
      {"HOME=/home/ada", "CLAUDE_CODE_USE_BEDROCK=1"},
      {"HOME=/home/ada", "CLAUDE_CODE_OAUTH_TOKEN=one"},
      {"HOME=/home/ada", "CLAUDE_CODE_OAUTH_TOKEN=two"},
      {"HOME=/home/ada", "AWS_PROFILE=work"},
      {"HOME=/home/ada", "GOOGLE_CLOUD_PROJECT=p"},
  };
  for (std::size_t i = 0; i < accounts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      CHECK(make_cache_key(asked_by(accounts[i])) != make_cache_key(asked_by(accounts[j])));
}

TEST_CASE("Only what names an account is looked at") {
  CHECK(names_account("HOME=/root"));
  CHECK(names_account("AWS_REGION=eu"));
  CHECK_FALSE(names_account("HOMEPAGE=x"));
  CHECK_FALSE(names_account("HOME"));
  CHECK_FALSE(names_account("CLAUDE_CODE_ENTRYPOINT=cli"));
  CHECK_FALSE(names_account("MY_AWS_KEY=x"));
}
