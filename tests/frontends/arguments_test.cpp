#include "frontends/mcp/arguments.hpp"

#include <optional>

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using nlohmann::json;

namespace {

struct whole {
  std::int64_t value = 0;
  bool good = false;
};

whole integer_of(const char* text) {
  const auto arguments = json::parse(std::string{"{\"n\":"} + text + "}");
  tool_arguments reader{arguments, {"n"}};
  const auto value = reader.integer("n", -7);
  return {value, reader.check().has_value()};
}

std::string fault_of(const tool_arguments& reader) {
  const auto checked = reader.check();
  REQUIRE_FALSE(checked);
  CHECK(checked.error().kind == fault_kind::invalid_argument);
  return checked.error().message;
}

} // namespace

TEST_CASE("Arguments are read by name") {
  const json arguments{{"agent", "a"}, {"task", " do\n"}, {"n", 5}};
  tool_arguments reader{arguments, {"agent", "task", "n", "context"}};
  CHECK(reader.required_text("agent") == "a");
  CHECK(reader.required_text("task") == " do\n");
  CHECK(reader.integer("n", 0) == 5);
  CHECK(reader.text("context").empty());
  CHECK(reader.check());
}

TEST_CASE("Null and absent arguments are the same") {
  const json nothing;
  const json nulls{{"t", nullptr}, {"n", nullptr}};
  for (const auto* arguments : {&nothing, &nulls}) {
    tool_arguments reader{*arguments, {"t", "n"}};
    CHECK(reader.text("t").empty());
    CHECK(reader.integer("n", 3) == 3);
    CHECK(reader.check());
    reader.required_text("t");
    CHECK_THAT(fault_of(reader), Catch::Matchers::Contains("'t'"));
  }
}

TEST_CASE("Text that must be there must not be blank") {
  for (const auto* text : {"", " ", "\t\r\n "}) {
    const json arguments{{"t", text}};
    tool_arguments reader{arguments, {"t"}};
    reader.required_text("t");
    CHECK_FALSE(reader.check());
  }
  const json arguments{{"t", ""}};
  tool_arguments reader{arguments, {"t"}};
  CHECK(reader.text("t").empty());
  CHECK(reader.check());
}

TEST_CASE("Text must be a string") {
  for (const json& value : {json(1), json(true), json::array({"a"}), json::object()}) {
    const json arguments{{"t", value}};
    tool_arguments reader{arguments, {"t"}};
    CHECK(reader.text("t").empty());
    CHECK(fault_of(reader) == "parameter 't' must be a string");
  }
}

TEST_CASE("A whole number may be written as a real number or as text") {
  for (const auto* text : {"5", "5.0", "5e0", "\"5\""}) {
    CAPTURE(text);
    CHECK(integer_of(text).value == 5);
    CHECK(integer_of(text).good);
  }
  CHECK(integer_of("-3.0").value == -3);
  CHECK(integer_of("\"-3\"").value == -3);
  CHECK(integer_of("9223372036854775807").value == INT64_MAX);
  CHECK(integer_of("-9223372036854775808").value == INT64_MIN);
  CHECK(integer_of("\"9223372036854775807\"").value == INT64_MAX);
}

TEST_CASE("What is no whole number, or is too large for one, is a fault and not a guess") {
  for (const auto* text : {"5.5", "\"5.5\"", "\"\"", "\" 5\"", "\"5 \"", "\"five\"", "true", "[5]", "{}", "1e300",
                           "-1e300", "9223372036854775808", "18446744073709551615", "123456789012345678901234567890",
                           "\"9223372036854775808\"", "\"0x5\""}) {
    CAPTURE(text);
    CHECK(integer_of(text).value == -7);
    CHECK_FALSE(integer_of(text).good);
  }
}

TEST_CASE("True and false may be written as the Python program takes them") {
  const auto flag_of = [](const json& value) {
    const json arguments{{"b", value}};
    tool_arguments reader{arguments, {"b"}};
    const bool told = reader.boolean("b", false);
    return reader.check() ? std::optional{told} : std::nullopt;
  };
  for (const json& value : {json(true), json(1), json(1.0), json("true"), json("True"), json("yes"), json("y"),
                            json("on"), json("t"), json("1")})
    CHECK(flag_of(value) == true);
  for (const json& value :
       {json(false), json(0), json("FALSE"), json("no"), json("n"), json("off"), json("f"), json("0"), json(nullptr)})
    CHECK(flag_of(value) == false);
  for (const json& value : {json(2), json("maybe"), json(""), json(" true"), json::array(), json(-1)})
    CHECK(flag_of(value) == std::nullopt);
}

TEST_CASE("A parameter that the tool does not have is a fault that names those it has") {
  const json arguments{{"agnet", "a"}};
  CHECK(fault_of(tool_arguments{arguments, {"agent", "task"}}) ==
        "unknown parameter 'agnet'; this tool takes: agent, task");
  CHECK(fault_of(tool_arguments{arguments, {}}) == "unknown parameter 'agnet'; this tool takes: none");
}

TEST_CASE("Of several faults the first is told") {
  const json arguments{{"a", 1}, {"b", "x"}};
  tool_arguments reader{arguments, {"a", "b"}};
  reader.integer("b", 0);
  reader.text("a");
  CHECK(fault_of(reader) == "parameter 'b' must be a whole number");
}
