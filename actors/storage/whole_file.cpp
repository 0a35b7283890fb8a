#include "actors/storage/whole_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

namespace {

/// Removed unless it was put in its place.
class temporary_file {
public:
  explicit temporary_file(const std::filesystem::path& beside)
      : name_{(beside.parent_path() / ("." + beside.filename().native() + ".XXXXXX")).native()}, fd_{::mkostemp(
                                                                                                     name_.data(),
                                                                                                     O_CLOEXEC)} {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (fd_ && !placed_)
      ::unlink(name_.c_str());
  }

  int fd() const { return fd_.get(); }
  bool rename_to(const std::filesystem::path& path) {
    placed_ = ::rename(name_.c_str(), path.c_str()) == 0;
    return placed_;
  }

private:
  std::string name_;
  unique_fd fd_;
  bool placed_ = false;
};

} // namespace

expected<void> sync_directory(const std::filesystem::path& directory) {
  const unique_fd fd{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!fd || ::fsync(fd.get()) < 0)
    return io_failure("cannot write to disk the directory", directory.native(), errno);
  return {};
}

expected<void> write_whole_file(const std::filesystem::path& path, std::string_view text, durability written) {
  temporary_file file{path};
  if (file.fd() < 0)
    return io_failure("cannot make a file beside", path.native(), errno);
  if (const int error = write_all(file.fd(), text); error != 0)
    return io_failure("cannot write", path.native(), error);
  if (written == durability::disk && ::fsync(file.fd()) < 0)
    return io_failure("cannot write to disk", path.native(), errno);
  if (!file.rename_to(path))
    return io_failure("cannot replace", path.native(), errno);
  return written == durability::disk ? sync_directory(path.parent_path()) : expected<void>{};
}

} // namespace agent_dispatch
