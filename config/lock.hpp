#pragma once

#include <chrono>
#include <filesystem>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// An exclusive flock(2) on a file of its own: what this and other programs hold around load–change–save. Released by
/// the destructor, and by the death of the process. The lock file stays.
class file_lock {
public:
  /// Makes the file (0600) when it is not there; its directory must exist. Waits at most `patience`, then fails with
  /// `lock_timeout`; `config_write` when the file cannot be made or opened, or is a link or no regular file.
  static expected<file_lock> acquire(const std::filesystem::path& path, std::chrono::milliseconds patience);

  file_lock(file_lock&& other) noexcept;
  file_lock& operator=(file_lock&& other) noexcept;
  ~file_lock();

private:
  explicit file_lock(int fd) : fd_{fd} {}

  int fd_;
};

} // namespace agent_dispatch
