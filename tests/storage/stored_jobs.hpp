#pragma once

#include <string>
#include <vector>

#include "actors/storage/job_files.hpp"
#include "tests/config/temporary_directory.hpp"

namespace agent_dispatch {

inline const std::string our_mark = "machine:boot:1:jobs";
inline const std::string mark_before_reboot = "machine:earlier:2:jobs";
inline constexpr double test_now = 1700000000;

/// 32 hexadecimal digits that end in `number`.
job_id numbered_id(unsigned number);

/// A record of ours.
job_record make_record(unsigned number, job_status status = job_status::pending);

dispatch_result make_result(bool success);

/// A record as the Python program writes it: no owner, and members we do not know.
std::string python_record(const job_id& id, const std::string& status);

/// The record on disk; fails the test when there is none.
job_record stored(const job_files& files, const job_id& id);

/// Names of all that is in a directory, sorted.
std::vector<std::string> names_in(const std::filesystem::path& directory);

void write_record(const job_files& files, const job_record& record);

/// Sets a file's mtime, Unix seconds.
void set_modified(const std::filesystem::path& file, double seconds);

} // namespace agent_dispatch
