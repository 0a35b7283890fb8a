#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/paths.hpp"
#include "config/read_file.hpp"
#include "messages/agent.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// A configuration and what is odd about its text without being wrong: one sentence each, with the line.
struct loaded_configuration {
  configuration value;
  std::vector<std::string> warnings;
  std::vector<std::string> dangling_members; ///< of the warnings: a group's member names no agent

  bool operator==(const loaded_configuration&) const = default;
};

/// The greatest agents.yaml that is read, in bytes.
inline constexpr std::size_t greatest_config_bytes = 16u << 20;

/// Reads the text of an agents.yaml. Keys that are not ours are ignored, null stands for "not given", and an empty text
/// is no agents. A fault (`config_syntax`, `config_schema`) names `paths.config`, the line, and the remedy. `~` is
/// expanded; a relative directory is taken from the configuration's own. Touches no file, throws nothing but bad_alloc.
expected<loaded_configuration> parse_configuration(std::string_view text, const config_paths& paths);

/// The bytes of agents.yaml; absent when there is no file. A fault (`config_unreadable`) says why it cannot be read and
/// how to change that.
expected<std::optional<file_bytes>> read_configuration(const std::filesystem::path& path);

/// Both. A missing file is no agents.
expected<loaded_configuration> load_configuration(const config_paths& paths);

/// The permission modes that the agent's CLI takes. Others are stored too, with a warning.
bool is_known_permission_mode(std::string_view mode);

/// What to say about an unknown one: a sentence.
std::string unknown_permission_mode_sentence(std::string_view mode);

} // namespace agent_dispatch
