#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

#include <sys/types.h>

#include <tl/expected.hpp>

struct stat;

namespace agent_dispatch {

/// What tells one state of a file from another without reading it.
struct file_identity {
  dev_t device = 0;
  ino_t inode = 0;
  std::uint64_t size = 0;       ///< bytes
  std::int64_t modified_ns = 0; ///< mtime, nanoseconds since 1970
  std::int64_t changed_ns = 0;  ///< ctime, nanoseconds since 1970

  bool operator==(const file_identity&) const = default;
};

file_identity identity_of(const struct stat& status);

/// Why a file was not read.
struct read_failure {
  enum class reason {
    missing,      ///< nothing of that name, or a link to nothing
    directory,    ///< a directory stands there
    not_a_file,   ///< a FIFO, socket or device stands there
    unreachable,  ///< a directory on the way may not be searched
    not_readable, ///< the file itself may not be read
    other,        ///< see `error_number`
  };
  reason why = reason::other;
  int error_number = 0;
};

struct file_bytes {
  std::string bytes;
  bool truncated = false; ///< the file goes on after `bytes`
  file_identity identity; ///< of the very file that was read, taken before reading
};

/// Reads at most `most` bytes of a regular file. Follows links; opens neither FIFOs nor devices; never blocks on a
/// writer.
tl::expected<file_bytes, read_failure> read_file(const std::filesystem::path& path, std::size_t most);

} // namespace agent_dispatch
