#include <catch2/catch.hpp>

#include "frontends/jsonrpc/envelope.hpp"
#include "frontends/jsonrpc/message.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::jsonrpc;

namespace {

problem problem_of(std::string_view line) {
  auto read = parse(line);
  REQUIRE(std::holds_alternative<problem>(read));
  return std::get<problem>(read);
}

request request_of(std::string_view line) {
  auto read = parse(line);
  REQUIRE(std::holds_alternative<request>(read));
  return std::get<request>(read);
}

std::string nested(int depth) {
  const auto size = static_cast<std::size_t>(depth);
  return std::string(size, '[') + std::string(size, ']');
}

std::string request_with(const std::string& params) {
  return R"({"jsonrpc":"2.0","id":7,"method":"m","params":)" + params + "}";
}

} // namespace

TEST_CASE("A line with method and id is a request") {
  const auto read = request_of(R"({"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"a":[1]}})");
  CHECK(read.id == 7);
  CHECK(read.method == "tools/call");
  CHECK(read.params == nlohmann::json{{"a", {1}}});
}

TEST_CASE("Parameters may be absent or null") {
  CHECK(request_of(R"({"jsonrpc":"2.0","id":7,"method":"m"})").params.is_null());
  CHECK(request_of(R"({"jsonrpc":"2.0","id":7,"method":"m","params":null})").params.is_null());
}

TEST_CASE("An id is a string or a number, and is given back as it came") {
  for (const auto* id : {"0", "-1", "1.5", "18446744073709551615", "\"\"", "\"a\"", "\"\\ud83d\\ude00\""}) {
    CAPTURE(id);
    const auto line = std::string{R"({"jsonrpc":"2.0","method":"m","id":)"} + id + "}";
    CHECK(request_of(line).id == nlohmann::json::parse(id));
    CHECK(read_envelope(line).id == nlohmann::json::parse(id));
  }
}

TEST_CASE("An id of another kind is an invalid request, answered without id") {
  for (const auto* id : {"null", "true", "[1]", "{\"id\":1}"}) {
    CAPTURE(id);
    const auto line = std::string{R"({"jsonrpc":"2.0","method":"m","id":)"} + id + "}";
    CHECK(problem_of(line).number == code::invalid_request);
    CHECK(problem_of(line).id.is_null());
    CHECK(read_envelope(line).id.is_null());
  }
}

TEST_CASE("An id that is too long is an invalid request, answered without it") {
  const auto with_id = [](std::size_t size) {
    return R"({"jsonrpc":"2.0","method":"m","id":")" + std::string(size, 'i') + R"(","params":)";
  };
  CHECK(request_of(with_id(limits::id_bytes) + "{}}").id == std::string(limits::id_bytes, 'i'));
  const auto read = problem_of(with_id(limits::id_bytes + 1) + "{}}");
  CHECK(read.number == code::invalid_request);
  CHECK(read.message == "the member 'id' takes 4097 bytes, and at most 4096 are taken; send a shorter one");
  CHECK(read.id.is_null());
  CHECK(problem_of(with_id(limits::id_bytes) + nested(300) + "}").id.is_string());
  CHECK(problem_of(with_id(limits::id_bytes + 1) + nested(300) + "}").id.is_null());
}

TEST_CASE("A line with a method and no id is a notification") {
  const auto read = parse(R"({"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}})");
  REQUIRE(std::holds_alternative<notification>(read));
  CHECK(std::get<notification>(read).method == "notifications/cancelled");
  CHECK(std::get<notification>(read).params == nlohmann::json{{"requestId", 1}});
}

TEST_CASE("A line with an id and a result or an error is a response") {
  CHECK(std::holds_alternative<response>(parse(R"({"jsonrpc":"2.0","id":7,"result":{}})")));
  CHECK(std::holds_alternative<response>(parse(R"({"jsonrpc":"2.0","id":7,"error":{}})")));
}

TEST_CASE("What is no JSON is a parse error without id") {
  for (const std::string& line :
       {std::string{}, std::string{" "}, std::string{"{"}, std::string{"{\"id\":1"}, std::string{"garbage"},
        std::string{"{\"id\":1,}"}, std::string{"{'id':1}"}, std::string{"{\"id\":1} {\"id\":2}"},
        std::string{"\xff\xfe{\0}", 5}, std::string{"{\"id\":NaN}"}, std::string{"[[[["}}) {
    CAPTURE(line);
    CHECK(problem_of(line).number == code::parse_error);
    CHECK(problem_of(line).id.is_null());
    CHECK(read_envelope(line).id.is_null());
    CHECK(read_envelope(line).method.empty());
  }
}

TEST_CASE("A number too large for any machine is no JSON of ours") {
  CHECK(problem_of(R"({"jsonrpc":"2.0","id":1e999,"method":"m"})").number == code::parse_error);
  CHECK(problem_of(request_with("{\"a\":-1e999}")).number == code::parse_error);
  CHECK(read_envelope(request_with("{\"a\":-1e999}")).id.is_null());
  CHECK(request_of(request_with("{\"a\":123456789012345678901234567890}")).params["a"].is_number_float());
}

TEST_CASE("JSON that is no object is an invalid request") {
  for (const auto* line : {"1", "null", "true", "\"x\"", "[]", R"([{"jsonrpc":"2.0","id":1,"method":"m"}])"}) {
    CAPTURE(line);
    CHECK(problem_of(line).number == code::invalid_request);
    CHECK(problem_of(line).id.is_null());
    CHECK(read_envelope(line).id.is_null());
    CHECK(read_envelope(line).method.empty());
  }
  CHECK_THAT(problem_of("[]").message, Catch::Matchers::Contains("batch"));
}

TEST_CASE("A message that breaks a rule is answered under its id") {
  CHECK(problem_of(R"({"jsonrpc":"2.0","id":7})").number == code::invalid_request);
  CHECK(problem_of(R"({"id":7,"method":"m"})").number == code::invalid_request);
  CHECK(problem_of(R"({"jsonrpc":"1.0","id":7,"method":"m"})").number == code::invalid_request);
  CHECK(problem_of(R"({"jsonrpc":2.0,"id":7,"method":"m"})").number == code::invalid_request);
  CHECK(problem_of(R"({"jsonrpc":"2.0","id":7,"method":5})").number == code::invalid_request);
  CHECK(problem_of(request_with("[1]")).number == code::invalid_params);
  CHECK(problem_of(request_with("\"x\"")).number == code::invalid_params);
  for (const auto& line : {std::string{R"({"jsonrpc":"2.0","id":7})"}, std::string{R"({"id":7,"method":"m"})"},
                           std::string{R"({"jsonrpc":"2.0","id":7,"method":null})"}, request_with("[]")})
    CHECK(problem_of(line).id == 7);
  CHECK(problem_of("{}").id.is_null());
}

TEST_CASE("Nesting is bounded, and a message over the bound is answered under its id") {
  CHECK(request_of(request_with("{\"a\":" + nested(200) + "}")).id == 7);
  for (const int depth : {300, 100000}) {
    const auto line = request_with("{\"a\":" + nested(depth) + "}");
    CHECK(problem_of(line).number == code::invalid_request);
    CHECK(problem_of(line).id == 7);
    CHECK(read_envelope(line).id == 7);
    CHECK(read_envelope(line).method == "m");
  }
  CHECK(problem_of(nested(100000)).id.is_null());
  CHECK(problem_of(std::string(100000, '[')).id.is_null());
}

TEST_CASE("The envelope is read from the outermost object alone, wherever its members are") {
  const auto found =
      read_envelope(R"({"params":{"id":1,"method":"inner","a":[{"id":2}]},"method":"m","id":"x","result":{"id":3}})");
  CHECK(found.id == "x");
  CHECK(found.method == "m");
  CHECK(read_envelope(R"({"id":{"id":1},"method":{"method":"m"}})").id.is_null());
  CHECK(read_envelope(R"({"id":{"id":1},"method":["m"]})").method.empty());
}

TEST_CASE("Of members given twice, envelope and message take the same") {
  const auto both = R"({"jsonrpc":"2.0","id":1,"method":"a","id":2,"method":"b"})";
  CHECK(request_of(both).id == 2);
  CHECK(request_of(both).method == "b");
  CHECK(read_envelope(both).id == 2);
  CHECK(read_envelope(both).method == "b");
  for (const auto* later : {"null", "true", "[3]", "{}"}) {
    CAPTURE(later);
    const auto id = std::string{R"({"jsonrpc":"2.0","id":1,"method":"a","id":)"} + later + "}";
    CHECK(problem_of(id).id.is_null());
    CHECK(read_envelope(id).id.is_null());
    const auto method = std::string{R"({"jsonrpc":"2.0","id":1,"method":"a","method":)"} + later + "}";
    CHECK(problem_of(method).number == code::invalid_request);
    CHECK(read_envelope(method).method.empty());
  }
}

TEST_CASE("Answers are one line of JSON-RPC, valid UTF-8 whatever is in them") {
  CHECK(result_line(7, ordered_json{{"b", 1}, {"a", 2}}) == R"({"jsonrpc":"2.0","id":7,"result":{"b":1,"a":2}})");
  CHECK(error_line("x", code::method_not_found, "no\nsuch") ==
        R"({"jsonrpc":"2.0","id":"x","error":{"code":-32601,"message":"no\nsuch"}})");
  CHECK(error_line(nullptr, code::parse_error, "e") ==
        R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"e"}})");
  CHECK(notification_line("n", ordered_json{{"a", 1}}) == R"({"jsonrpc":"2.0","method":"n","params":{"a":1}})");
  CHECK(nlohmann::json::accept(error_line(1, code::internal_error, "\xff\xed\xa0\x80")));
}

TEST_CASE("half a surrogate pair in a text is U+FFFD, and the message is read") {
  const auto read = parse(R"({"jsonrpc":"2.0","id":7,"method":"m","params":{"t":"cut \ud83d here"}})");
  const auto* asked = std::get_if<request>(&read);
  REQUIRE(asked != nullptr);
  CHECK(asked->params["t"] == "cut \xef\xbf\xbd here");
  CHECK(read_envelope(R"({"id":7,"method":"\udc00"})").id == 7);
}

TEST_CASE("a whole surrogate pair and an escaped backslash before a u stay what they are when a line is repaired") {
  const auto read = parse("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"a\":\"\\ud83d\\ude00\","
                          "\"b\":\"\\\\ud83d\",\"c\":\"\xff\"}}");
  const auto* asked = std::get_if<request>(&read);
  REQUIRE(asked != nullptr);
  CHECK(asked->params["a"] == "\xf0\x9f\x98\x80");
  CHECK(asked->params["b"] == "\\ud83d");
  CHECK(asked->params["c"] == "\xef\xbf\xbd");
}

TEST_CASE("a batch is taken apart as it stands, and nothing else is") {
  const std::vector<std::pair<std::string, std::vector<std::string>>> lines{
      {R"([{"id":1},{"id":2}])", {R"({"id":1})", R"({"id":2})"}},
      {R"( [ {"a":[1,2],"b":"],[\"\\"} , 3 ] )", {R"( {"a":[1,2],"b":"],[\"\\"} )", " 3 "}},
      {"[]", {}},
      {"[ ]", {}},
      {R"([{"id":1})", {}},
      {R"([{"id":1}] x)", {}},
      {R"(["])", {}},
      {R"({"id":1})", {}},
      {"", {}},
      {"[1,,2]", {"1", "2"}},
  };
  for (const auto& [line, expected] : lines) {
    const auto parts = batch_parts(line);
    CHECK(std::vector<std::string>(parts.begin(), parts.end()) == expected);
  }
  CHECK(batch_parts(nested(1'000'000)).size() == 1);
}
