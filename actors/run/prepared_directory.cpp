#include "actors/run/prepared_directory.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/exit_file.hpp"
#include "actors/run/run_directory.hpp"

namespace agent_dispatch {

namespace {

/// Of the output, what is allocated before the start: on a disk that fills up meanwhile, an answer of usual size is
/// still written.
constexpr off_t output_reserve = 256 << 10;

} // namespace

expected<prepared_directory> prepared_directory::make(const std::filesystem::path& path) {
  if (::mkdir(path.c_str(), 0700) < 0)
    return io_failure("cannot make the run directory", path.string(), errno);
  prepared_directory made{path};
  auto opened = open_run_directory(path.c_str());
  if (!opened)
    return tl::unexpected(opened.error());
  made.fd_ = std::move(*opened);
  if (const auto filled = made.fill(); !filled)
    return tl::unexpected(filled.error());
  return made;
}

prepared_directory::prepared_directory(prepared_directory&& other) noexcept
    : path_{std::exchange(other.path_, {})}, fd_{std::move(other.fd_)}, record_{std::move(other.record_)},
      output_{std::move(other.output_)}, control_{std::move(other.control_)}, control_writer_{
                                                                                  std::move(other.control_writer_)} {}

prepared_directory& prepared_directory::operator=(prepared_directory&& other) noexcept {
  remove();
  path_ = std::exchange(other.path_, {});
  fd_ = std::move(other.fd_);
  record_ = std::move(other.record_);
  output_ = std::move(other.output_);
  control_ = std::move(other.control_);
  control_writer_ = std::move(other.control_writer_);
  return *this;
}

prepared_directory::~prepared_directory() { remove(); }

void prepared_directory::remove() {
  if (path_.empty())
    return;
  for (const char* name :
       {run_file::record, run_file::control, run_file::output, run_file::errors, run_file::lock, run_file::exit_draft})
    ::unlinkat(fd_.get(), name, 0);
  ::rmdir(path_.c_str());
}

expected<void> prepared_directory::move_to(const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(output_.get(), &status) < 0 || status.st_nlink == 0) // cleared up by somebody meanwhile
    return io_failure("cannot use", path_.string(), ENOENT);
  if (::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, path.c_str(), RENAME_NOREPLACE) < 0)
    return io_failure("cannot make the run directory", path.string(), errno);
  path_ = path;
  return {};
}

expected<void> prepared_directory::write_record(std::string_view run_json) {
  if (const int error = write_all(record_.get(), run_json); error != 0)
    return io_failure("cannot write", (path_ / run_file::record).string(), error);
  record_.reset();
  return {};
}

prepared_directory::kept prepared_directory::keep() {
  path_.clear();
  return {std::move(control_writer_), std::move(output_)};
}

expected<unique_fd> prepared_directory::create(const char* name, int flags) const {
  unique_fd file = open_run_file(fd_.get(), name, flags | O_CREAT | O_EXCL);
  if (!file)
    return io_failure("cannot create", (path_ / name).string(), errno);
  return file;
}

expected<void> prepared_directory::fill() {
  auto record = create(run_file::record, O_WRONLY);
  if (!record)
    return tl::unexpected(record.error());
  record_ = std::move(*record);
  if (const auto errors = create(run_file::errors, O_WRONLY | O_APPEND); !errors)
    return tl::unexpected(errors.error());
  auto output = create(run_file::output, O_RDONLY);
  if (!output)
    return tl::unexpected(output.error());
  output_ = std::move(*output);
  // Made here, where a full disk still refuses the run: a keeper without a lock could not even say why it ends.
  if (const auto lock = create(run_file::lock, O_WRONLY); !lock)
    return tl::unexpected(lock.error());
  if (const auto reserved = reserve(); !reserved)
    return tl::unexpected(reserved.error());
  return make_control();
}

/// Space for the output and for the end of the run. A full disk refuses the run here, when nothing is paid yet.
expected<void> prepared_directory::reserve() const {
  const unique_fd output = open_run_file(fd_.get(), run_file::output, O_WRONLY);
  if (!output)
    return io_failure("cannot open", (path_ / run_file::output).string(), errno);
  if (::fallocate(output.get(), FALLOC_FL_KEEP_SIZE, 0, output_reserve) < 0 && errno != EOPNOTSUPP)
    return io_failure("cannot reserve space for the output of a run in", path_.string(), errno);
  if (const int error = reserve_exit_file(fd_.get()); error != 0)
    return io_failure("cannot reserve space for the end of a run in", path_.string(), error);
  return {};
}

/// Both ends of the FIFO: first the keeper's, so that ours opens without waiting.
expected<void> prepared_directory::make_control() {
  if (::mkfifoat(fd_.get(), run_file::control, 0600) < 0)
    return io_failure("cannot make the FIFO", (path_ / run_file::control).string(), errno);
  control_ = open_run_file(fd_.get(), run_file::control, O_RDONLY | O_NONBLOCK);
  if (control_)
    control_writer_ = open_run_file(fd_.get(), run_file::control, O_WRONLY | O_NONBLOCK);
  if (!control_writer_)
    return io_failure("cannot open", (path_ / run_file::control).string(), errno);
  return {};
}

} // namespace agent_dispatch
