#include "actors/run/descriptor_io.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <tuple>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

namespace agent_dispatch {

int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errno;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int read_from_start(int fd, std::string& into, std::size_t at_most) {
  constexpr std::size_t step = 64u << 10;
  into.clear();
  while (into.size() < at_most) {
    const std::size_t had = into.size();
    const std::size_t want = std::min(step, at_most - had);
    into.resize(had + want);
    const ssize_t got = ::pread(fd, into.data() + had, want, static_cast<off_t>(had));
    const int error = errno;
    into.resize(had + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0)
      return 0;
    if (got < 0 && error != EINTR)
      return error;
  }
  return 0;
}

std::uint64_t file_size(int fd) {
  struct stat info {};
  return ::fstat(fd, &info) == 0 && info.st_size > 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
}

namespace {

unique_fd make_memory_file(const char* name) {
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  unique_fd file{::memfd_create(name, flags | MFD_NOEXEC_SEAL)};
  if (!file && errno == EINVAL) // a kernel before 6.3
    file.reset(::memfd_create(name, flags));
  return file;
}

} // namespace

bool is_disk_full(int fd) {
  // Behind what was reserved for the file at its start (launch.cpp): that room is there, and no sign of any other.
  constexpr off_t beyond = 1 << 20;
  constexpr off_t some = 64 << 10;
  const auto end = static_cast<off_t>(file_size(fd)) + beyond;
  if (::fallocate(fd, FALLOC_FL_KEEP_SIZE, end, some) == 0) {
    std::ignore = ::fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, end, some);
    return false;
  }
  return errno == ENOSPC || errno == EDQUOT;
}

unique_fd make_sealed_file(const char* name, std::string_view bytes, int& error) {
  unique_fd file = make_memory_file(name);
  error = file ? write_all(file.get(), bytes) : errno;
  if (error != 0)
    return {};
  if (::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0) {
    error = errno;
    return {};
  }
  // A descriptor of its own: read-only, and at the start.
  char path[32];
  std::snprintf(path, sizeof path, "/proc/self/fd/%d", file.get());
  unique_fd reader{::open(path, O_RDONLY | O_CLOEXEC)};
  error = reader ? 0 : errno;
  return reader;
}

} // namespace agent_dispatch
