#include "frontends/cli/completion_command.hpp"

#include <algorithm>
#include <memory>
#include <ostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "frontends/cli/completion/names.hpp"
#include "frontends/cli/completion/scripts.hpp"

namespace agent_dispatch {

namespace {

constexpr const char* completion_help = "Print what a shell needs to complete the words of agent-dispatch";
constexpr const char* shell_help = "The shell";

std::vector<completion::candidate> candidates_for(completion::expected_word& expected, const cli_io& io) {
  using completion::word_source;
  switch (expected.source) {
  case word_source::agents:
    return completion::agent_names(io);
  case word_source::groups:
    return completion::group_names(io);
  case word_source::jobs:
    return completion::job_names(io, expected.typed);
  case word_source::these:
    return std::move(expected.candidates);
  case word_source::directories:
  case word_source::nowhere:
    break;
  }
  return {};
}

} // namespace

int run_complete(const CLI::App& app, const std::vector<std::string>& words, cli_io& io) {
  auto expected = completion::expect_word(app, words);
  if (expected.source == completion::word_source::directories)
    io.out << completion::directories_line << '\n';
  for (const auto& [word, description] : candidates_for(expected, io)) {
    // A job that is named already is not waited for twice.
    const bool is_there = std::find(words.begin(), words.end() - 1, word) != words.end() - 1;
    if (word.starts_with(expected.typed) && !is_there)
      io.out << expected.before << word << '\t' << description << '\n';
  }
  return exit_success;
}

void register_completion_command(CLI::App& app, cli_command& chosen) {
  const auto shell = std::make_shared<std::string>();
  auto& command = *app.add_subcommand("completion", completion_help);
  command.add_option("shell", *shell, shell_help)->required()->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command.callback([&chosen, shell] {
    chosen = [shell](cli_io& io) {
      io.out << completion::script_for(*shell).value_or("");
      return exit_success;
    };
  });
}

} // namespace agent_dispatch
