#pragma once

#include "actors/logic/job_rules.hpp"
#include "actors/storage/job_files.hpp"

namespace agent_dispatch {

struct cancelled_record {
  cancel_report report;
  job_record record; ///< as it is on disk now
};

/// The first half of any cancel: marks the job on disk, durably, unless it is terminal or another program runs it. The
/// run of one that was `cancelled_running` is still to be ended. Fault `invalid_argument`: there is no such job.
expected<cancelled_record> cancel_record(const job_files& files, const job_id& id, double now);

} // namespace agent_dispatch
