#include "config/read_file.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace agent_dispatch {

namespace {

using reason = read_failure::reason;

class descriptor {
public:
  explicit descriptor(int fd) : fd_{fd} {}
  descriptor(const descriptor&) = delete;
  descriptor& operator=(const descriptor&) = delete;
  ~descriptor() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

std::int64_t nanoseconds(const timespec& time) { return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec; }

tl::unexpected<read_failure> failed(reason why, int error_number) {
  return tl::make_unexpected(read_failure{why, error_number});
}

tl::unexpected<read_failure> stat_failed(int error_number) {
  if (error_number == ENOENT)
    return failed(reason::missing, error_number);
  return failed(error_number == EACCES ? reason::unreachable : reason::other, error_number);
}

/// Empty when the file may be opened.
tl::expected<void, read_failure> check_kind(const struct stat& status) {
  if (S_ISDIR(status.st_mode))
    return failed(reason::directory, EISDIR);
  if (!S_ISREG(status.st_mode))
    return failed(reason::not_a_file, EINVAL);
  return {};
}

/// True when all was read, or `most` bytes were.
bool read_all(int fd, std::size_t most, std::string& bytes) {
  constexpr std::size_t chunk = 64u << 10;
  while (bytes.size() < most) {
    const auto before = bytes.size();
    bytes.resize(before + std::min(chunk, most - before));
    const auto count = ::read(fd, bytes.data() + before, bytes.size() - before);
    bytes.resize(before + (count > 0 ? static_cast<std::size_t>(count) : 0));
    if (count == 0 || (count < 0 && errno != EINTR))
      return count == 0;
  }
  return true;
}

} // namespace

file_identity identity_of(const struct stat& status) {
  return {status.st_dev, status.st_ino, static_cast<std::uint64_t>(status.st_size), nanoseconds(status.st_mtim),
          nanoseconds(status.st_ctim)};
}

tl::expected<file_bytes, read_failure> read_file(const std::filesystem::path& path, std::size_t most) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0)
    return stat_failed(errno);
  if (auto kind = check_kind(status); !kind)
    return tl::make_unexpected(kind.error());
  const descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
  if (file.get() < 0)
    return failed(errno == ENOENT ? reason::missing : errno == EACCES ? reason::not_readable : reason::other, errno);
  if (::fstat(file.get(), &status) != 0)
    return failed(reason::other, errno);
  if (auto kind = check_kind(status); !kind) // replaced between the two looks
    return tl::make_unexpected(kind.error());
  file_bytes result;
  result.identity = identity_of(status);
  if (!read_all(file.get(), most + 1, result.bytes))
    return failed(reason::other, errno);
  result.truncated = result.bytes.size() > most;
  result.bytes.resize(std::min(result.bytes.size(), most));
  return result;
}

} // namespace agent_dispatch
