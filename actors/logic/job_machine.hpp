#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "messages/fault.hpp"
#include "messages/job.hpp"

namespace agent_dispatch {

/// What can happen to a job.
enum class job_event {
  start,            ///< its run has been admitted
  progress,         ///< its run did something
  succeed,          ///< its run ended with a good result
  fail,             ///< its run ended with a bad one, was lost, or will never start
  cancel,           ///< somebody ended it
  settle_cancelled, ///< the run of a cancelled job has ended, and what it cost is known
};

/// `start`, `progress`, …: for logs and tests.
std::string_view to_string(job_event event);

/// The state machine of jobs, whole. Absent: the event is refused, and the record stays as it is.
///
///     state      start    progress  succeed  fail    cancel     settle_cancelled
///     pending    running  –         –        failed  cancelled  –
///     running    –        running   done     failed  cancelled  –
///     done       –        –         –        –       –          –
///     failed     –        –         –        –       –          –
///     cancelled  –        –         –        –       –          cancelled
std::optional<job_status> next_status(job_status status, job_event event);

/// Events applied to records. Each gives the changed record, or fault `invalid_argument` with a sentence when the table
/// refuses the event. Times are Unix seconds; texts become valid UTF-8.
namespace job_machine {

/// A job keeps so many progress lines.
inline constexpr std::size_t progress_lines = 20;
/// Progress reaches the disk at most this often.
inline constexpr std::chrono::seconds progress_interval{1};

expected<job_record> start(job_record record, double now);

/// Keeps the last 20 lines, each cut to 300 characters.
expected<job_record> add_progress(job_record record, std::string_view line, double now);

/// How many of the last `lines` of a run, at their end, the record does not know yet. Told apart by their text: where
/// the record ends in the middle of lines that repeat, the most of them are taken as known.
std::size_t count_unknown(const job_record& record, const std::vector<std::string>& lines);

/// done or failed, as the result says; the error of a failed one is copied, and the session its run had.
expected<job_record> finish(job_record record, dispatch_result result, double now);

/// Failed without a result: never started, or lost. `sentence` becomes the error.
expected<job_record> fail(job_record record, double now, std::string_view sentence);

/// `sentence` becomes the error. Session and progress stay.
expected<job_record> cancel(job_record record, double now, std::string_view sentence);

/// The one addition that a cancelled record may get, once: the result of its run, with what it cost. Status, error and
/// times stay. Refused when there is a result already.
expected<job_record> settle_cancelled(job_record record, dispatch_result result);

/// Whether progress may be written again, `written` being when it last was.
bool is_progress_due(std::optional<double> written, double now);

} // namespace job_machine

} // namespace agent_dispatch
