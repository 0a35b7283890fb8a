#pragma once

#include <filesystem>

#include <spdlog/spdlog.h>

#include "messages/fault.hpp"

/// The supervisor's log. Never in it: environments, prompts, answers.
namespace agent_dispatch::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

/// From now on lines go to this file (created 0600, appended to) and, when `also_stderr`, to stderr.
expected<void> open(const std::filesystem::path& file, bool also_stderr);

} // namespace agent_dispatch::log
