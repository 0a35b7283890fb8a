#include "actors/run/open_lock.hpp"

#include <cerrno>

#include <fcntl.h>

namespace agent_dispatch {

namespace {

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock; // l_pid must be 0 for these locks, and length 0 means up to the end
}

} // namespace

lock_state try_lock(int fd) {
  struct flock lock = whole_file();
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0)
    return lock_state::free;
  return errno == EAGAIN || errno == EACCES ? lock_state::held : lock_state::error;
}

lock_state probe_lock(int fd) {
  struct flock lock = whole_file();
  if (::fcntl(fd, F_OFD_GETLK, &lock) < 0)
    return lock_state::error;
  return lock.l_type == F_UNLCK ? lock_state::free : lock_state::held;
}

} // namespace agent_dispatch
