#include "actors/run/run_directory.hpp"

#include <cerrno>

#include <unistd.h>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/open_lock.hpp"

namespace agent_dispatch {

expected<unique_fd> open_run_directory(const char* path) {
  unique_fd directory{::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
  if (!directory)
    return io_failure("cannot open the run directory", path, errno);
  return directory;
}

unique_fd open_run_file(int directory, const char* name, int flags, mode_t mode) {
  return unique_fd{::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW, mode)};
}

expected<claim> claim_start(int directory, std::string_view content) {
  const unique_fd file = open_run_file(directory, run_file::started, O_WRONLY | O_CREAT | O_EXCL);
  if (!file && errno == EEXIST)
    return claim::lost;
  if (!file) {
    const int error = errno;
    const auto failed = io_failure("cannot create", "started in the run directory", error);
    errno = error;
    return failed;
  }
  // The name alone decides. Without its content the file reads as `keeper`, which errs to the safe side: a keeper has
  // won with it.
  if (const int error = write_all(file.get(), content); error != 0 && content != started_by_keeper)
    return io_failure("cannot write", "started in the run directory", error);
  return claim::won;
}

expected<start_state> read_start(int directory) {
  const unique_fd file = open_run_file(directory, run_file::started, O_RDONLY | O_NONBLOCK);
  if (!file && errno == ENOENT)
    return start_state::absent;
  if (!file)
    return io_failure("cannot open", "started in the run directory", errno);
  std::string content;
  if (const int error = read_from_start(file.get(), content, 64); error != 0)
    return io_failure("cannot read", "started in the run directory", error);
  return content == started_void ? start_state::voided : start_state::keeper;
}

expected<void> remove_run_directory(const std::filesystem::path& path) {
  // Not by way of its name: what lies there may be a link, and nothing is removed through one.
  if (const auto directory = open_run_directory(path.c_str()))
    if (::unlinkat(directory->get(), run_file::exit_draft, 0) < 0 && errno != ENOENT)
      return io_failure("cannot remove", (path / run_file::exit_draft).string(), errno);
  std::error_code problem;
  std::filesystem::remove_all(path, problem);
  if (problem)
    return io_failure("cannot remove the run directory", path.string(), problem.value());
  return {};
}

bool is_keeper_alive(int directory) {
  const unique_fd file = open_run_file(directory, run_file::lock, O_RDONLY | O_NONBLOCK);
  if (!file)
    return errno != ENOENT;
  return probe_lock(file.get()) != lock_state::free;
}

} // namespace agent_dispatch
