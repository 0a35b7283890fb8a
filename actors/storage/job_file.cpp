#include "actors/storage/job_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "actors/logic/json_span.hpp"
#include "actors/run/descriptor_io.hpp"
#include "actors/run/open_lock.hpp"
#include "config/own_file.hpp"
#include "config/shell_quote.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;
using reason = unreadable_job_file::reason;

constexpr std::string_view record_suffix = ".json";
/// Hidden, and not a name that ends as records do: the Python program takes every `*.json` for a record.
constexpr std::string_view temporary_prefix = ".job-";
constexpr std::string_view temporary_suffix = ".tmp";
constexpr std::size_t id_characters = 32;
constexpr std::size_t uuid_characters = 36;
constexpr double nanosecond = 1e-9;

tl::unexpected<unreadable_job_file> refuse(reason what, std::string why) {
  return tl::make_unexpected(unreadable_job_file{what, std::move(why)});
}

tl::unexpected<unreadable_job_file> cannot_open(int error_number) {
  if (error_number == ENOENT)
    return refuse(reason::missing, "does not exist");
  if (auto why = why_not_opened(error_number); !why.empty())
    return refuse(reason::not_a_record, std::move(why));
  return refuse(reason::system, std::string{"cannot be read: "} + std::strerror(error_number));
}

tl::expected<struct stat, unreadable_job_file> check_kind(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0)
    return cannot_open(errno);
  if (auto why = why_not_own_file(status); !why.empty())
    return refuse(reason::not_a_record, std::move(why));
  if (static_cast<std::uint64_t>(status.st_size) > limits::frame_bytes)
    return refuse(reason::not_a_record, "is over 64 MiB");
  return status;
}

std::string_view remedy_for(int error_number) {
  switch (error_number) {
  case ENOSPC:
  case EDQUOT:
    return "make room there";
  case EROFS:
    return "its file system is read-only: make it writable, or name another directory with AGENT_DISPATCH_JOBS_DIR";
  case EACCES:
  case EPERM:
    return "make the directory writable for you";
  default:
    return "see that the directory and its disk are well";
  }
}

/// A file that is removed unless it was put in its place.
class temporary_file {
public:
  temporary_file(const fs::path& directory, const job_id& id)
      : path_{directory /
              std::string{temporary_prefix}.append(id.value).append(".").append(make_uuid()).append(temporary_suffix)},
        file_{::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600)}, error_{file_ ? 0
                                                                                                             : errno} {
    // Says that the writer lives. That it cannot be had is no reason not to write.
    if (file_)
      static_cast<void>(try_lock(file_.get()));
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (file_ && !placed_)
      ::unlink(path_.c_str());
  }

  int error() const { return error_; }
  int fd() const { return file_.get(); }
  int rename_to(const fs::path& path) {
    placed_ = ::rename(path_.c_str(), path.c_str()) == 0;
    return placed_ ? 0 : errno;
  }

private:
  fs::path path_;
  unique_fd file_;
  int error_;
  bool placed_ = false;
};

int sync(int fd) { return ::fsync(fd) == 0 ? 0 : errno; }

int sync_directory(const fs::path& directory) {
  const unique_fd opened{::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  return opened ? sync(opened.get()) : errno;
}

/// Goes through the steps until one fails, and tells the hook of each that worked.
class stepper {
public:
  explicit stepper(const std::function<void(std::string_view)>& hook) : hook_{hook} {}

  template <class Step>
  void go(std::string_view name, Step step) {
    if (error_ != 0)
      return;
    error_ = step();
    if (error_ == 0 && hook_)
      hook_(name);
  }
  int error() const { return error_; }

private:
  const std::function<void(std::string_view)>& hook_;
  int error_ = 0;
};

/// Returns 0 or the errno of the first step that failed.
int write_in_steps(const fs::path& directory, const job_id& id, std::string_view bytes, durability safety,
                   const std::function<void(std::string_view)>& hook) {
  temporary_file file{directory, id};
  stepper steps{hook};
  steps.go("opened", [&] { return file.error(); });
  steps.go("written", [&] { return write_all(file.fd(), bytes); });
  if (safety == durability::disk)
    steps.go("synced", [&] { return sync(file.fd()); });
  steps.go("renamed", [&] { return file.rename_to(job_file_path(directory, id)); });
  if (safety == durability::disk)
    steps.go("synced directory", [&] { return sync_directory(directory); });
  return steps.error();
}

} // namespace

fs::path job_file_path(const fs::path& directory, const job_id& id) {
  return directory / (id.value + std::string{record_suffix});
}

job_id job_id_of_name(std::string_view name) {
  if (!name.ends_with(record_suffix))
    return {};
  name.remove_suffix(record_suffix.size());
  return is_job_id(name) ? job_id{std::string{name}} : job_id{};
}

tl::expected<job_record, unreadable_job_file> parse_job_record(std::string_view text, const job_id& id) {
  if (text.size() > limits::frame_bytes)
    return refuse(reason::not_a_record, "is over 64 MiB");
  if (nesting_depth(text) > limits::file_nesting)
    return refuse(reason::not_a_record, "is nested too deep");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded())
    return refuse(reason::not_a_record, "is not JSON, or not all of it is there");
  auto record = job_record_from(json);
  if (!record)
    return refuse(reason::not_a_record, "is not a job's record: " + record.error().message);
  if (record->id != id)
    return refuse(reason::not_a_record, "holds the record of another job");
  return std::move(*record);
}

tl::expected<job_file, unreadable_job_file> read_job_file(const fs::path& directory, const job_id& id) {
  const unique_fd file{
      ::open(job_file_path(directory, id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
  if (!file)
    return cannot_open(errno);
  const auto status = check_kind(file.get());
  if (!status)
    return tl::make_unexpected(status.error());
  std::string text;
  // One byte more than is taken: the file may have grown since.
  if (const int error = read_from_start(file.get(), text, limits::frame_bytes + 1); error != 0)
    return cannot_open(error);
  auto record = parse_job_record(text, id);
  if (!record)
    return tl::make_unexpected(record.error());
  const auto& time = status->st_mtim;
  return job_file{std::move(*record),
                  static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) * nanosecond};
}

expected<void> write_job_file(const fs::path& directory, const job_record& record, durability safety,
                              const std::function<void(std::string_view)>& hook) {
  const auto bytes = dump(to_json(record)) + '\n';
  if (bytes.size() > limits::frame_bytes || nesting_depth(bytes) > limits::file_nesting)
    return failure(fault_kind::io, "The record of job " + record.id.value +
                                       " cannot be kept: it is over 64 MiB, or nested too deep. Ask the agent for a "
                                       "shorter answer, or for a file.");
  const int error = write_in_steps(directory, record.id, bytes, safety, hook);
  if (error != 0)
    return jobs_failure("Writing the record of job " + record.id.value, directory, error);
  return {};
}

bool is_temporary_job_file(std::string_view name) {
  constexpr auto length = temporary_prefix.size() + id_characters + 1 + uuid_characters + temporary_suffix.size();
  if (name.size() != length || !name.starts_with(temporary_prefix) || !name.ends_with(temporary_suffix))
    return false;
  name.remove_prefix(temporary_prefix.size());
  name.remove_suffix(temporary_suffix.size());
  return is_job_id(name.substr(0, id_characters)) && name[id_characters] == '.' &&
         is_uuid(name.substr(id_characters + 1));
}

bool remove_if_abandoned(const fs::path& file) {
  const unique_fd opened{::open(file.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  struct stat status {};
  return opened && ::fstat(opened.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         try_lock(opened.get()) == lock_state::free && ::unlink(file.c_str()) == 0;
}

tl::unexpected<fault> jobs_failure(std::string_view operation, const fs::path& directory, int error_number) {
  return failure(fault_kind::io, std::string{operation}
                                     .append(" in ")
                                     .append(to_valid_utf8(directory.native()))
                                     .append(" failed: ")
                                     .append(std::strerror(error_number))
                                     .append(". To mend it, ")
                                     .append(remedy_for(error_number))
                                     .append("; then try again."));
}

} // namespace agent_dispatch
