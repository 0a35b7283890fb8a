#include "config/atomic_write.hpp"

#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

tl::unexpected<fault> write_failure(std::string_view what, const fs::path& path, int error_number) {
  return failure(fault_kind::config_write,
                 std::string{what} + " " + to_valid_utf8(path.native()) + " failed: " + std::strerror(error_number) +
                     ". Nothing was changed; make room or give write access, then try again.");
}

/// What the names of our temporary files beside `path` begin with; six letters follow.
std::string temporary_prefix(const fs::path& path) { return "." + path.filename().string() + ".agent-dispatch-"; }

/// A file that is removed unless it was put in its place.
class temporary_file {
public:
  explicit temporary_file(const fs::path& beside)
      : name_{(beside.parent_path() / (temporary_prefix(beside) + "XXXXXX")).string()}, fd_{::mkostemp(name_.data(),
                                                                                                       O_CLOEXEC)} {}
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (fd_ >= 0)
      ::close(fd_);
    if (fd_ >= 0 && !placed_)
      ::unlink(name_.c_str());
  }

  int fd() const { return fd_; }
  bool write_all(std::string_view text) const {
    while (!text.empty()) {
      const auto count = ::write(fd_, text.data(), text.size());
      if (count < 0 && errno != EINTR)
        return false;
      text.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
  }
  bool rename_to(const fs::path& path) {
    placed_ = ::rename(name_.c_str(), path.c_str()) == 0;
    return placed_;
  }

private:
  std::string name_;
  int fd_;
  bool placed_ = false;
};

/// Where the links lead, also when nothing is there yet.
expected<fs::path> follow_links(fs::path path) {
  constexpr int most = 40; // as the kernel
  for (int i = 0; i < most; ++i) {
    std::error_code error;
    const auto target = fs::read_symlink(path, error);
    if (error)
      return path;
    path = path.parent_path() / target;
  }
  return write_failure("Following the links of", path, ELOOP);
}

void sync_directory(const fs::path& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return; // may be written, not read: the rename is done, and durable when the kernel gets to it
  ::fsync(fd);
  ::close(fd);
}

/// A killed writer leaves its temporary file.
void remove_leftovers(const fs::path& target) {
  const auto prefix = temporary_prefix(target);
  constexpr std::size_t letters = 6;
  std::error_code ignored;
  std::vector<fs::path> found;
  for (auto entry = fs::directory_iterator{target.parent_path(), ignored}; entry != fs::directory_iterator{};
       entry.increment(ignored))
    if (const auto name = entry->path().filename().string();
        name.starts_with(prefix) && name.size() == prefix.size() + letters)
      found.push_back(entry->path());
  for (const auto& file : found)
    fs::remove(file, ignored);
}

} // namespace

expected<void> make_private_directory(const fs::path& directory) {
  if (directory.empty() || ::mkdir(directory.c_str(), 0700) == 0)
    return {};
  if (errno == ENOENT && directory.has_relative_path()) {
    if (auto parent = make_private_directory(directory.parent_path()); !parent)
      return parent;
    if (::mkdir(directory.c_str(), 0700) == 0)
      return {};
  }
  const int error = errno;
  std::error_code ignored;
  if (error == EEXIST && fs::is_directory(directory, ignored))
    return {};
  return write_failure("Making the directory", directory, error == EEXIST ? ENOTDIR : error);
}

expected<void> write_file_atomically(const fs::path& path, std::string_view text, const write_observer& on_step) {
  const auto step = [&](std::string_view name) {
    if (on_step)
      on_step(name);
  };
  const auto target = follow_links(path);
  if (!target)
    return tl::make_unexpected(target.error());
  remove_leftovers(*target);
  temporary_file file{*target};
  if (file.fd() < 0)
    return write_failure("Making a temporary file beside", *target, errno);
  step("opened");
  if (!file.write_all(text))
    return write_failure("Writing", *target, errno);
  step("written");
  if (::fsync(file.fd()) != 0)
    return write_failure("Writing to disk", *target, errno);
  step("synced");
  if (!file.rename_to(*target))
    return write_failure("Replacing", *target, errno);
  step("renamed");
  sync_directory(target->parent_path());
  step("synced directory");
  return {};
}

} // namespace agent_dispatch
