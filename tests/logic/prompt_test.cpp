#include <catch2/catch.hpp>

#include "actors/logic/prompt.hpp"
#include "actors/logic/sentences.hpp"

using namespace agent_dispatch;

namespace {

run_request request(std::string task) {
  run_request made;
  made.task = std::move(task);
  return made;
}

} // namespace

TEST_CASE("a task alone is the prompt, to the byte") {
  CHECK(build_prompt(request("count the files")) == "count the files");
  CHECK(build_prompt(request("--help me\n")) == "--help me\n");
  CHECK(build_prompt(request("")).empty());
}

TEST_CASE("context alone makes the two-part form") {
  auto made = request("fix it");
  made.context = "it is broken";
  CHECK(build_prompt(made) == "Context:\nit is broken\n\nTask:\nfix it");
}

TEST_CASE("caller or goal makes sections, in their order, those that are present") {
  auto made = request("fix it");
  made.goal = "ship";
  CHECK(build_prompt(made) == "## Goal\nship\n\n## Task\nfix it");
  made.caller = "backend";
  made.context = "it is broken";
  CHECK(build_prompt(made) ==
        "## Goal\nship\n\n## Dispatched by\nbackend\n\n## Context\nit is broken\n\n## Task\nfix it");
  made.goal.clear();
  CHECK(build_prompt(made) == "## Dispatched by\nbackend\n\n## Context\nit is broken\n\n## Task\nfix it");
}

TEST_CASE("asking for JSON adds the footer to each form") {
  const std::string footer = "\n\n" + std::string{sentences::json_footer};
  auto made = request("list them");
  made.format = response_format::json;
  CHECK(build_prompt(made) == "list them" + footer);
  made.caller = "me";
  CHECK(build_prompt(made) == "## Dispatched by\nme\n\n## Task\nlist them" + footer);
  CHECK(footer.find("{\"error\": \"<reason>\"}") != std::string::npos);
}
