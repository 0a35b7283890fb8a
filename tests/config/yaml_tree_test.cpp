#include "config/yaml_tree.hpp"

#include <catch2/catch.hpp>

#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"
#include "messages/json.hpp"

using namespace agent_dispatch::yaml;

namespace {

struct broken {
  const char* name;
  std::string text;
  std::size_t line;
  const char* says;
};

std::string repeated(std::string_view part, std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text.append(part);
  return text;
}

/// Nine aliases of nine aliases of nine …
std::string alias_bomb() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n";
  for (int level = 1; level < 10; ++level) {
    const auto below = "*a" + std::to_string(level - 1);
    const auto name = "a" + std::to_string(level);
    text.append(name)
        .append(": &")
        .append(name)
        .append(" [")
        .append(repeated(below + ", ", 8))
        .append(below)
        .append("]\n");
  }
  return text;
}

node scalar(std::string_view text, bool plain) {
  node value;
  value.kind = node_kind::scalar;
  value.text = text;
  value.plain = plain;
  return value;
}

} // namespace

TEST_CASE("A broken text is refused with its line, what is wrong, and a remedy") {
  const std::vector<broken> texts{
      {"unclosed list", "a: 1\nb: [1, 2\nc: 3\n", 3, "`[` is not closed"},
      {"unclosed map", "a: {b: 1\n", 2, "`{` is not closed"},
      {"stray bracket", "a: 1\nb: ]\n", 2, "closes nothing"},
      {"unclosed quote before a line end", "a: 1\nb: \"x\nc: 3\n", 2, "quoted text is not closed"},
      {"unclosed quote at the end", "a: \"x", 1, "quoted text is not closed"},
      {"unclosed single quote", "a: 'it''s\n", 1, "quoted text is not closed"},
      {"unclosed quote after other characters of many bytes", "\"äöü\": \"x\n", 1, "quoted text is not closed"},
      {"tab as indentation", "a:\n\tb: 1\n", 2, "a tab is used"},
      {"two colons", "a: b: c\n", 1, "no key can be"},
      {"missing colon", "a:\n  b 1\n  c: 2\n", 3, "the line before"},
      {"wrong indentation", "a:\n   b: 1\n  c: 2\n", 3, "does not fit"},
      {"list beside a map", "- a\nb: 1\n", 2, "goes on after its end"},
      {"two documents", "a: 1\n---\nb: 2\n", 2, "second YAML document"},
      {"unknown alias", "a: 1\nb: *x\n", 2, "names nothing"},
      {"alias in itself", "a: &x [*x]\n", 1, "inside the very value"},
      {"merge of a list of texts", "a:\n  <<: [x]\n", 2, "does not name a map"},
      {"reserved character", "a: @x\n", 1, "cannot begin a value"},
      {"unknown tag", "a: 1\nb: !secret x\n", 2, "tag"},
      {"map as key", "a: 1\n? {b: 1}\n: 2\n", 2, "as a key"},
      {"no UTF-8", "a: 1\nb: \xff\n", 2, "not UTF-8"},
      {"overlong UTF-8", "a: \xc0\xaf\n", 1, "not UTF-8"},
      {"surrogate", "a: \xed\xa0\x80\n", 1, "not UTF-8"},
      {"cut UTF-8", "a: \xe2\x82", 1, "not UTF-8"},
      {"UTF-16",
       std::string("\xff\xfe"
                   "a\0:\0",
                   6),
       1, "not UTF-8"},
      {"nul byte", std::string("a: 1\nb: \0\n", 10), 2, "control character"},
      {"end of transmission, which yaml-cpp takes for the end", "a: 1\nb: \x04\nc: [\n", 2, "control character"},
      {"escape", "a: \x1b[31m\n", 1, "control character"},
      {"deep lists", repeated("- ", 100'000), 1, "nested"},
      {"deep brackets", repeated("[", 5'000), 1, ""},
      {"deeper brackets", repeated("[", 4'000'000), 1, "brackets are open"},
      {"deep maps", repeated("{a: ", 3'000), 1, ""},
      {"deep question marks", repeated("? ", 100'000), 1, ""},
      {"deep indentation",
       [] {
         std::string text;
         for (std::size_t i = 0; i < 3000; ++i)
           text.append(i, ' ').append("a:\n");
         return text;
       }(),
       65, "nested"},
      {"too many values", repeated("x: y\n", 300'000), 125'000, "more than 250000 values"},
      {"alias bomb", alias_bomb(), 6, "aliases blow the file up"},
  };
  for (const auto& [name, text, line, says] : texts) {
    INFO(name);
    const auto tree = parse(text);
    REQUIRE_FALSE(tree);
    INFO(tree.error().what);
    CHECK(tree.error().line == line);
    CHECK_THAT(tree.error().what + ". " + tree.error().remedy, Catch::Matchers::Contains(says));
    CHECK_FALSE(tree.error().remedy.empty());
  }
}

TEST_CASE("What is said of a broken text is UTF-8, also of a half of a character") {
  const auto tree = parse("'agents':\n  \"al\\\xef\xbb\xbfha\": x\n");
  REQUIRE_FALSE(tree);
  INFO(tree.error().what);
  CHECK(agent_dispatch::to_valid_utf8(tree.error().what) == tree.error().what);
}

TEST_CASE("A text without values is null") {
  for (const auto* text :
       {"", "\n", "# only a comment\n", "---\n", "~\n", "\xef\xbb\xbf", "\xef\xbb\xbf# with a mark\n"}) {
    INFO(text);
    const auto tree = parse(text);
    REQUIRE(tree);
    CHECK(is_null(**tree));
  }
}

TEST_CASE("A closed quote is seen as closed") {
  for (const auto* text : {"a: \"x\" # it's\n", "a: 'it''s'\n", "a: \"x\\\"\"\n", "a: \"x\n  y\"\n", "a: &m \"x\"\n",
                           "\"ä\": 'ü'", "a: ''\n", "a: \"\\\\\"\n"}) {
    INFO(text);
    CHECK(parse(text));
  }
}

TEST_CASE("The last of equal keys counts, and own keys outrank merged ones") {
  const auto tree =
      parse("base: &b {x: 1, y: 1}\nother: &o {y: 2, z: 2}\na:\n  <<: [*b, *o]\n  x: 3\n  w: 1\n  w: 2\n");
  REQUIRE(tree);
  const auto* a = (*tree)->find("a");
  REQUIRE(a != nullptr);
  CHECK(a->find("x")->text == "3");
  CHECK(a->find("y")->text == "1");
  CHECK(a->find("z")->text == "2");
  CHECK(a->find("w")->text == "2");
  CHECK(a->members().size() == 4);
}

TEST_CASE("Scalars mean what PyYAML takes them for") {
  struct reading {
    const char* text;
    scalar_kind kind;
  };
  const std::vector<reading> readings{
      {"", scalar_kind::null},        {"~", scalar_kind::null},        {"null", scalar_kind::null},
      {"yes", scalar_kind::boolean},  {"Off", scalar_kind::boolean},   {"TRUE", scalar_kind::boolean},
      {"yEs", scalar_kind::text},     {"y", scalar_kind::text},        {"12", scalar_kind::integer},
      {"-1", scalar_kind::integer},   {"1_000", scalar_kind::integer}, {"0x1f", scalar_kind::integer},
      {"1:30", scalar_kind::integer}, {"08", scalar_kind::text},       {"1.5", scalar_kind::real},
      {".inf", scalar_kind::real},    {"-.INF", scalar_kind::real},    {".nan", scalar_kind::real},
      {"1e5", scalar_kind::text},     {"1.2.3", scalar_kind::text},    {"v1.2", scalar_kind::text},
      {"-", scalar_kind::text},       {"a b", scalar_kind::text},      {"/tmp", scalar_kind::text},
  };
  for (const auto& [text, kind] : readings) {
    INFO(text);
    CHECK(kind_of(scalar(text, true)) == kind);
    CHECK(kind_of(scalar(text, false)) == scalar_kind::text);
  }
}

TEST_CASE("Numbers are read in all their forms") {
  CHECK(as_integer(scalar("300.0", true)) == 300);
  CHECK(as_integer(scalar(" 300 ", false)) == 300);
  CHECK(as_integer(scalar("010", true)) == 8);
  CHECK(as_integer(scalar("010", false)) == 10);
  CHECK(as_integer(scalar("08", true)) == 8);
  CHECK(as_integer(scalar("1:30", true)) == 90);
  CHECK_FALSE(as_integer(scalar("300.5", true)));
  CHECK_FALSE(as_integer(scalar("true", true)));
  CHECK_FALSE(as_integer(scalar("1e2", true)));
  CHECK_FALSE(as_integer(scalar("", false)));
  CHECK_FALSE(as_integer(scalar("1:30", false)));
  CHECK(as_integer(scalar("99999999999999999999999", true)) == std::numeric_limits<std::int64_t>::max());
  CHECK(as_real(scalar("1.5", false)) == 1.5);
  CHECK(as_real(scalar("1e-3", true)) == 1e-3);
  CHECK(as_real(scalar("-2", true)) == -2.0);
  for (const auto* text : {".inf", ".nan", "inf", "nan", "yes", "x", "1.5x", "0x1.8p1", ""}) {
    INFO(text);
    CHECK_FALSE(as_real(scalar(text, true)));
    CHECK_FALSE(as_real(scalar(text, false)));
  }
  CHECK(as_boolean(scalar("off", true)) == false);
  CHECK(as_boolean(scalar("1", true)) == true);
  CHECK_FALSE(as_boolean(scalar("2", true)));
}

TEST_CASE("What is written as text is read as the same text") {
  for (const std::string text : {"",
                                 " ",
                                 "a",
                                 "yes",
                                 "null",
                                 "~",
                                 "12",
                                 "1.5",
                                 ".nan",
                                 "-",
                                 "- a",
                                 "# no comment",
                                 "a # b",
                                 "a: b",
                                 "it's",
                                 "\"quoted\"",
                                 "back\\slash",
                                 "two\nlines",
                                 "tab\there",
                                 "\x01\x1b\x7f",
                                 "äöü €",
                                 "\xf0\x9f\x98\x80",
                                 "\xc2\x85",
                                 "\xe2\x80\xa8",
                                 "\xef\xbb\xbf",
                                 "{a}",
                                 "[a]",
                                 "*a",
                                 "&a",
                                 "!a",
                                 "%a",
                                 "@a",
                                 "`a",
                                 "|",
                                 ">",
                                 "?",
                                 "? a",
                                 "<<",
                                 "=",
                                 "a,b",
                                 "/tmp/x y",
                                 "2024-01-01",
                                 "0x1f",
                                 "Null",
                                 "oN",
                                 "n",
                                 "trailing ",
                                 " leading",
                                 "---",
                                 "...",
                                 "a\r\nb"}) {
    INFO(text);
    const auto tree = parse("k: " + write_text(text) + "\n");
    REQUIRE(tree);
    CHECK(as_text(*(*tree)->find("k")) == text);
    const auto key = parse(write_text(text) + ": 1\n");
    REQUIRE(key);
    CHECK((*key)->entries.front().key->text == text);
  }
}

TEST_CASE("What is written as a number is read as the same number") {
  for (const double number : {0.0, 1.0, 0.1, 1.5, 1e-7, 123456789.125, 1e20, 1.0 / 3}) {
    const auto text = write_real(number);
    INFO(text);
    CHECK(text.find('e') == std::string::npos);
    CHECK(as_real(scalar(text, true)) == number);
    CHECK(kind_of(scalar(text, true)) == scalar_kind::real);
  }
}

TEST_CASE("A tree that is written anew is the same tree") {
  const auto tree = parse(
      "a: {b: [1, two, {c: 'yes'}, [], {}], d: ~}\n'odd key: x':\n  - - nested\n    - \"a\\nb\"\n  - k: v\n    l: w\n");
  REQUIRE(tree);
  const auto again = parse(write_block(**tree, 0, 2));
  REQUIRE(again);
  CHECK(same_value(**tree, **again));
  const auto flow = parse(write_flow(**tree, quoting::always));
  REQUIRE(flow);
  CHECK(same_value(**tree, **flow));
}

TEST_CASE("Trees that differ are told apart") {
  const auto tree = [](const char* text) { return *parse(text); };
  CHECK(same_value(*tree("a: 1"), *tree("{a: 1}")));
  CHECK_FALSE(same_value(*tree("a: 1"), *tree("a: '1'")));
  CHECK_FALSE(same_value(*tree("a: 1"), *tree("a: 2")));
  CHECK_FALSE(same_value(*tree("a: 1"), *tree("b: 1")));
  CHECK_FALSE(same_value(*tree("a: [1]"), *tree("a: [1, 1]")));
  CHECK_FALSE(same_value(*tree("a: []"), *tree("a: {}")));
  CHECK_FALSE(same_value(*tree("a: ~"), *tree("a: ''")));
}
