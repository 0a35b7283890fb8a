#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

/// Writes all of `bytes`, whatever the cuts. Returns 0 or the errno that stopped it; then a part may be written.
int write_all(int fd, std::string_view bytes);

/// Reads from the start of a file (pread) until its end or until `at_most` bytes are there. Returns 0 or errno.
int read_from_start(int fd, std::string& into, std::size_t at_most);

/// Size of a regular file in bytes; 0 when it cannot be told.
std::uint64_t file_size(int fd);

/// Whether the file cannot grow any more: no room on its file system, or no quota. Its size and content stay.
bool is_disk_full(int fd);

/// A memfd with `bytes`, sealed, opened read-only at offset 0, CLOEXEC. Returns an empty descriptor and sets `error`
/// to an errno when the system refuses.
unique_fd make_sealed_file(const char* name, std::string_view bytes, int& error);

} // namespace agent_dispatch
