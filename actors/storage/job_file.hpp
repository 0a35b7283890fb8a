#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include <tl/expected.hpp>

#include "messages/fault.hpp"
#include "messages/job.hpp"
#include "messages/process.hpp"

/// One record's file: reading it without trusting it, writing it whole. Who may write when is job_files' matter.
namespace agent_dispatch {

struct job_file {
  job_record record;
  double modified = 0; ///< mtime, Unix seconds
};

/// Why a file gave no record.
struct unreadable_job_file {
  enum class reason {
    missing,      ///< nothing of that name
    not_a_record, ///< something else, or damaged: to be left alone
    system,       ///< it could not be opened or read
  };
  reason what = reason::system;
  std::string why; ///< a sentence without its subject: "is a symbolic link"
};

/// `<id>.json` in the directory.
std::filesystem::path job_file_path(const std::filesystem::path& directory, const job_id& id);

/// The id that a file of this name must hold; empty when it is no record's name.
job_id job_id_of_name(std::string_view name);

/// The record of that job in a file's bytes, which may be anything. Throws nothing but bad_alloc.
tl::expected<job_record, unreadable_job_file> parse_job_record(std::string_view text, const job_id& id);

/// Reads one record. Follows no link, waits for no writer, reads no more than 64 MiB.
tl::expected<job_file, unreadable_job_file> read_job_file(const std::filesystem::path& directory, const job_id& id);

/// Puts the record in its place: a temporary file (0600, locked while it is written), rename; with `durability::disk`
/// file and directory are synced. Calls `hook`, when there is one, after each step. Fault `io`: the old record is
/// there and the temporary file is not, unless only the directory could not be synced.
expected<void> write_job_file(const std::filesystem::path& directory, const job_record& record, durability safety,
                              const std::function<void(std::string_view)>& hook);

/// Whether a file is named as `write_job_file` names its temporary ones.
bool is_temporary_job_file(std::string_view name);

/// Removes a temporary file unless its writer lives. True when it is gone.
bool remove_if_abandoned(const std::filesystem::path& file);

/// A fault of kind `io` about a jobs directory: what failed, where, the text of errno and what to do about it.
/// `operation`: "Writing the record of job …".
tl::unexpected<fault> jobs_failure(std::string_view operation, const std::filesystem::path& directory,
                                   int error_number);

} // namespace agent_dispatch
