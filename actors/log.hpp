#pragma once

#include <filesystem>
#include <string_view>

#include <spdlog/spdlog.h>

#include "messages/fault.hpp"

/// The supervisor's log, one line each. Never in it: environments, prompts, answers.
///
/// A line is lost rather than waited for: a full disk, a file that cannot be rotated or a reader of stderr that does
/// not read hold nobody up and end nothing.
namespace agent_dispatch::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

/// `debug`, `info`, `warn` or `error`: this and what is worse is written. Fault `invalid_argument`: it is none of them.
expected<spdlog::level::level_enum> parse_level(std::string_view text);

/// From now on lines go to this file (created 0600, appended to) and, when `also_stderr`, to stderr. Past
/// `limits::log_bytes` the file becomes `NAME.1.log`, that one `NAME.2.log`, and so on up to `limits::old_logs`; also
/// when it has grown under several supervisors. Fault `io`, with the remedy: something that is not this user's file is
/// in its place, or it cannot be opened.
expected<void> open(const std::filesystem::path& file, bool also_stderr,
                    spdlog::level::level_enum level = spdlog::level::info);

} // namespace agent_dispatch::log
