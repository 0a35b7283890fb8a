#include <catch2/catch.hpp>

#include <limits>
#include <string>

#include "actors/logic/child_environment.hpp"
#include "messages/dispatch_depth.hpp"

using namespace agent_dispatch;

namespace {

using variables = std::vector<std::string>;

} // namespace

TEST_CASE("the depth is a number; none or garbage is 0") {
  CHECK(dispatch_depth("2") == 2);
  CHECK(dispatch_depth(" 2\n") == 2);
  for (const char* garbage : {"", " ", "x", "-1", "+1", "2x", "1.5", "0x3", "1 2"})
    CHECK(dispatch_depth(garbage) == 0);
}

TEST_CASE("a depth beyond an int is the deepest, not a small one") {
  CHECK(dispatch_depth("2147483647") == std::numeric_limits<int>::max());
  CHECK(dispatch_depth("99999999999999999999") == std::numeric_limits<int>::max());
  CHECK(is_too_deep(dispatch_depth("99999999999999999999"), 3));
}

TEST_CASE("at the limit is too deep, below is not") {
  CHECK_FALSE(is_too_deep(2, 3));
  CHECK(is_too_deep(3, 3));
  CHECK(is_too_deep(4, 3));
}

TEST_CASE("a variable is found by its whole name, the first of several") {
  const variables environment{"AX=1", "A", "A=2", "A=3", "B="};
  CHECK(find_variable(environment, "A") == "2");
  CHECK(find_variable(environment, "B") == "");
  CHECK(find_variable(environment, "X") == std::nullopt);
}

TEST_CASE("the child gets the caller's variables with its own depth and run") {
  const variables caller{"PATH=/bin",
                         "AGENT_DISPATCH_DEPTH=1",
                         "WEIRD\xff=\xfe",
                         "AGENT_DISPATCH_RUN=old.1.0",
                         "AGENT_DISPATCH_DEPTH=7",
                         "AGENT_DISPATCH_RUNNER=mine",
                         "no equals sign"};
  CHECK(build_child_environment(caller, 1, run_key{"new.2.0"}) ==
        variables{"PATH=/bin", "WEIRD\xff=\xfe", "AGENT_DISPATCH_RUNNER=mine", "no equals sign",
                  "AGENT_DISPATCH_DEPTH=2", "AGENT_DISPATCH_RUN=new.2.0"});
}

TEST_CASE("the deepest depth does not wrap around") {
  const auto child = build_child_environment({}, std::numeric_limits<int>::max(), run_key{"f.1.0"});
  CHECK(child.front() == "AGENT_DISPATCH_DEPTH=" + std::to_string(std::numeric_limits<int>::max()));
}
