#pragma once

#include <filesystem>
#include <string_view>

#include "messages/fault.hpp"
#include "messages/process.hpp"

namespace agent_dispatch {

/// Puts a file in its place as a whole: temporary file in the same directory (`.NAME.XXXXXX`, 0600), rename. A reader
/// and a crash see the old file or the new one, and with `durability::disk` a power cut too. What is in the place may
/// be replaced, a symbolic link included. Fault `io`; then nothing has changed and no temporary file is left.
expected<void> write_whole_file(const std::filesystem::path& path, std::string_view text, durability written);

/// fsync of a directory, so that what was renamed or removed in it stays so after a power cut.
expected<void> sync_directory(const std::filesystem::path& directory);

} // namespace agent_dispatch
