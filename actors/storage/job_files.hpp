#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/fault.hpp"
#include "messages/job.hpp"
#include "messages/process.hpp"

namespace agent_dispatch {

/// A name in the jobs directory that looks like a record's and is none. It was left alone.
struct skipped_file {
  std::string name; ///< within the jobs directory, UTF-8
  std::string why;  ///< a sentence without its subject: "is a symbolic link"

  bool operator==(const skipped_file&) const = default;
};

/// What became of a change to a record.
enum class change_outcome {
  written,       ///< the record on disk is the new one
  kept_terminal, ///< the one on disk was terminal already, and stays
  gone,          ///< there is none, and none was made
};

struct changed_record {
  change_outcome outcome = change_outcome::written;
  job_record record; ///< as it is on disk now; for `gone`: as it was given
};

/// Records found by a walk over the directory.
struct found_records {
  std::vector<job_record> records;
  std::vector<skipped_file> skipped;
};

/// The record without what no list shows: its context, the end of a long task, the text of its result.
job_record in_short(job_record record);

struct collected_records {
  std::size_t purged = 0;
  std::vector<skipped_file> skipped;
};

/// How old records must be to be removed.
enum class collect { older_than_age, all };

/// The job records of one jobs directory: `<id>.json`, one each. Several objects, processes and programs may work on
/// the same directory: all that is written, is written under its lock (flock on `<jobs>/.jobs.lock`, waited for at most
/// 10 s), after the record was read again. A terminal record stays as it is, whatever is to be written.
///
/// A record is replaced as a whole (temporary file, rename) and is 0600 at every instant. Symbolic links, FIFOs,
/// directories, files that are damaged, over 64 MiB or named otherwise than their id are never followed, waited for or
/// changed.
///
/// Every function blocks on the disk and may be called from any thread. Faults: `io` (disk, permissions: what, where,
/// what to do), `lock_timeout`, `protocol` (the file asked for is no record), `invalid_argument`.
class job_files {
public:
  /// Called after each step of a write with its name: `locked`, `opened`, `written`, `synced` (the file), `renamed`,
  /// `synced directory`. Tests cut a write there.
  using step_hook = std::function<void(std::string_view step)>;
  /// Gives the record that shall replace the one on disk, or the fault for which nothing is changed.
  using transition = std::function<expected<job_record>(const job_record& on_disk)>;
  /// Gets each readable record of a walk, with the file's mtime in Unix seconds.
  using visitor = std::function<void(job_record record, double modified)>;

  /// `directory`: real path. `owner`: our mark, as `owner_of` gives it. Touches nothing.
  job_files(std::filesystem::path directory, std::string owner, step_hook hook = {});

  const std::filesystem::path& directory() const { return directory_; }
  const std::string& owner() const { return owner_; }
  std::filesystem::path path_of(const job_id& id) const;

  /// Absent: there is none of that id (or it is no id). Opens that one file.
  expected<std::optional<job_record>> read(const job_id& id) const;

  /// Writes a record that is not there yet; `invalid_argument` when one is, or something else of its name.
  expected<void> create(const job_record& record, durability safety) const;

  /// Writes `record` over the one of its id, unless that is terminal. The exception: the result of a job of ours that
  /// was cancelled is added to a cancelled record without one; nothing else of that changes. A record that has vanished
  /// is made anew, except by such an addition. Members unknown to us that are on disk are kept.
  expected<changed_record> replace(const job_record& record, durability safety) const;

  /// The same with a change that is made from what is on disk, under the lock. `gone` when there is no record. A fault
  /// of `change` is handed on. A terminal record is not shown to `change`.
  expected<changed_record> update(const job_id& id, const transition& change, durability safety) const;

  /// Sets the file's times to now, so that other programs see the job alive. False when there is no such file.
  expected<bool> touch(const job_id& id) const;

  /// Newest first (by created_at, then id), at most `limit`, `in_short`. `status`: absent for all.
  expected<found_records> list(std::optional<job_status> status, std::size_t limit) const;

  /// Ids of files whose name begins so, sorted, at most `limit`; none is opened. A prefix that is empty or not of
  /// lower-case hexadecimal digits finds nothing.
  expected<std::vector<job_id>> find_by_prefix(std::string_view prefix, std::size_t limit) const;

  /// Whether a record is one of ours, pending or running.
  bool is_unfinished(const job_record& record) const;

  /// The pending and running records of ours, also those from before a reboot; oldest first.
  expected<found_records> unfinished() const;

  /// Removes terminal records, and nothing else. `age` counts for `older_than_age`.
  expected<collected_records> gc(collect which, std::chrono::duration<double> age, double now) const;

  /// Makes the records that another program has abandoned failed (see `staleness`). Gives those it changed.
  expected<found_records> recover_stale(double now) const;
  /// The same of these jobs alone, with nothing skipped.
  expected<found_records> recover_stale(double now, const std::vector<job_id>& candidates) const;

  /// Removes what writers that were killed have left: temporary files of ours that nobody holds.
  expected<std::size_t> remove_leftovers() const;

  /// Whether a name in the directory is taken for a record's. What has such a name and is none is skipped.
  static bool is_record_name(std::string_view name);
  /// As `skipped_file` has it.
  static std::string shown_name(std::string_view name);
  static constexpr std::string_view not_named_like_a_job = "is not named like a job";

  /// Walks over all records, in no order. What is no record is returned.
  expected<std::vector<skipped_file>> for_each(const visitor& visit) const;

private:
  class locked_directory;

  expected<changed_record> give_up_stale(const job_id& id, double now) const;

  std::filesystem::path directory_;
  std::string owner_;
  step_hook hook_;
};

} // namespace agent_dispatch
