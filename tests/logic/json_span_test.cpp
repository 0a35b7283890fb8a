#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "actors/logic/json_span.hpp"

using namespace agent_dispatch;

namespace {

std::vector<std::string> walk(std::string_view text, bool& broken) {
  const auto value = json_span::whole(text);
  REQUIRE(value);
  std::vector<std::string> found;
  json_cursor cursor{*value};
  while (cursor.next())
    found.push_back(std::string{cursor.key()} + "=" + std::string{cursor.value().raw()});
  broken = cursor.broken();
  return found;
}

std::string decoded(std::string_view escaped) { return decode_json_string(escaped); }

} // namespace

TEST_CASE("a whole value is found, with its kind") {
  const auto kind = [](std::string_view text) {
    const auto value = json_span::whole(text);
    REQUIRE(value);
    return value->kind();
  };
  CHECK(kind(" {} ") == json_kind::object);
  CHECK(kind("[1]") == json_kind::array);
  CHECK(kind("\"a\"") == json_kind::string);
  CHECK(kind("-1.5e3") == json_kind::number);
  CHECK(kind("true") == json_kind::boolean);
  CHECK(kind("null") == json_kind::null);
}

TEST_CASE("what is no value, or more than one, is not found") {
  for (const char* text : {"",          " ",  "{",  "}",  "[1", "\"a", "\"a\\\"", "{} {}", "1 2", "nul",   "NaN",
                           "-Infinity", "01", "1.", ".5", "+1", "1e",  "-",       "hello", "{}x", "\"a\"b"}) {
    INFO(text);
    CHECK_FALSE(json_span::whole(text));
  }
}

TEST_CASE("members come in the order of the text, with nested values whole") {
  bool broken = true;
  CHECK(walk(R"({ "a" : 1 , "b":{"x":[1,"}"]},"c":"\\" , "\u0064":[]})", broken) ==
        std::vector<std::string>{"a=1", "b={\"x\":[1,\"}\"]}", "c=\"\\\\\"", "d=[]"});
  CHECK_FALSE(broken);
}

TEST_CASE("elements come in the order of the text") {
  bool broken = true;
  CHECK(walk("[1, [2,3] ,\"]\",null]", broken) == std::vector<std::string>{"=1", "=[2,3]", "=\"]\"", "=null"});
  CHECK_FALSE(broken);
  CHECK(walk("[]", broken).empty());
  CHECK_FALSE(broken);
  CHECK(walk("{ }", broken).empty());
  CHECK_FALSE(broken);
}

TEST_CASE("a walk stops where the text is not JSON and says so") {
  for (const char* text : {"{\"a\":1,}", "{\"a\" 1}", "{a:1}", "{\"a\":1 \"b\":2}", "[1,]", "[1 2]", "[1 23]", "[,1]",
                           "{\"a\":}", "{,}", "[nope]", "{1:2}", "[}", "{]"}) {
    INFO(text);
    bool broken = false;
    walk(text, broken);
    CHECK(broken);
  }
}

TEST_CASE("strings are decoded") {
  CHECK(decoded("plain") == "plain");
  CHECK(decoded(R"(\"\\\/\b\f\n\r\t)") == "\"\\/\b\f\n\r\t");
  CHECK(decoded(R"(\u0041\u00e9\u20AC)") == "A\xc3\xa9\xe2\x82\xac");
  CHECK(decoded(R"(\ud83d\ude00)") == "\xf0\x9f\x98\x80");
  CHECK(decoded(R"(\u0000)") == std::string(1, '\0'));
}

TEST_CASE("what no string can hold becomes U+FFFD, what is cut off nothing") {
  CHECK(decoded(R"(a\ud83db)") == "a\xef\xbf\xbd"
                                  "b");
  CHECK(decoded(R"(\ude00)") == "\xef\xbf\xbd");
  CHECK(decoded(R"(\ud83d\ud83d\ude00)") == "\xef\xbf\xbd\xf0\x9f\x98\x80");
  CHECK(decoded(R"(\ud83d\n)") == "\xef\xbf\xbd\n");
  CHECK(decoded("a\xff"
                "b") == "a\xef\xbf\xbd"
                        "b");
  CHECK(decoded(R"(\uzzzz)") == "\xef\xbf\xbdzzzz");
  CHECK(decoded(R"(\q)") == "q");
  CHECK(decoded("a\\") == "a");
  CHECK(decoded(R"(\u00)") == "\xef\xbf\xbd"
                              "00");
  CHECK(decoded(R"(\ud83d\u)") == "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST_CASE("numbers beyond a double, and other kinds, are no number") {
  const auto number = [](std::string_view text) { return json_span::whole(text)->number(); };
  CHECK(number("2.5") == 2.5);
  CHECK(number("-0") == 0);
  CHECK_FALSE(number("1e999"));
  CHECK_FALSE(number("\"1\""));
  CHECK_FALSE(number("true"));
}

TEST_CASE("nesting is skipped without recursion, however deep") {
  const std::string bomb = std::string(5'000'000, '[') + std::string(5'000'000, ']');
  const auto value = json_span::whole(bomb);
  REQUIRE(value);
  json_cursor cursor{*value};
  CHECK(cursor.next());
  CHECK(nesting_depth(bomb) == 5'000'000);
  CHECK(nesting_depth(R"({"a":[{"b":"[[[["}]})") == 3);
}
