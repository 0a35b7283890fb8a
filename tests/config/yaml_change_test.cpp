#include "config/yaml_edit.hpp"

#include <catch2/catch.hpp>

#include "config/yaml_write.hpp"

using namespace agent_dispatch::yaml;

namespace {

struct edit {
  const char* name;
  std::string before;
  std::string after;
};

const std::vector<member_change> new_timeout{{"timeout", make_plain("9")}};
const std::vector<member_change> no_model{{"model", nullptr}};
const std::vector<member_change> new_tools{{"tools", make_list({"A", "B c"})}};

void check_changes(const std::vector<member_change>& changes, const std::vector<edit>& edits) {
  for (const auto& [name, before, after] : edits) {
    INFO(name);
    const auto edited = change_member(before, "agents", "a", changes);
    REQUIRE(edited);
    CHECK(edited->text == after);
    CHECK(edited->lost == comment_loss::none);
  }
}

/// The value of a member after a change; null when it is not there.
node_ptr member_of(const std::string& text, std::string_view name) {
  const auto tree = parse(text);
  REQUIRE(tree);
  const auto* found = (*tree)->find("agents") == nullptr ? nullptr : (*tree)->find("agents")->find(name);
  return found == nullptr ? nullptr : std::make_shared<const node>(*found);
}

} // namespace

TEST_CASE("A value is changed where it stands, and everything else stays as it was") {
  check_changes(
      new_timeout,
      {
          {"a block", "# top\nagents:\n  # first\n  a: # here\n    timeout: 5 # s\n    x: 1\n  b: {}\n",
           "# top\nagents:\n  # first\n  a: # here\n    timeout: 9 # s\n    x: 1\n  b: {}\n"},
          {"without a line end", "agents:\n  a:\n    timeout: 5", "agents:\n  a:\n    timeout: 9"},
          {"in quotes", "agents:\n  a:\n    timeout: '5'   # s\n", "agents:\n  a:\n    timeout: 9   # s\n"},
          {"a key in quotes", "agents:\n  'a':\n    \"timeout\": 5\n", "agents:\n  'a':\n    \"timeout\": 9\n"},
          {"Windows line ends", "agents:\r\n  a:\r\n    timeout: 5\r\n    x: 1\r\n",
           "agents:\r\n  a:\r\n    timeout: 9\r\n    x: 1\r\n"},
          {"a tab before a comment", "agents:\n  a:\n    timeout: 5\t# s\ti\n",
           "agents:\n  a:\n    timeout: 9\t# s\ti\n"},
          {"a byte order mark",
           "\xef\xbb\xbf"
           "agents:\n  a:\n    timeout: 5\n",
           "\xef\xbb\xbf"
           "agents:\n  a:\n    timeout: 9\n"},
          {"document marks", "%YAML 1.1\n---\nagents:\n  a:\n    timeout: 5\n...\n",
           "%YAML 1.1\n---\nagents:\n  a:\n    timeout: 9\n...\n"},
          {"an anchored entry", "agents:\n  a: &a\n    timeout: 5\n  b:\n    <<: *a\n    timeout: 1\n",
           "agents:\n  a: &a\n    timeout: 9\n  b:\n    <<: *a\n    timeout: 1\n"},
          {"over a merged one", "base: &b {timeout: 5}\nagents:\n  a:\n    <<: *b\n    x: 1\n",
           "base: &b {timeout: 5}\nagents:\n  a:\n    <<: *b\n    x: 1\n    timeout: 9\n"},
          {"the last of two", "agents:\n  a:\n    timeout: 5\n    timeout: 6\n",
           "agents:\n  a:\n    timeout: 5\n    timeout: 9\n"},
          {"of null", "agents:\n  a:\n    timeout: ~ # none\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9 # none\n    x: 1\n"},
          {"of nothing", "agents:\n  a:\n    timeout:\n    x: 1\n", "agents:\n  a:\n    timeout: 9\n    x: 1\n"},
          {"on the next line", "agents:\n  a:\n    timeout:\n      5\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9\n    x: 1\n"},
          {"a literal", "agents:\n  a:\n    timeout: |+\n      5\n\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9\n\n    x: 1\n"},
          {"a text over two lines", "agents:\n  a:\n    timeout: one\n      two\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9\n    x: 1\n"},
          {"a quoted text over two lines", "agents:\n  a:\n    timeout: 'one\n two'\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9\n    x: 1\n"},
          {"a list", "agents:\n  a:\n    timeout:\n    - 1\n    - 2\n    x: 1\n",
           "agents:\n  a:\n    timeout: 9\n    x: 1\n"},
          {"a flow map", "agents:\n  a: {directory: /a, timeout: 5, x: [1]} # mine\n",
           "agents:\n  a: {directory: /a, timeout: 9, x: [1]} # mine\n"},
          {"the last of a flow map", "agents: {a: {x: '}', timeout: 5}} # mine\n",
           "agents: {a: {x: '}', timeout: 9}} # mine\n"},
          {"JSON", "{\n \"agents\": {\n  \"a\": {\n   \"timeout\": 5,\n   \"x\": 1\n  }\n }\n}\n",
           "{\n \"agents\": {\n  \"a\": {\n   \"timeout\": 9,\n   \"x\": 1\n  }\n }\n}\n"},
      });
}

TEST_CASE("A key that is not there is added at the end of its entry") {
  check_changes(
      new_timeout,
      {
          {"a block", "agents:\n  a:\n    x: 1 # one\n    # y: 2\n\n  # next\n  b: {}\n",
           "agents:\n  a:\n    x: 1 # one\n    # y: 2\n    timeout: 9\n\n  # next\n  b: {}\n"},
          {"the last block", "agents:\n    a:\n        x: 1\n\n# settings\nsettings: {}\n",
           "agents:\n    a:\n        x: 1\n        timeout: 9\n\n# settings\nsettings: {}\n"},
          {"a list that is not indented", "agents:\n  a:\n    x:\n    - 1\n    - 2\n  b: 1\n",
           "agents:\n  a:\n    x:\n    - 1\n    - 2\n    timeout: 9\n  b: 1\n"},
          {"a bracket at the left", "agents:\n  a:\n    x: [\n1\n]\n  b: 1\n",
           "agents:\n  a:\n    x: [\n1\n]\n    timeout: 9\n  b: 1\n"},
          {"an entry of nothing", "agents:\n  a:\n  b: 1\n", "agents:\n  a:\n    timeout: 9\n  b: 1\n"},
          {"an empty entry", "agents:\n  a: {} # mine\n  b: 1\n", "agents:\n  a: # mine\n    timeout: 9\n  b: 1\n"},
          {"a flow map", "agents:\n  a: {x: 1}\n", "agents:\n  a: {x: 1, timeout: 9}\n"},
          {"JSON", "{\"agents\": {\"a\": {\n  \"x\": 1\n}}}\n",
           "{\"agents\": {\"a\": {\n  \"x\": 1,\n  \"timeout\": 9\n}}}\n"},
      });
}

TEST_CASE("A list is written as the one before it") {
  check_changes(
      new_tools,
      {
          {"in brackets", "agents:\n  a:\n    tools: [X] # mine\n", "agents:\n  a:\n    tools: [A, \"B c\"] # mine\n"},
          {"empty", "agents:\n  a:\n    tools: [] # mine\n", "agents:\n  a:\n    tools: [A, \"B c\"] # mine\n"},
          {"on lines", "agents:\n  a:\n    tools:\n      - X\n    x: 1\n",
           "agents:\n  a:\n    tools:\n      - A\n      - \"B c\"\n    x: 1\n"},
          {"on lines that are not indented", "agents:\n  a:\n    tools:\n    - X\n    - Y\n    x: 1\n",
           "agents:\n  a:\n    tools:\n      - A\n      - \"B c\"\n    x: 1\n"},
      });
  const auto with_comment = change_member("agents:\n  a:\n    tools:\n      - X # why\n", "agents", "a", new_tools);
  REQUIRE(with_comment);
  CHECK(with_comment->lost == comment_loss::of_the_entry);
}

TEST_CASE("A key is taken out, and everything else stays as it was") {
  check_changes(
      no_model,
      {
          {"a block", "agents:\n  a:\n    x: 1 # one\n    model: m\n    y: 2\n",
           "agents:\n  a:\n    x: 1 # one\n    y: 2\n"},
          {"not there", "agents:\n  a:\n    x: 1\n", "agents:\n  a:\n    x: 1\n"},
          {"the only one", "agents:\n  a:\n    model: m\n  b: 1\n", "agents:\n  a: {}\n  b: 1\n"},
          {"the only one, with comments", "agents:\n  a: # one\n    model: m\n  b: 1\n",
           "agents:\n  a: {} # one\n  b: 1\n"},
          {"two of them", "agents:\n  a:\n    model: m\n    x: 1\n    model: n\n", "agents:\n  a:\n    x: 1\n"},
          {"a literal", "agents:\n  a:\n    model: |\n      m\n      # no comment\n\n    x: 1\n",
           "agents:\n  a:\n    x: 1\n"},
          {"a list", "agents:\n  a:\n    x: 1\n    model:\n    - 1\n  b: 1\n", "agents:\n  a:\n    x: 1\n  b: 1\n"},
          {"one that a merge brings in", "base: &b {model: m}\nagents:\n  a:\n    <<: *b\n    x: 1\n",
           "base: &b {model: m}\nagents:\n  a:\n    <<: *b\n    x: 1\n    model: null\n"},
          {"a flow map", "agents: {a: {model: m, x: 1}}\n", "agents: {a: {x: 1}}\n"},
          {"the last of a flow map", "agents: {a: {x: 1, model: m}}\n", "agents: {a: {x: 1}}\n"},
          {"the only one of a flow map", "agents: {a: {model: m}}\n", "agents: {a: {}}\n"},
          {"JSON", "{\"agents\": {\"a\": {\n  \"x\": 1,\n  \"model\": \"m\",\n  \"y\": 2\n}}}\n",
           "{\"agents\": {\"a\": {\n  \"x\": 1,\n  \"y\": 2\n}}}\n"},
          {"the last of JSON", "{\"agents\": {\"a\": {\n  \"x\": 1,\n  \"model\": \"m\"\n}}}\n",
           "{\"agents\": {\"a\": {\n  \"x\": 1\n}}}\n"},
      });
}

TEST_CASE("A member is removed, and everything else stays as it was") {
  const std::vector<edit> removals{
      {"the first", "# top\nagents:\n  # one\n  a:\n    x: 1 # x\n    # y: 2\n\n  # two\n  b: 1\n",
       "# top\nagents:\n  # one\n\n  # two\n  b: 1\n"},
      {"the first without comments", "agents:\n  a:\n    x: 1\n\n  b: 1\n", "agents:\n  b: 1\n"},
      {"one in between", "agents:\n  z: 1\n\n  a:\n    x: 1\n\n  b: 1\n", "agents:\n  z: 1\n\n  b: 1\n"},
      {"the last", "agents:\n  z: 1\n  a:\n    x: 1\n\n# rest\nsettings: {}\n",
       "agents:\n  z: 1\n\n# rest\nsettings: {}\n"},
      {"the last without a line end", "agents:\n  z: 1\n  a:\n    x: 1", "agents:\n  z: 1\n"},
      {"the only one", "agents: # mine\n  a:\n    x: 1\nsettings: {}\n", "agents: {} # mine\nsettings: {}\n"},
      {"the only one of all", "agents:\n  a:\n    x: 1\n", "agents: {}\n"},
      {"after a literal that keeps its blank lines", "agents:\n  z: |+\n    t\n\n  a: 1\n\n  b: 1\n",
       "agents:\n  z: |+\n    t\n\n  b: 1\n"},
      {"Windows line ends", "agents:\r\n  a:\r\n    x: 1\r\n  b: 1\r\n", "agents:\r\n  b: 1\r\n"},
      {"with a bracket at the left", "agents:\n  a:\n    x: [\n1\n]\n    y: 1\n  b: 1\n", "agents:\n  b: 1\n"},
      {"two of them", "agents:\n  a: 1\n  b: 1\n  a: 2\n", "agents:\n  b: 1\n"},
      {"an alias", "base: &b {x: 1}\nagents:\n  a: *b\n  b: 1\n", "base: &b {x: 1}\nagents:\n  b: 1\n"},
      {"beside a merge", "base: &b {y: 1}\nagents:\n  <<: *b\n  a: 1\n", "base: &b {y: 1}\nagents:\n  <<: *b\n"},
      {"a flow map", "agents: {a: {x: 1}, b: 2} # mine\n", "agents: {b: 2} # mine\n"},
      {"the last of a flow map over lines", "agents: {\n  b: 2, # }\n  a: {x: 1}\n  # last\n}\n",
       "agents: {\n  b: 2 # }\n  \n  # last\n}\n"},
      {"JSON", "{\n \"agents\": {\n  \"a\": {\n   \"x\": 1\n  },\n  \"b\": {}\n }\n}\n",
       "{\n \"agents\": {\n  \"b\": {}\n }\n}\n"},
  };
  for (const auto& [name, before, after] : removals) {
    INFO(name);
    const auto edited = remove_member(before, "agents", "a");
    REQUIRE(edited);
    CHECK(edited->text == after);
    CHECK(edited->lost == comment_loss::none);
  }
}

TEST_CASE("A change of an alias writes that entry out, and leaves what it named as it was") {
  const auto edited =
      change_member("base: &b {x: 1} # mine\nagents:\n  a: *b\n  b: 1 # too\n", "agents", "a", new_timeout);
  REQUIRE(edited);
  CHECK(edited->text == "base: &b {x: 1} # mine\nagents:\n  a:\n    x: 1\n    timeout: 9\n  b: 1 # too\n");
  CHECK(edited->lost == comment_loss::of_the_entry);
}

TEST_CASE("A change of what others refer to does not change them") {
  const auto edited = change_member("agents:\n  a: &a\n    x: 1\n  b: *a\n", "agents", "a", new_timeout);
  REQUIRE(edited);
  CHECK(edited->lost == comment_loss::all);
  CHECK(member_of(edited->text, "a")->find("timeout") != nullptr);
  CHECK(member_of(edited->text, "b")->find("timeout") == nullptr);
  CHECK(member_of(edited->text, "b")->find("x") != nullptr);

  const auto removed = remove_member("agents:\n  a: &a\n    x: 1\n  b: *a\n", "agents", "a");
  REQUIRE(removed);
  CHECK(removed->lost == comment_loss::all);
  CHECK(member_of(removed->text, "a") == nullptr);
  CHECK(member_of(removed->text, "b")->find("x") != nullptr);
}

TEST_CASE("A member that only a merge brings in can be changed and removed") {
  const std::string text = "base: &b\n  a: {x: 1}\n  c: {}\nagents:\n  <<: *b # gone\n  d: {}\n";
  const auto edited = change_member(text, "agents", "a", new_timeout);
  REQUIRE(edited);
  CHECK(member_of(edited->text, "a")->find("x") != nullptr);
  CHECK(member_of(edited->text, "a")->find("timeout") != nullptr);
  const auto removed = remove_member(text, "agents", "a");
  REQUIRE(removed);
  CHECK(removed->lost == comment_loss::all);
  CHECK(member_of(removed->text, "a") == nullptr);
  CHECK(member_of(removed->text, "c") != nullptr);
}

TEST_CASE("A text that has an odd layout keeps all its values") {
  for (const std::string text : {"? agents\n: a:\n    timeout: 5\n    model: m\n  b: 1\n? x\n: 1\n",
                                 "agents:\n  ? a\n  : timeout: 5\n    model: m\n  b: 1\nx: 1\n",
                                 "agents: {a: {\"timeout\":5,\"model\":m}, b: 1}\nx: 1\n",
                                 "agents:\n  a: !!map\n    timeout: !!int 5\n    model: m\n  b: 1\nx: 1\n",
                                 "agents:\n  a:\n    {timeout: 5, model: m}\n  b: 1\nx: 1\n",
                                 "agents: &s\n  a: &t\n    timeout: &u 5\n    model: m\n  b: 1\nx: 1\n"}) {
    INFO(text);
    const auto tree = parse(text);
    REQUIRE(tree);
    const auto edited = change_member(text, "agents", "a", {{"timeout", make_plain("9")}, {"model", nullptr}});
    REQUIRE(edited);
    CHECK(member_of(edited->text, "a")->find("timeout")->text == "9");
    CHECK(member_of(edited->text, "a")->find("model") == nullptr);
    CHECK(same_value(*member_of(edited->text, "b"), *(*tree)->find("agents")->find("b")));
    CHECK((*parse(edited->text))->find("x")->text == "1");
    const auto removed = remove_member(text, "agents", "a");
    REQUIRE(removed);
    CHECK(member_of(removed->text, "a") == nullptr);
    CHECK(member_of(removed->text, "b") != nullptr);
    CHECK((*parse(removed->text))->find("x")->text == "1");
  }
}

TEST_CASE("Several changes are made at once") {
  const auto edited =
      change_member("agents:\n  a:\n    directory: /a # here\n    model: m\n    timeout: 5 # s\n", "agents", "a",
                    {{"timeout", make_plain("9")}, {"model", nullptr}, {"tools", make_list({})}});
  REQUIRE(edited);
  CHECK(edited->text == "agents:\n  a:\n    directory: /a # here\n    timeout: 9 # s\n    tools: []\n");
}

TEST_CASE("A member that is not there is not changed") {
  CHECK_FALSE(change_member("agents: {}\n", "agents", "a", new_timeout));
  CHECK_FALSE(change_member("agents: [\n", "agents", "a", new_timeout));
  CHECK(change_member("x: 1\nagents: [a]\n", "agents", "a", new_timeout).error().line == 2);
  CHECK_FALSE(change_member("---\nagents: {a: {}}\n---\nx: 1\n", "agents", "a", new_timeout));
}
