#include "frontends/cli/completion/candidates.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "frontends/cli/completion/scripts.hpp"

using namespace agent_dispatch::completion;

namespace {

using words = std::vector<std::string>;

/// Commands of each shape.
class shell {
public:
  shell() {
    app_.fallthrough();
    app_.add_flag("--embedded", flag_, "Private");
    app_.add_flag("--secret", flag_)->group("");
    auto& dispatch = *app_.add_subcommand("dispatch", "Give a task");
    dispatch.add_option("agent", text_);
    dispatch.add_option("task", text_);
    dispatch.add_option("--context,-c", text_, "Facts");
    dispatch.add_option("--format", text_)->check(CLI::IsMember({"text", "json"}));
    dispatch.add_option("--group", text_);
    auto& add = *app_.add_subcommand("add");
    add.add_option("name", text_);
    add.add_option("directory", text_);
    app_.add_subcommand("describe")->add_option("name", text_);
    app_.add_subcommand("wait")->add_option("jobs", texts_);
    app_.add_subcommand("job")->add_option("id", text_);
    app_.add_subcommand("dialogue")->add_option("requester", text_);
    app_.add_subcommand("internal")->group("");
    auto& group = *app_.add_subcommand("group", "Groups");
    auto& group_add = *group.add_subcommand("add");
    group_add.add_option("name", text_);
    group_add.add_option("--member", texts_)->allow_extra_args(false);
    group_add.add_option("--agent", texts_);
    group.add_subcommand("inspect")->add_option("name", text_);
  }

  expected_word expect(const words& typed) const { return expect_word(app_, typed); }
  word_source source(const words& typed) const { return expect(typed).source; }
  words offered(const words& typed) const {
    words all;
    for (const auto& candidate : expect(typed).candidates)
      all.push_back(candidate.word);
    return all;
  }

private:
  CLI::App app_;
  bool flag_ = false;
  std::string text_;
  words texts_;
};

} // namespace

TEST_CASE("The first word is a command, with its help; hidden ones are not told") {
  const auto expected = shell{}.expect({"di"});
  CHECK(expected.source == word_source::these);
  CHECK(expected.typed == "di");
  CHECK(expected.candidates.front() == candidate{"dispatch", "Give a task"});
  CHECK(shell{}.offered({""}) == words{"dispatch", "add", "describe", "wait", "job", "dialogue", "group"});
}

TEST_CASE("A command may have commands of its own") {
  CHECK(shell{}.offered({"group", ""}) == words{"add", "inspect"});
}

TEST_CASE("Arguments are known by their names") {
  const shell shell;
  CHECK(shell.source({"dispatch", ""}) == word_source::agents);
  CHECK(shell.source({"describe", "x"}) == word_source::agents);
  CHECK(shell.source({"dialogue", ""}) == word_source::agents);
  CHECK(shell.source({"group", "inspect", ""}) == word_source::groups);
  CHECK(shell.source({"job", ""}) == word_source::jobs);
  CHECK(shell.source({"add", "x", ""}) == word_source::directories);
}

TEST_CASE("Nothing is offered for a new name, for free text, and behind the last argument") {
  const shell shell;
  CHECK(shell.source({"add", ""}) == word_source::nowhere);
  CHECK(shell.source({"group", "add", ""}) == word_source::nowhere);
  CHECK(shell.source({"dispatch", "a", ""}) == word_source::nowhere);
  CHECK(shell.source({"dispatch", "a", "b", ""}) == word_source::nowhere);
  CHECK(shell.source({"nonsense", ""}) == word_source::nowhere);
  CHECK(shell.source({}) == word_source::nowhere);
}

TEST_CASE("An argument that takes many is offered again and again") {
  CHECK(shell{}.source({"wait", "a", "b", ""}) == word_source::jobs);
}

TEST_CASE("Options are those of the command and of the program, hidden ones left out") {
  CHECK(shell{}.offered({"dispatch", "-"}) ==
        words{"--help", "-h", "--context", "-c", "--format", "--group", "--embedded"});
  CHECK(shell{}.offered({"--e"}) == words{"--help", "-h", "--embedded"});
}

TEST_CASE("Options and their values are no arguments") {
  const shell shell;
  CHECK(shell.source({"dispatch", "--context", "x", ""}) == word_source::agents);
  CHECK(shell.source({"dispatch", "-c", "x", ""}) == word_source::agents);
  CHECK(shell.source({"dispatch", "--context=x", ""}) == word_source::agents);
  CHECK(shell.source({"dispatch", "--embedded", ""}) == word_source::agents);
  CHECK(shell.source({"--embedded", "dispatch", ""}) == word_source::agents);
  CHECK(shell.source({"dispatch", "--unknown", ""}) == word_source::agents);
}

TEST_CASE("The value of an option is completed as it says") {
  const shell shell;
  CHECK(shell.offered({"dispatch", "--format", ""}) == words{"text", "json"});
  CHECK(shell.source({"dispatch", "--context", ""}) == word_source::nowhere);
  CHECK(shell.source({"dispatch", "--group", ""}) == word_source::groups);
  CHECK(shell.source({"group", "add", "x", "--member", ""}) == word_source::agents);
  CHECK(shell.source({"group", "add", "x", "--member", "a", ""}) == word_source::nowhere);
  CHECK(shell.source({"group", "add", "x", "--agent", "a", ""}) == word_source::agents);
}

TEST_CASE("A value may be joined to its option") {
  const auto whole = shell{}.expect({"dispatch", "--format=j"});
  CHECK(whole.typed == "j");
  CHECK(whole.before == "--format=");
  CHECK(whole.candidates.size() == 2);
  CHECK(shell{}.source({"dispatch", "--unknown=j"}) == word_source::nowhere);
}

TEST_CASE("A shell may part words at `=`") {
  const shell shell;
  CHECK(shell.expect({"dispatch", "--format", "="}).typed.empty());
  CHECK(shell.offered({"dispatch", "--format", "="}) == words{"text", "json"});
  CHECK(shell.expect({"dispatch", "--format", "=", "j"}).typed == "j");
  CHECK(shell.offered({"dispatch", "--format", "=", "j"}) == words{"text", "json"});
  CHECK(shell.source({"dispatch", "--format", "=", "json", ""}) == word_source::agents);
}

TEST_CASE("Behind `--` nothing is an option") {
  const shell shell;
  CHECK(shell.source({"dispatch", "--", ""}) == word_source::agents);
  CHECK(shell.source({"dispatch", "--", "-"}) == word_source::agents);
  CHECK(shell.source({"dispatch", "--", "--context", ""}) == word_source::nowhere);
}

TEST_CASE("There is a script for three shells") {
  for (const auto* name : {"bash", "zsh", "fish"}) {
    REQUIRE(script_for(name));
    CHECK(script_for(name)->find(hidden_command) != std::string_view::npos);
    CHECK(script_for(name)->find(directories_line) != std::string_view::npos);
  }
  CHECK_FALSE(script_for("tcsh"));
}
