#pragma once

#include <filesystem>
#include <string_view>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// Makes the directory with all that leads to it; those it makes are 0700. Fails with `config_write`.
expected<void> make_private_directory(const std::filesystem::path& directory);

/// Replaces a file as a whole: temporary file in the same directory (0600), fsync, rename, fsync of the directory. A
/// reader and a crash see the old text or the new one. A symbolic link stays, and what it points to is replaced. Fails
/// with `config_write`; then the old file is as it was and the temporary one is gone.
expected<void> write_file_atomically(const std::filesystem::path& path, std::string_view text);

} // namespace agent_dispatch
