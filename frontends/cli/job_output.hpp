#pragma once

#include <vector>

#include "actors/storage/job_files.hpp"
#include "frontends/cli/cli_io.hpp"
#include "messages/json.hpp"

/// How jobs look to people.
namespace agent_dispatch {

/// As many characters of an id as are shown where there is little room.
inline constexpr std::size_t short_id_characters = 12;

/// A table, a row per job; `rows` as the tool `dispatch_jobs` answers. What is missing or of a wrong type is left
/// blank.
void print_job_rows(cli_io& io, const ordered_json& rows);

/// All that is known of one job, and its result.
void print_job(cli_io& io, const job_record& record);

/// `<id> <status> <agent> <cost>` on one line.
void print_job_line(cli_io& io, const job_record& record);

/// Says on the error output that files were passed over; nothing when there were none.
void print_skipped(cli_io& io, const std::vector<skipped_file>& skipped);

/// `2026-11-21 14:58` in the local time zone; "" for what is no date.
std::string local_time(double unix_seconds);

} // namespace agent_dispatch
