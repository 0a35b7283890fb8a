#include "frontends/mcp/agent_arguments.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace agent_dispatch;
using Catch::Matchers::Contains;
using nlohmann::json;

using words = std::vector<std::string>;

namespace {

agent_update update_with(json arguments) {
  arguments["name"] = "a";
  const auto asked = read_updated_agent(arguments);
  REQUIRE(asked);
  CHECK(asked->name == "a");
  return update_from(asked->form);
}

std::string refused_update(json arguments) {
  arguments["name"] = "a";
  const auto asked = read_updated_agent(arguments);
  REQUIRE_FALSE(asked);
  return asked.error().message;
}

std::string refused_addition(const json& arguments) {
  const auto asked = read_added_agent(arguments);
  REQUIRE_FALSE(asked);
  return asked.error().message;
}

} // namespace

TEST_CASE("Empty texts and 0 are unchanged") {
  CHECK(update_with({{"description", ""},
                     {"timeout", 0},
                     {"max_budget_usd", 0},
                     {"model", ""},
                     {"permission_mode", " "},
                     {"allowed_tools", ""},
                     {"disallowed_tools", " "},
                     {"capabilities", nullptr},
                     {"risky_capabilities", ""}}) == agent_update{});
  CHECK(update_with(json::object()) == agent_update{});
}

TEST_CASE("none clears, in any case, and a negative budget does") {
  for (const auto* none : {"none", "None", "NONE"}) {
    const auto update = update_with({{"max_budget_usd", -1},
                                     {"model", none},
                                     {"permission_mode", none},
                                     {"allowed_tools", none},
                                     {"disallowed_tools", none},
                                     {"capabilities", none},
                                     {"risky_capabilities", none}});
    CHECK(update.max_budget_usd == std::make_optional(std::optional<double>{}));
    CHECK(update.model == std::make_optional(std::optional<std::string>{}));
    CHECK(update.permission_mode == std::make_optional(std::optional<std::string>{}));
    CHECK(update.allowed_tools == std::make_optional(tool_list{}));
    CHECK(update.disallowed_tools == std::make_optional(tool_list{}));
    CHECK(update.capabilities == words{});
    CHECK(update.risky_capabilities == words{});
    CHECK(fields_of(update) == std::vector<std::string_view>{"max_budget_usd", "model", "permission_mode",
                                                             "allowed_tools", "disallowed_tools", "capabilities",
                                                             "risky_capabilities"});
  }
}

TEST_CASE("A comma is a list of nothing, and a description is what it is") {
  CHECK(update_with({{"allowed_tools", ","}}).allowed_tools == std::make_optional(tool_list{words{}}));
  CHECK(update_with({{"allowed_tools", "A, B"}}).allowed_tools == std::make_optional(tool_list{words{"A", "B"}}));
  for (const auto* text : {"none", "  ", ",", " x "})
    CHECK(update_with({{"description", text}}).description == text);
}

TEST_CASE("Numbers may be written as texts") {
  const auto update = update_with({{"timeout", "90"}, {"max_budget_usd", "1.5"}});
  CHECK(update.timeout == 90);
  CHECK(update.max_budget_usd == std::make_optional(std::optional<double>{1.5}));
}

TEST_CASE("Arguments that cannot be used are refused by name") {
  CHECK_THAT(refused_update({{"timeout", -1}}), Contains("timeout"));
  CHECK_THAT(refused_update({{"timeout", 1.5}}), Contains("timeout"));
  CHECK_THAT(refused_update({{"max_budget_usd", "x"}}), Contains("max_budget_usd"));
  CHECK_THAT(refused_update({{"model", 5}}), Contains("model"));
  CHECK_THAT(refused_update({{"directory", "/"}}), Contains("unknown parameter 'directory'"));
  const auto added_with = [](const char* name, const json& value) {
    return json{{"name", "a"}, {"directory", "/"}, {name, value}};
  };
  CHECK_THAT(refused_addition({{"name", "a"}}), Contains("directory"));
  CHECK_THAT(refused_addition({{"directory", "/"}}), Contains("name"));
  CHECK_THAT(refused_addition(added_with("timeout", -1)), Contains("timeout"));
  CHECK_THAT(refused_addition(added_with("max_budget_usd", -1)), Contains("max_budget_usd"));
  CHECK_THAT(refused_addition(added_with("model", "m")), Contains("unknown parameter 'model'"));
}

TEST_CASE("A timeout too great for the file is the greatest it may hold") {
  CHECK(update_with({{"timeout", 99'999'999'999}}).timeout == std::numeric_limits<int>::max());
}

TEST_CASE("An addition has what is given") {
  const auto asked = read_added_agent({{"name", "a"}, {"directory", "x"}, {"timeout", 0}, {"allowed_tools", ","}});
  REQUIRE(asked);
  CHECK(asked->directory == "x");
  CHECK_FALSE(asked->form.timeout);
  CHECK_FALSE(asked->form.description);
  CHECK(asked->form.allowed_tools == ",");
}
