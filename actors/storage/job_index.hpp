#pragma once

#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/stat.h>

#include "actors/run/unique_fd.hpp"
#include "actors/storage/job_files.hpp"

namespace agent_dispatch {

/// What answers about many records without opening each: for every record its id, status and time of creation, read
/// once and kept by what the kernel tells of the directory (inotify). So a question costs what its answer costs, and is
/// answered as by a walk over the directory: whoever wrote a record, it has been heard of before it is looked for.
///
/// Where the directory cannot be watched (no inotify left, another one in its place, more events than the kernel
/// keeps, a file system that others may write to without this kernel) all is read anew. About 100 bytes a record.
/// Blocks on the disk; for one thread.
class job_index {
public:
  /// `files` must outlive it. Reads nothing yet.
  explicit job_index(const job_files& files) : files_{files} {}

  /// As job_files::list.
  expected<found_records> list(std::optional<job_status> status, std::size_t limit);
  /// As job_files::unfinished.
  expected<found_records> unfinished();
  /// The pending and running jobs of other programs, in no order.
  expected<std::vector<job_id>> unfinished_of_others();

private:
  static constexpr std::size_t statuses = 5;

  /// An id's 128 bits.
  using packed_id = std::array<unsigned char, 16>;
  struct hash_of_id {
    std::size_t operator()(const packed_id& id) const noexcept;
  };
  /// By time, then id: the newest is last.
  using place = std::pair<double, packed_id>;
  struct known_job {
    double created_at = 0;
    job_status status = job_status::pending;
  };

  static packed_id pack(const job_id& id);
  static job_id unpack(const packed_id& id);

  /// Up to date with the directory.
  expected<void> refresh();
  expected<void> read_all();
  void watch();
  /// What has been told since; false when that is not all there was.
  bool take_events();
  bool is_same_directory() const;
  /// As it is now.
  void look_at(const std::string& name);
  /// At what could not be read: for want of a descriptor, say, of which nothing is told when it is over.
  void look_again();
  void add(const packed_id& id, known_job job);
  void remove(const packed_id& id);
  std::vector<place>& of(job_status status) { return places_[static_cast<std::size_t>(status)]; }
  /// The newest of some statuses, at most `limit`.
  std::vector<packed_id> newest(const std::vector<job_status>& wanted, std::size_t limit) const;
  /// All that are pending or running, whoever's they are; the oldest first.
  expected<std::vector<job_record>> open_records();
  std::vector<skipped_file> skipped() const;

  const job_files& files_;
  unique_fd events_; ///< empty: nothing is known
  struct stat watched_ {};
  std::unordered_map<packed_id, known_job, hash_of_id> jobs_;
  std::array<std::vector<place>, statuses> places_;
  std::map<std::string, std::string> skipped_; ///< names that are no record, and why
};

} // namespace agent_dispatch
