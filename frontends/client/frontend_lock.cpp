#include "frontends/client/frontend_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "actors/run/open_lock.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds look_again{1};

bool is_named(int fd, const std::filesystem::path& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

} // namespace

expected<void> frontend_lock::hold(const std::filesystem::path& state, const frontend_id& frontend) {
  auto path = state / "frontends" / frontend.value;
  if (file_ && path == path_ && is_named(file_.get(), path_))
    return {};
  // A supervisor that looks for frontends that are gone may hold the lock for a moment, and remove the file: then once
  // more.
  const auto until = clock::now() + limits::supervisor_start;
  for (;;) {
    unique_fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file)
      return io_failure("opening", path.native(), errno);
    const auto found = try_lock(file.get());
    if (found == lock_state::free && is_named(file.get(), path)) {
      file_ = std::move(file);
      path_ = std::move(path);
      return {};
    }
    if (found == lock_state::error || clock::now() >= until)
      return io_failure("locking", path.native(), errno);
    std::this_thread::sleep_for(look_again);
  }
}

} // namespace agent_dispatch
