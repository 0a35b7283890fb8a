#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "messages/fault.hpp"
#include "messages/limits.hpp"
#include "messages/process.hpp"

namespace agent_dispatch {

/// Content of exit.json as a record. Fails with `protocol` on what is no such object, lacks a member or has one of the
/// wrong type or range, and with `version_mismatch` when its format is newer than ours.
expected<exit_record> parse_exit_record(std::string_view json);

/// The run's exit.json. Nothing: the run has not ended, or its keeper was killed. Fails with `io` when it cannot be
/// read, else as `parse_exit_record`, and then names the file.
expected<std::optional<exit_record>> read_exit_record(const std::filesystem::path& run_directory);

/// The first bytes of the run's stderr, as they are.
expected<std::string> read_stderr(const std::filesystem::path& run_directory,
                                  std::size_t at_most = limits::stderr_bytes);

} // namespace agent_dispatch
