#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "messages/fault.hpp"
#include "messages/job.hpp"

namespace agent_dispatch {

/// Whose record it is. Marks are as `owner_of` makes them.
enum class job_owner {
  ours,            ///< of this machine, boot, pid namespace and jobs directory
  before_reboot,   ///< ours, from before this machine was started: nothing of it can be alive
  another_program, ///< no mark, or that of another machine, container or configuration: it may be alive
};

job_owner owner_of_record(std::string_view record_mark, std::string_view our_mark);

/// Why a record of another program is taken for abandoned.
enum class job_staleness {
  fresh,         ///< it is not
  silent,        ///< running for over an hour, and its file untouched as long
  never_started, ///< pending for over 24 hours, and its file untouched for an hour
};

/// For records of another program; `modified` is the file's mtime. Times are Unix seconds. What lies in the future is
/// fresh.
job_staleness staleness(const job_record& record, double modified, double now);

/// The error of a record that was given up as stale. `fresh` has none: "".
std::string stale_sentence(job_staleness why);

/// Terminal, and for longer than `age`. An `age` of zero takes every terminal record.
bool is_collectable(const job_record& record, std::chrono::duration<double> age, double now);

/// What a cancel came to: the words of the interface.
enum class cancel_outcome {
  cancelled,         ///< it was pending and will never run
  cancelled_running, ///< it was running; its run is being ended
  already_terminal,  ///< nothing was to be done
  running,           ///< another program runs it: not ours to end
};

std::string_view to_string(cancel_outcome outcome);

/// What a cancel of this record, as it is now, comes to.
cancel_outcome outcome_of_cancel(const job_record& record, job_owner owner);

/// What `dispatch_cancel` answers.
struct cancel_report {
  job_id id;
  cancel_outcome outcome = cancel_outcome::cancelled;
  job_status status = job_status::cancelled; ///< of the record after the cancel
  std::string message{};                     ///< a sentence; "" when there is nothing to say
};

/// `record`: as it was before the cancel.
cancel_report report_of_cancel(const job_record& record, job_owner owner);

/// The error of a job that was cancelled, before or after its start.
std::string cancelled_sentence(const job_record& record);

/// The request that `retry` makes of a record: in its session, when there is one. Fault `invalid_argument`: the job is
/// not finished.
expected<run_request> run_again(const job_record& record);

/// A job is touched this often while it is live: after an hour's silence the Python program calls it abandoned.
inline constexpr std::chrono::minutes live_touch_interval{10};

/// A moment by two clocks, in seconds: one that stands still while the machine sleeps, and one that is set.
struct moment {
  double steady = 0;
  double wall = 0;
};

/// By either clock: after a night's sleep, the files look abandoned until they are touched.
bool is_touch_due(const moment& last, const moment& now);

} // namespace agent_dispatch
