#include "config/paths.hpp"

#include <catch2/catch.hpp>

#include "config/shell_quote.hpp"

using namespace agent_dispatch;

namespace {

config_paths found(std::vector<std::string> environment) {
  const auto paths = find_paths(environment_of(std::move(environment)), "/projects");
  REQUIRE(paths);
  return *paths;
}

} // namespace

TEST_CASE("The configuration and the jobs are in the home directory unless said otherwise") {
  const auto usual = found({"HOME=/home/ann"});
  CHECK(usual.config == "/home/ann/.config/agent-dispatch/agents.yaml");
  CHECK(usual.jobs == "/home/ann/.config/agent-dispatch/jobs");
  CHECK(usual.home == "/home/ann");

  const auto config = found({"HOME=/home/ann", "AGENT_DISPATCH_CONFIG=/etc/ad.yaml"});
  CHECK(config.config == "/etc/ad.yaml");
  CHECK(config.jobs == "/etc/jobs");

  const auto both = found({"HOME=/home/ann", "AGENT_DISPATCH_CONFIG=rel/ad.yaml", "AGENT_DISPATCH_JOBS_DIR=~/j"});
  CHECK(both.config == "/projects/rel/ad.yaml");
  CHECK(both.jobs == "/home/ann/j");
}

TEST_CASE("An empty variable counts as not set") {
  const auto paths = found({"HOME=/h", "AGENT_DISPATCH_CONFIG=", "AGENT_DISPATCH_JOBS_DIR="});
  CHECK(paths.config == "/h/.config/agent-dispatch/agents.yaml");
  CHECK(paths.jobs == "/h/.config/agent-dispatch/jobs");
}

TEST_CASE("A home that nobody knows is a fault that names the variable") {
  const auto paths = find_paths(environment_of({"HOME=/h", "AGENT_DISPATCH_CONFIG=~no-such-user/x"}), "/");
  REQUIRE_FALSE(paths);
  CHECK_THAT(paths.error().message, Catch::Matchers::StartsWith("AGENT_DISPATCH_CONFIG is '~no-such-user/x'"));
}

TEST_CASE("Without HOME the user database knows the home") { CHECK(home_directory(environment_of({})).is_absolute()); }

TEST_CASE("An environment is looked up by the whole name") {
  const auto lookup = environment_of({"A=1", "AB=2", "C", "D=", "A=3"});
  CHECK(lookup("A") == "1");
  CHECK(lookup("AB") == "2");
  CHECK(lookup("B") == std::nullopt);
  CHECK(lookup("C") == std::nullopt);
  CHECK(lookup("D") == "");
}

TEST_CASE("A path is expanded and tidied without a look at the file system") {
  const auto expanded = [](std::string_view path) { return expand_path(path, "/h", "/b"); };
  CHECK(expanded("~") == "/h");
  CHECK(expanded("~/") == "/h");
  CHECK(expanded("~//x") == "/h/x");
  CHECK(expanded("x") == "/b/x");
  CHECK(expanded(".") == "/b");
  CHECK(expanded("./x/.//y/") == "/b/x/y");
  CHECK(expanded("../x") == "/b/../x");
  CHECK(expanded("/") == "/");
  CHECK(expanded("~no-such-user") == std::nullopt);
  CHECK(expand_path("~/x", "", "/b") == std::nullopt);
}

TEST_CASE("A quoted word is one word to a shell") {
  CHECK(shell_quote("plain-word_1.2/x") == "plain-word_1.2/x");
  CHECK(shell_quote("") == "''");
  CHECK(shell_quote("a b") == "'a b'");
  CHECK(shell_quote("it's") == "'it'\\''s'");
  CHECK(shell_quote("$(x)") == "'$(x)'");
  CHECK(shell_quote("~") == "'~'");
  CHECK(shell_command({"a", "b c"}) == "a 'b c'");
}
