#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// Makes the directory with all that leads to it; those it makes are 0700. Fails with `config_write`.
expected<void> make_private_directory(const std::filesystem::path& directory);

/// Called after each step of a write, with its name: `opened, written, synced, renamed, synced directory`. For tests.
using write_observer = std::function<void(std::string_view step)>;

/// Replaces a file as a whole: temporary file in the same directory (0600), fsync, rename, fsync of the directory. A
/// reader and a crash see the old text or the new one. A symbolic link stays, and what it points to is replaced.
/// Removes the temporary files of earlier writers of this file that were killed, so call it under the file's lock.
/// Fails with `config_write`; then the old file is as it was and the temporary one is gone.
expected<void> write_file_atomically(const std::filesystem::path& path, std::string_view text,
                                     const write_observer& on_step = {});

} // namespace agent_dispatch
