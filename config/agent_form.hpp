#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/agent_edits.hpp"

/// What a caller says of an agent, in the texts of a command line or a tool call.
namespace agent_dispatch {

/// Absent: not given. Lists are separated by commas; "," is an empty list. `description` is literal; of the other texts
/// "" and "none" (in any case) stand for no value.
struct agent_form {
  std::optional<std::string> description{};
  std::optional<int> timeout{}; ///< seconds
  std::optional<double> max_budget_usd{};
  std::optional<std::string> model{};
  std::optional<std::string> permission_mode{};
  std::optional<std::string> allowed_tools{};
  std::optional<std::string> disallowed_tools{};
  std::optional<std::string> capabilities{};
  std::optional<std::string> risky_capabilities{};
};

/// The parts between commas, without white space around them and without empty ones.
std::vector<std::string> split_list(std::string_view text);

/// A new agent. No value is as if not given; a budget of 0 is none; without a description one is made from the files in
/// `directory`. Faults: see `check_agent`.
expected<agent_config> new_agent(std::string_view name, const std::filesystem::path& directory, const agent_form& form);

/// An update of what is given. No value clears a text, makes a tool list inherit, and empties capabilities; a budget of
/// 0 is none.
agent_update update_from(const agent_form& form);

/// The directory as it will be stored: absolute from `base`, `~` expanded, without links. `invalid_argument` when it is
/// none.
expected<std::filesystem::path> project_directory(std::string_view path, const std::filesystem::path& home,
                                                  const std::filesystem::path& base);

} // namespace agent_dispatch
