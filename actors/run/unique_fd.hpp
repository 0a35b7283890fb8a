#pragma once

#include <utility>

#include <unistd.h>

namespace agent_dispatch {

/// Owns one file descriptor and closes it. Empty when it holds -1.
class unique_fd {
public:
  unique_fd() = default;
  /// Takes `fd` over; a negative number makes it empty.
  explicit unique_fd(int fd) noexcept : fd_{fd < 0 ? -1 : fd} {}
  unique_fd(unique_fd&& other) noexcept : fd_{other.release()} {}
  unique_fd& operator=(unique_fd&& other) noexcept {
    if (this != &other)
      reset(other.release());
    return *this;
  }
  unique_fd(const unique_fd&) = delete;
  unique_fd& operator=(const unique_fd&) = delete;
  ~unique_fd() { reset(); }

  /// -1 when empty. The descriptor stays ours.
  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }

  /// Gives the descriptor to the caller, who closes it.
  [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }

  /// Closes what is held and takes `fd` over.
  void reset(int fd = -1) noexcept {
    if (fd_ >= 0)
      ::close(fd_); // never again on EINTR: Linux has released the number already
    fd_ = fd;
  }

private:
  int fd_ = -1;
};

} // namespace agent_dispatch
