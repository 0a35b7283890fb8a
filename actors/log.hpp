#pragma once

#include <filesystem>

#include <spdlog/spdlog.h>

#include "messages/fault.hpp"

/// The supervisor's log, one line each. Never in it: environments, prompts, answers.
namespace agent_dispatch::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

/// From now on lines go to this file (created 0600, appended to) and, when `also_stderr`, to stderr. Fault `io`, with
/// the remedy, when something that is not this user's file is in its place.
expected<void> open(const std::filesystem::path& file, bool also_stderr);

} // namespace agent_dispatch::log
