#include "frontends/cli/job_output.hpp"

#include <catch2/catch.hpp>

#include <sstream>

#include "frontends/cli/job_commands.hpp"

using namespace agent_dispatch;

namespace {

/// What a command prints.
struct printed {
  std::ostringstream out;
  std::ostringstream err;
  cli_io io{.out = out, .err = err, .colour = false, .environment = {}, .directory = "/", .executable = "/x"};
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream{text};
  for (std::string line; std::getline(stream, line);)
    lines.push_back(line);
  return lines;
}

} // namespace

TEST_CASE("The columns of a table of jobs stand below each other, whatever is in them") {
  printed to;
  print_job_rows(to.io, ordered_json::parse(R"([
    {"id": "0123456789abcdef0123456789abcdef", "agent": "k\u00fcche", "status": "done", "task": "a\nb", "cost_usd": 0.5},
    {"id": "1", "agent": "an-agent-with-a-name-that-is-far-too-long", "status": "cancelled", "task": 5, "created_at": 1e300},
    {}, 7])"));
  const auto lines = lines_of(to.out.str());
  REQUIRE(lines.size() == 5);
  const auto task_at = lines[0].find("TASK");
  CHECK(lines[1].starts_with("0123456789ab  done"));
  CHECK(lines[1].find("a b") == task_at + 1); // the umlaut has two bytes
  CHECK(lines[1].find("$0.50") != std::string::npos);
  CHECK(lines[2].find("…") != std::string::npos);
}

TEST_CASE("A long task is cut with an ellipsis") {
  printed to;
  print_job_rows(to.io, ordered_json::array({{{"task", std::string(200, 'x')}}}));
  CHECK_THAT(to.out.str(), Catch::Matchers::EndsWith(std::string(49, 'x') + "…\n"));
}

TEST_CASE("A time is shown to the minute, and what is no time not at all") {
  CHECK(local_time(1700000000).size() == 16);
  for (const double odd : {-1.0, 1e300, std::numeric_limits<double>::quiet_NaN()})
    CHECK(local_time(odd).empty());
}

TEST_CASE("A refusal of the supervisor is a fault, a record with an error is not") {
  CHECK(refusal_as_fault(ordered_json{{"error", "no"}}).error() == fault{fault_kind::invalid_argument, "no"});
  CHECK_FALSE(refusal_as_fault(ordered_json{{"error", 5}}));
  CHECK(refusal_as_fault(ordered_json{{"id", "x"}, {"error", "lost"}}));
  CHECK(refusal_as_fault(ordered_json{{"agent", "x"}, {"error", "lost"}}));
  CHECK(refusal_as_fault(ordered_json::array()));
  const expected<ordered_json> lost = failure(fault_kind::lost, "gone");
  CHECK(refusal_as_fault(lost).error().kind == fault_kind::lost);
}
