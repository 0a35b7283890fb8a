#include <catch2/catch.hpp>

#include <string>

#include "actors/logic/parsed_reply.hpp"

using namespace agent_dispatch;
using nlohmann::json;

TEST_CASE("a reply that is one JSON value is taken, of any kind but null") {
  CHECK(parse_reply(" {\"a\": [1, 2]}\n") == json{{"a", {1, 2}}});
  CHECK(parse_reply("[]") == json::array());
  CHECK(parse_reply("\"word\"") == json("word"));
  CHECK(parse_reply("3.5") == json(3.5));
  CHECK(parse_reply("false") == json(false));
  CHECK_FALSE(parse_reply("null"));
}

TEST_CASE("a reply that is one code fence is taken from it") {
  CHECK(parse_reply("```json\n{\"a\": 1}\n```") == json{{"a", 1}});
  CHECK(parse_reply("\n```\n[1]\n```\n") == json{1});
  CHECK(parse_reply("```{\"a\": 1}```") == json{{"a", 1}});
  CHECK(parse_reply("```JSON\r\n{\"a\": \"``` inside\"}\r\n```") == json{{"a", "``` inside"}});
  CHECK(parse_reply("```\n{\n\"a\": 1}```") == json{{"a", 1}});
  CHECK(parse_reply("```{\n\"a\": 1}\n```") == json{{"a", 1}});
}

TEST_CASE("anything else is no JSON reply") {
  for (const char* reply :
       {"", " ", "The answer is {\"a\": 1}", "{\"a\": 1} {\"b\": 2}", "{\"a\": 1", "NaN", "```", "``````",
        "```json\n```", "Here:\n```json\n{}\n```", "```json\n{}\n```\nbye", "{'a': 1}", "[1,]", "{\"a\": 1e999}"}) {
    INFO(reply);
    CHECK_FALSE(parse_reply(reply));
  }
}

TEST_CASE("a reply that nests without end is refused, one that nests deep is taken") {
  const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  CHECK(parse_reply(nested(256)));
  CHECK_FALSE(parse_reply(nested(257)));
  CHECK_FALSE(parse_reply(nested(2'000'000)));
  CHECK_FALSE(parse_reply(std::string(2'000'000, '[')));
}
