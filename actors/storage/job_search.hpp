#pragma once

#include <string_view>

#include "actors/storage/job_files.hpp"

namespace agent_dispatch {

/// The id that somebody means who gives one, or a prefix that no other id begins with. Fault `invalid_argument`: no
/// such job, or several; `io`. Opens no record.
expected<job_id> resolve_job(const job_files& files, std::string_view id_or_prefix);

/// The record of that job. Faults as `resolve_job` and `job_files::read`.
expected<job_record> find_job(const job_files& files, std::string_view id_or_prefix);

/// "Job 'abc' was not found. …"
std::string job_not_found_sentence(std::string_view id);

} // namespace agent_dispatch
