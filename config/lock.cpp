#include "config/lock.hpp"

#include <cerrno>
#include <cstring>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/own_file.hpp"
#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

std::string sentence(const std::filesystem::path& path, std::string_view what, std::string_view remedy) {
  return to_valid_utf8(path.native()).append(" ").append(what).append(". ").append(remedy);
}

int open_lock_file(const std::filesystem::path& path) {
  return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
}

/// Why this is no lock file; empty when it is one. Whose it is does not matter: nothing is written to it.
std::string why_no_lock_file(int fd, int error_number) {
  struct stat status {};
  if (fd < 0)
    return why_not_opened(error_number);
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) ? "" : "is not a regular file";
}

/// False when the file was removed or replaced since it was opened: then its lock guards nothing.
bool is_still_there(int fd, const std::filesystem::path& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

} // namespace

expected<file_lock> file_lock::acquire(const std::filesystem::path& path, std::chrono::milliseconds patience) {
  constexpr std::chrono::milliseconds pause{10};
  const auto deadline = clock::now() + patience;
  for (;;) {
    file_lock lock{open_lock_file(path)};
    int error = errno;
    if (const auto why = why_no_lock_file(lock.fd_, error); !why.empty())
      return failure(fault_kind::config_write, foreign_file(path, why).value().message);
    if (lock.fd_ < 0)
      return failure(fault_kind::config_write,
                     sentence(path, std::string{"cannot be opened: "} + std::strerror(error),
                              "What it guards is changed only under this lock: make its directory writable."));
    while (::flock(lock.fd_, LOCK_EX | LOCK_NB) != 0) {
      error = errno;
      if (error != EWOULDBLOCK && error != EINTR)
        return failure(fault_kind::config_write,
                       sentence(path, std::string{"cannot be locked: "} + std::strerror(error),
                                "Keep it on a local file system."));
      if (clock::now() >= deadline)
        return failure(fault_kind::lock_timeout,
                       sentence(path,
                                "was held by another program for " +
                                    std::to_string(std::chrono::ceil<std::chrono::seconds>(patience).count()) + " s",
                                "Nothing was changed. Try again; see who holds it with: " +
                                    shell_command({"fuser", "-v", to_valid_utf8(path.native())})));
      std::this_thread::sleep_for(pause);
    }
    if (is_still_there(lock.fd_, path))
      return lock;
    if (clock::now() >= deadline)
      return failure(fault_kind::lock_timeout,
                     sentence(path, "was removed again and again", "Nothing was changed. Find out what removes it."));
  }
}

file_lock::file_lock(file_lock&& other) noexcept : fd_{std::exchange(other.fd_, -1)} {}

file_lock& file_lock::operator=(file_lock&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

file_lock::~file_lock() {
  if (fd_ >= 0)
    ::close(fd_);
}

} // namespace agent_dispatch
