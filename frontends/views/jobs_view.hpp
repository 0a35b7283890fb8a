#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "actors/logic/job_rules.hpp"
#include "messages/job.hpp"
#include "messages/json.hpp"

/// What the tools about jobs answer, and their commands with `--json`. Members come in the interface's order.
namespace agent_dispatch {

/// A row of `dispatch_jobs`: `id, agent, status, task` (120 characters)`, created_at, started_at?, completed_at?,
/// success?, cost_usd?, last_progress?, error_type?`.
ordered_json job_row_json(const job_record& record);
ordered_json job_rows_json(std::span<const job_record> records);

/// `dispatch_status`: the record as its file has it.
ordered_json job_json(const job_record& record);

/// `dispatch_wait`: the record, with `timed_out_waiting: true` when the job is not finished.
ordered_json waited_job_json(const job_record& record);

/// `dispatch_cancel`: `job_id, outcome, status, message?`.
ordered_json cancel_json(const cancel_report& report);

/// `dispatch_async` and `retry`: `job_id, status, agent`.
ordered_json accepted_job_json(const job_record& record);

/// `dispatch_gc`: `purged, max_age_days`.
ordered_json gc_json(std::size_t purged, double max_age_days);

/// The result of a finished job. One that ended without (cancelled before its start, lost) gets one from its record.
/// The record must be terminal.
dispatch_result result_of_job(const job_record& record);

/// `fetch_result`: the DispatchResult, its text cut to `max_chars` characters (≤ 0: whole) with `truncated` and
/// `full_size` (characters) when it was; the record while the job is unfinished.
ordered_json fetched_result_json(const job_record& record, std::int64_t max_chars);

/// A ref: `ref, agent, success, size` (characters)`, summary_chars` (as shown)`, summary`, then what is set of the
/// rest. `summary_chars` is clamped to 0–100,000.
ordered_json ref_json(const job_id& ref, const dispatch_result& result, std::int64_t summary_chars);

} // namespace agent_dispatch
