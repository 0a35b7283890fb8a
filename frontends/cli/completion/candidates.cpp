#include "frontends/cli/completion/candidates.hpp"

#include <algorithm>
#include <array>
#include <set>

namespace agent_dispatch::completion {

namespace {

/// The help of `app --help` and its like is no place for these.
bool is_hidden(const std::string& group) { return group.empty(); }

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

bool takes_many(const CLI::Option& option) {
  return option.get_items_expected_max() >= CLI::detail::expected_max_vector_size;
}

std::vector<std::string> flags_of(const CLI::Option& option) {
  std::vector<std::string> flags;
  for (const auto& name : option.get_lnames())
    flags.push_back("--" + name);
  for (const auto& name : option.get_snames())
    flags.push_back("-" + name);
  return flags;
}

/// Of a type that says `{a,b}`.
std::vector<candidate> choices_of(const CLI::Option& option) {
  const auto type = option.get_type_name();
  const auto begin = type.find('{');
  const auto end = type.find('}', begin);
  std::vector<candidate> choices;
  if (end == std::string::npos)
    return choices;
  for (auto& word : CLI::detail::split(type.substr(begin + 1, end - begin - 1), ','))
    choices.push_back({std::move(word), ""});
  return choices;
}

word_source source_by_name(const CLI::App& command, const std::string& name) {
  constexpr std::array agent_names{"agent", "requester", "responder", "member"};
  if (std::ranges::find(agent_names, name) != agent_names.end())
    return word_source::agents;
  if (name == "group")
    return word_source::groups;
  if (name == "id" || name == "jobs" || name == "why")
    return word_source::jobs;
  if (name == "directory")
    return word_source::directories;
  if (name != "name" || command.get_name() == "add")
    return word_source::nowhere;
  const auto* parent = command.get_parent();
  return parent != nullptr && parent->get_name() == "group" ? word_source::groups : word_source::agents;
}

/// One walk along the words that are complete.
class walk {
public:
  explicit walk(const CLI::App& app) : command_{&app} {}

  void take(const std::string& word) {
    if (open_ != nullptr && word == "=") // a shell that parts words there
      return;
    if (!only_arguments_ && word == "--")
      only_arguments_ = true;
    else if (!only_arguments_ && word.size() > 1 && word.front() == '-')
      take_option(word);
    else if (open_ != nullptr)
      open_ = takes_many(*open_) && open_->get_allow_extra_args() ? open_ : nullptr;
    else if (const auto* command = find_command(word); command != nullptr && arguments_ == 0)
      command_ = command;
    else
      ++arguments_;
  }

  expected_word expect(const std::string& word) const {
    const bool is_option = !only_arguments_ && word.starts_with('-');
    if (const auto end = word.find('='); is_option && end != std::string::npos) {
      const auto* option = find_option(word.substr(0, end));
      return option == nullptr ? expected_word{} : value_of(*option, word.substr(end + 1), word.substr(0, end + 1));
    }
    if (is_option)
      return {word_source::these, options(), word, ""};
    if (open_ != nullptr)
      return value_of(*open_, word == "=" ? "" : word, "");
    if (auto commands = subcommands(); arguments_ == 0 && !commands.empty())
      return {word_source::these, std::move(commands), word, ""};
    const auto* argument = find_argument();
    return argument == nullptr ? expected_word{} : value_of(*argument, word, "");
  }

private:
  void take_option(const std::string& word) {
    const auto* option = find_option(word.substr(0, word.find('=')));
    const bool is_whole = word.find('=') != std::string::npos;
    open_ = option != nullptr && takes_value(*option) && !is_whole ? option : nullptr;
  }

  const CLI::App* find_command(const std::string& word) const {
    const auto found = command_->get_subcommands([&](const CLI::App* sub) { return sub->get_name() == word; });
    return found.empty() ? nullptr : found.front();
  }

  /// Also the options of the commands above: they count behind a subcommand as well.
  const CLI::Option* find_option(const std::string& flag) const {
    for (const auto* command = command_; command != nullptr; command = command->get_parent())
      for (const auto* option : command->get_options())
        if (const auto flags = flags_of(*option); std::ranges::find(flags, flag) != flags.end())
          return option;
    return nullptr;
  }

  const CLI::Option* find_argument() const {
    std::size_t at = 0;
    for (const auto* option : command_->get_options())
      if (option->get_positional() && (at++ == arguments_ || takes_many(*option)))
        return option;
    return nullptr;
  }

  std::vector<candidate> subcommands() const {
    std::vector<candidate> all;
    for (const auto* sub : command_->get_subcommands([](const CLI::App*) { return true; }))
      if (!is_hidden(sub->get_group()))
        all.push_back({sub->get_name(), sub->get_description()});
    return all;
  }

  std::vector<candidate> options() const {
    std::vector<candidate> all;
    std::set<std::string> seen; // each command has its own --help
    for (const auto* command = command_; command != nullptr; command = command->get_parent())
      for (const auto* option : command->get_options())
        for (auto& flag : flags_of(*option))
          if (!is_hidden(option->get_group()) && seen.insert(flag).second)
            all.push_back({std::move(flag), option->get_description()});
    return all;
  }

  expected_word value_of(const CLI::Option& option, std::string typed, std::string before) const {
    auto choices = choices_of(option);
    const auto source = choices.empty() ? source_by_name(*command_, option.get_single_name()) : word_source::these;
    return {source, std::move(choices), std::move(typed), std::move(before)};
  }

  const CLI::App* command_;
  const CLI::Option* open_ = nullptr; ///< its value comes next
  std::size_t arguments_ = 0;         ///< without options and their values
  bool only_arguments_ = false;       ///< after `--`
};

} // namespace

expected_word expect_word(const CLI::App& app, const std::vector<std::string>& words) {
  if (words.empty())
    return {};
  walk along{app};
  std::for_each(words.begin(), words.end() - 1, [&](const std::string& word) { along.take(word); });
  return along.expect(words.back());
}

} // namespace agent_dispatch::completion
