#include "config/yaml_edit.hpp"

#include <catch2/catch.hpp>

#include "config/yaml_write.hpp"

using namespace agent_dispatch::yaml;

namespace {

node_ptr directory(std::string_view path) {
  auto map = std::make_shared<node>();
  append(*map, "directory", make_text(path));
  return map;
}

struct addition {
  const char* name;
  std::string before;
  std::string after;
};

/// The three lines that are added where two spaces are the indentation.
const std::string added = "  new:\n    directory: /n\n";

} // namespace

TEST_CASE("A member is added and everything else stays as it was") {
  const std::vector<addition> additions{
      {"no text", "", "agents:\n" + added},
      {"comments alone", "# mine\n", "# mine\nagents:\n" + added},
      {"no section", "settings:\n  x: 1 # why\n", "settings:\n  x: 1 # why\nagents:\n" + added},
      {"no section and no line end", "settings: {x: 1}", "settings: {x: 1}\nagents:\n" + added},
      {"document marks", "---\nx: 1\n...\n", "---\nx: 1\nagents:\n" + added + "...\n"},
      {"a section of nothing", "agents:\nsettings: 1\n", "agents:\n" + added + "settings: 1\n"},
      {"a section of nothing at the end", "agents:", "agents:\n" + added},
      {"a section of nothing with comments", "agents: # mine\n  # a: {directory: /a}\n\nx: 1\n",
       "agents: # mine\n" + added + "  # a: {directory: /a}\n\nx: 1\n"},
      {"a section of null", "agents: null # mine\nx: 1\n", "agents: # mine\n" + added + "x: 1\n"},
      {"a section of ~", "agents: ~\n", "agents:\n" + added},
      {"an empty map", "agents: {} # mine\nx: 1\n", "agents: # mine\n" + added + "x: 1\n"},
      {"an empty map with spaces", "agents: { }\n", "agents:\n" + added},
      {"a block", "# top\nagents:\n  # first\n  a:\n    directory: /a # here\n\n# the rest\nsettings:\n  x: 1\n",
       "# top\nagents:\n  # first\n  a:\n    directory: /a # here\n" + added + "\n# the rest\nsettings:\n  x: 1\n"},
      {"a block at the end", "x: 1\nagents:\n  a:\n    directory: /a\n",
       "x: 1\nagents:\n  a:\n    directory: /a\n" + added},
      {"a block without a line end", "agents:\n  a:\n    directory: /a", "agents:\n  a:\n    directory: /a\n" + added},
      {"a comment that belongs to the last member", "agents:\n  a:\n    directory: /a\n    # model: x\n\nx: 1\n",
       "agents:\n  a:\n    directory: /a\n    # model: x\n" + added + "\nx: 1\n"},
      {"four spaces", "agents:\n    a:\n        directory: /a\nx: 1\n",
       "agents:\n    a:\n        directory: /a\n    new:\n        directory: /n\nx: 1\n"},
      {"Windows line ends", "agents:\r\n  a:\r\n    directory: /a\r\nx: 1\r\n",
       "agents:\r\n  a:\r\n    directory: /a\r\n  new:\r\n    directory: /n\r\nx: 1\r\n"},
      {"Windows line ends in an empty map", "agents: {}\r\nx: 1\r\n",
       "agents:\r\n  new:\r\n    directory: /n\r\nx: 1\r\n"},
      {"a byte order mark",
       "\xef\xbb\xbf"
       "agents:\n  a: {directory: /a}\n",
       "\xef\xbb\xbf"
       "agents:\n  a: {directory: /a}\n" +
           added},
      {"a byte order mark before an empty map",
       "\xef\xbb\xbf"
       "agents: {}\n",
       "\xef\xbb\xbf"
       "agents:\n" +
           added},
      {"a literal with a key inside",
       "agents:\n  a:\n    description: |\n      settings:\n        x\n\n    directory: /a\nx: 1\n",
       "agents:\n  a:\n    description: |\n      settings:\n        x\n\n    directory: /a\n" + added + "x: 1\n"},
      {"a literal that keeps its blank lines", "agents:\n  a:\n    directory: |+\n      x\n\n\nx: 1\n",
       "agents:\n  a:\n    directory: |+\n      x\n\n\n" + added + "x: 1\n"},
      {"an anchor", "agents: &all\n  a: &a\n    directory: /a\nb: *a\n",
       "agents: &all\n  a: &a\n    directory: /a\n" + added + "b: *a\n"},
      {"a merge", "base: &b {x: 1}\nagents:\n  a:\n    <<: *b\n",
       "base: &b {x: 1}\nagents:\n  a:\n    <<: *b\n" + added},
      {"an indented top level", "  agents:\n    a: 1\n  x: 1\n",
       "  agents:\n    a: 1\n    new:\n      directory: /n\n  x: 1\n"},
      {"a key in quotes", "'agents':\n  a: 1\n", "'agents':\n  a: 1\n" + added},
      {"two sections of that name", "agents:\n  a: 1\nagents:\n  b: 1\n", "agents:\n  a: 1\nagents:\n  b: 1\n" + added},
      {"a flow map", "agents: {a: {directory: /a}} # mine\nx: 1\n",
       "agents: {a: {directory: /a}, new: {directory: /n}} # mine\nx: 1\n"},
      {"a flow map with a comma at its end", "agents: {a: 1,}\n", "agents: {a: 1, new: {directory: /n}}\n"},
      {"a flow map with brackets in texts", "agents: {a: '}', b: \"}\\\"}\", c: it's}\n",
       "agents: {a: '}', b: \"}\\\"}\", c: it's, new: {directory: /n}}\n"},
      {"a flow map with a quote in a text", "agents: {a: {b: 'it''s {'}}\n",
       "agents: {a: {b: 'it''s {'}, new: {directory: /n}}\n"},
      {"a flow map over several lines", "agents: {\n  a: 1, # }\n  b: 2\n  # last\n}\n",
       "agents: {\n  a: 1, # }\n  b: 2,\n  new: {directory: /n}\n  # last\n}\n"},
      {"an empty flow map over two lines", "agents: {\n}\n", "agents: {new: {directory: /n}\n}\n"},
      {"JSON", "{\n  \"agents\": {\n    \"a\": {\"directory\": \"/a\"}\n  },\n  \"x\": 1\n}\n",
       "{\n  \"agents\": {\n    \"a\": {\"directory\": \"/a\"},\n    \"new\": {\"directory\": \"/n\"}\n  },\n  \"x\": "
       "1\n}\n"},
      {"JSON without the section", "{\"x\": 1}\n", "{\"x\": 1, \"agents\": {\"new\": {\"directory\": \"/n\"}}}\n"},
      {"JSON with an empty section", "{\"agents\": {}, \"x\": 1}\n",
       "{\"agents\": {\"new\": {\"directory\": \"/n\"}}, \"x\": 1}\n"},
  };
  for (const auto& [name, before, after] : additions) {
    INFO(name);
    const auto edited = add_member(before, "agents", "new", directory("/n"));
    REQUIRE(edited);
    CHECK(edited->text == after);
    CHECK(edited->lost == comment_loss::none);
  }
}

TEST_CASE("A text without a place for the member is written anew, with all its values") {
  for (const std::string text : {"base: &b\n  a: {directory: /a}\nagents: *b # gone\nx: [1, {y: z}]\n",
                                 "base: &b\n  a: {directory: /a}\nagents:\n  <<: *b\nx: [1, {y: z}]\n",
                                 "{\"agents\": null, \"x\": [1]}\n", "? agents\n: a:\n    directory: /a\n? x\n: 1\n"}) {
    INFO(text);
    const auto edited = add_member(text, "agents", "new", directory("/n"));
    REQUIRE(edited);
    const auto tree = parse(edited->text);
    REQUIRE(tree);
    CHECK((*tree)->find("x") != nullptr);
    CHECK(same_value(*(*tree)->find("x"), *(*parse(text))->find("x")));
    CHECK((*tree)->find("agents")->find("new")->find("directory")->text == "/n");
  }
  CHECK(add_member("a: &b {c: 1}\nagents: *b\n", "agents", "new", directory("/n"))->lost != comment_loss::none);
}

TEST_CASE("A text that cannot be edited is refused") {
  CHECK_FALSE(add_member("agents: [\n", "agents", "new", directory("/n")));
  CHECK(add_member("x: 1\nagents: [a]\n", "agents", "new", directory("/n")).error().line == 2);
  CHECK_FALSE(add_member("- a\n", "agents", "new", directory("/n")));
  CHECK_FALSE(add_member("text\n", "agents", "new", directory("/n")));
}

TEST_CASE("Many members one after the other all stay") {
  std::string text = "# first\nagents: {}\n\n# between\nsettings: {x: 1}\n# last";
  for (int i = 0; i < 50; ++i)
    text = add_member(text, "agents", "a" + std::to_string(i), directory("/" + std::to_string(i)))->text;
  const auto tree = parse(text);
  REQUIRE(tree);
  const auto members = (*tree)->find("agents")->members();
  REQUIRE(members.size() == 50);
  for (std::size_t i = 0; i < 50; ++i)
    CHECK(members[i].key->text == "a" + std::to_string(i));
  CHECK_THAT(text, Catch::Matchers::Contains("/49\n\n# between\nsettings: {x: 1}\n# last"));
}
