#include "config/agent_form.hpp"

#include <catch2/catch.hpp>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
using Catch::Matchers::Contains;

using words = std::vector<std::string>;

TEST_CASE("A list is split at its commas") {
  CHECK(split_list("") == words{});
  CHECK(split_list(",") == words{});
  CHECK(split_list(" a , b c,,\t d") == words{"a", "b c", "d"});
}

TEST_CASE("What is not given is not updated") {
  CHECK(update_from({}) == agent_update{});
  CHECK(fields_of(update_from({})).empty());
}

TEST_CASE("Tools are inherited, none, or exactly these") {
  const auto tools = [](const char* text) { return update_from({.allowed_tools = text}).allowed_tools; };
  CHECK(tools("none") == std::make_optional(tool_list{}));
  CHECK(tools(" None ") == std::make_optional(tool_list{}));
  CHECK(tools("") == std::make_optional(tool_list{}));
  CHECK(tools(",") == std::make_optional(tool_list{words{}}));
  CHECK(tools("none,Bash") == std::make_optional(tool_list{words{"none", "Bash"}}));
}

TEST_CASE("A new agent has the values that are given and the defaults of what is not") {
  const temporary_directory home;
  home.write("CLAUDE.md", "Keeps notes.\n");
  const auto plain = new_agent("a", home.path(), {.model = "None", .allowed_tools = "none"});
  REQUIRE(plain);
  CHECK(plain->description == "Keeps notes.");
  CHECK(plain->timeout == 300);
  CHECK_FALSE(plain->model);
  CHECK_FALSE(plain->allowed_tools);
  const auto given = new_agent("a", home.path(), {.description = "none", .timeout = 0, .disallowed_tools = ","});
  REQUIRE(given);
  CHECK(given->description == "none");
  CHECK(given->timeout == 0);
  CHECK(given->disallowed_tools == words{});
  CHECK(new_agent("a b", home.path(), {}).error().kind == fault_kind::invalid_argument);
  CHECK(new_agent("a", home.path(), {.max_budget_usd = -1}).error().kind == fault_kind::invalid_argument);
}

TEST_CASE("A project's directory is found from the home, the caller's directory or the root") {
  const temporary_directory home;
  home.write("projects/x/file", "");
  const auto work = home.path() / "projects";
  for (const auto& given :
       {std::string{"x"}, std::string{"~/projects/x"}, std::string{"./y/../x"}, (work / "x").string()}) {
    CAPTURE(given);
    std::filesystem::create_directories(work / "y");
    CHECK(project_directory(given, home.path(), work) == work / "x");
  }
  for (const auto& [given, why] : std::vector<std::pair<std::string, std::string>>{{"", "names nothing"},
                                                                                   {"gone", "does not exist"},
                                                                                   {"x/file", "is not a directory"},
                                                                                   {"~nobody-at-all", "home"}}) {
    CAPTURE(given);
    const auto found = project_directory(given, home.path(), work);
    REQUIRE_FALSE(found);
    CHECK_THAT(found.error().message, Contains(why));
  }
}
