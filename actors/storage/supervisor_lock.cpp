#include "actors/storage/supervisor_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include <nlohmann/json.hpp>

#include "actors/run/open_lock.hpp"
#include "config/own_file.hpp"

namespace agent_dispatch {

namespace {

/// A longer entry is none of ours: two paths of PATH_MAX, escaped.
constexpr std::size_t longest_entry = 64u << 10;

bool same_file(int fd, const std::filesystem::path& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_dev == named.st_dev &&
         held.st_ino == named.st_ino;
}

/// Why the file is not to be trusted; empty when it is ours.
std::string why_foreign(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 ? why_not_own_file(status) : "cannot be looked at";
}

/// Empty when there is none, or when somebody else has put it there.
unique_fd open_own(const std::filesystem::path& lock_file) {
  unique_fd file{::open(lock_file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (file && !why_foreign(file.get()).empty())
    file.reset();
  return file;
}

/// A file of more than one name is, under another, perhaps somebody's copy: what is written to one is written to all.
bool has_other_names(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && status.st_nlink > 1;
}

std::string text_member(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

} // namespace

std::optional<supervisor_entry> parse_supervisor_entry(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return std::nullopt;
  supervisor_entry entry{.socket = text_member(json, "socket"),
                         .state = text_member(json, "state"),
                         .config = text_member(json, "config"),
                         .version = text_member(json, "version")};
  if (const auto protocol = json.find("protocol"); protocol != json.end() && protocol->is_number_integer())
    entry.protocol = protocol->get<int>();
  if (const auto activated = json.find("activated"); activated != json.end() && activated->is_boolean())
    entry.is_activated = activated->get<bool>();
  if (!entry.socket.is_absolute() || !entry.state.is_absolute())
    return std::nullopt;
  return entry;
}

std::optional<supervisor_entry> read_supervisor_entry(const std::filesystem::path& lock_file) {
  const auto file = open_own(lock_file);
  if (!file)
    return std::nullopt;
  std::string text(longest_entry, '\0');
  const auto count = ::read(file.get(), text.data(), text.size());
  if (count <= 0)
    return std::nullopt;
  text.resize(static_cast<std::size_t>(count));
  return parse_supervisor_entry(text);
}

bool is_supervisor_alive(const std::filesystem::path& lock_file) {
  const auto file = open_own(lock_file);
  return file && probe_lock(file.get()) == lock_state::held;
}

expected<std::optional<supervisor_lock>> supervisor_lock::acquire(const std::filesystem::path& lock_file) {
  // A file that was replaced between open and lock is not the one that others will look at: open again.
  for (;;) {
    unique_fd file{::open(lock_file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)};
    const int problem = errno;
    if (const auto why = file ? why_foreign(file.get()) : why_not_opened(problem); !why.empty())
      return foreign_file(lock_file, why);
    if (!file)
      return io_failure("opening the supervisor's lock", lock_file.native(), problem);
    switch (try_lock(file.get())) {
    case lock_state::held:
      return std::nullopt;
    case lock_state::error:
      return io_failure("locking", lock_file.native(), errno);
    case lock_state::free:
      break;
    }
    if (!same_file(file.get(), lock_file))
      continue;
    if (!has_other_names(file.get()))
      return supervisor_lock{std::move(file), lock_file};
    ::unlink(lock_file.c_str());
  }
}

expected<void> supervisor_lock::publish(const supervisor_entry& entry) {
  const nlohmann::json json{{"socket", entry.socket.native()}, {"state", entry.state.native()},
                            {"config", entry.config.native()}, {"version", entry.version},
                            {"protocol", entry.protocol},      {"activated", entry.is_activated}};
  const auto text = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  if (::ftruncate(fd_.get(), 0) != 0 ||
      ::pwrite(fd_.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return io_failure("writing", path_.native(), errno);
  return {};
}

bool supervisor_lock::is_still_ours() const { return same_file(fd_.get(), path_); }

} // namespace agent_dispatch
