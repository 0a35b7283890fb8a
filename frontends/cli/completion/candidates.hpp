#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

/// What may stand at a place of a command line, read from the declared commands themselves: a new command or option
/// needs nothing here. Pure.
namespace agent_dispatch::completion {

struct candidate {
  std::string word;
  std::string description; ///< one line; "" for none

  bool operator==(const candidate&) const = default;
};

/// Where the words for a place come from.
enum class word_source {
  nowhere,     ///< free text
  these,       ///< `expected_word::candidates`
  agents,      ///< names of the configuration
  groups,      ///< likewise
  jobs,        ///< ids of the records
  directories, ///< the shell knows them
};

struct expected_word {
  word_source source = word_source::nowhere;
  std::vector<candidate> candidates; ///< all of them, whatever has been typed
  std::string typed;                 ///< what of the word is there already
  std::string before;                ///< goes in front of each candidate: `--option=`
};

/// What the last of `words` may become. `words`: those behind the program's name, the last one unfinished, or "".
///
/// An argument is known by its name: `agent`, `requester`, `responder` and `member` are agents, `group` is a group,
/// `id` and `jobs` are jobs, `directory` is a directory; `name` is an agent, below the command `group` a group, and
/// where something is added nothing that is there. Choices are those of its type: `{text,json}`.
expected_word expect_word(const CLI::App& app, const std::vector<std::string>& words);

} // namespace agent_dispatch::completion
