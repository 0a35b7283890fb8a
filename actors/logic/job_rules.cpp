#include "actors/logic/job_rules.hpp"

#include <array>
#include <cmath>

namespace agent_dispatch {

namespace {

using namespace std::chrono_literals;

constexpr std::chrono::duration<double> silence = 1h;
constexpr std::chrono::duration<double> pending_for_ever = 24h;

/// Machine, boot, pid namespace, jobs directory.
constexpr std::size_t mark_parts = 4;

/// Empty parts when it is not such a mark.
std::array<std::string_view, mark_parts> split_mark(std::string_view mark) {
  std::array<std::string_view, mark_parts> parts{};
  for (std::size_t i = 0; i < mark_parts; ++i) {
    const auto end = mark.find(':');
    const bool is_last = i + 1 == mark_parts;
    if ((end == std::string_view::npos) != is_last)
      return {};
    parts.at(i) = mark.substr(0, end);
    mark.remove_prefix(is_last ? mark.size() : end + 1);
  }
  return parts;
}

bool is_known(std::string_view part) { return !part.empty() && part != "-"; }

bool is_older(double since, double now, std::chrono::duration<double> age) { return now - since > age.count(); }

/// A session is there to be resumed once something has run in it. A result names it then, and a refusal only one that
/// was there before.
std::optional<session_id> begun_session(const job_record& record) {
  if (record.result)
    return record.result->session;
  return record.started_at ? record.session : std::nullopt;
}

} // namespace

job_owner owner_of_record(std::string_view record_mark, std::string_view our_mark) {
  if (record_mark.empty())
    return job_owner::another_program;
  if (record_mark == our_mark)
    return job_owner::ours;
  const auto [machine, boot, space, jobs] = split_mark(record_mark);
  const auto [our_machine, our_boot, our_space, our_jobs] = split_mark(our_mark);
  const bool same_place = is_known(machine) && machine == our_machine && is_known(jobs) && jobs == our_jobs;
  const bool another_boot = is_known(boot) && is_known(our_boot) && boot != our_boot;
  return same_place && another_boot ? job_owner::before_reboot : job_owner::another_program;
}

job_staleness staleness(const job_record& record, double modified, double now) {
  if (is_terminal(record.status) || !is_older(modified, now, silence))
    return job_staleness::fresh;
  if (record.status == job_status::running)
    return is_older(record.started_at.value_or(record.created_at), now, silence) ? job_staleness::silent
                                                                                 : job_staleness::fresh;
  return is_older(record.created_at, now, pending_for_ever) ? job_staleness::never_started : job_staleness::fresh;
}

std::string stale_sentence(job_staleness why) {
  switch (why) {
  case job_staleness::fresh:
    return {};
  case job_staleness::silent:
    return "The program that ran this job has given no sign of life for over an hour: the job is taken for lost. "
           "Dispatch the task again.";
  case job_staleness::never_started:
    return "This job waited for over 24 hours and was never started. Nothing was spent; dispatch the task again.";
  }
  return {};
}

bool is_collectable(const job_record& record, std::chrono::duration<double> age, double now) {
  if (!is_terminal(record.status))
    return false;
  return age <= age.zero() || is_older(record.completed_at.value_or(record.created_at), now, age);
}

std::string_view to_string(cancel_outcome outcome) {
  switch (outcome) {
  case cancel_outcome::cancelled:
    return "cancelled";
  case cancel_outcome::cancelled_running:
    return "cancelled_running";
  case cancel_outcome::already_terminal:
    return "already_terminal";
  case cancel_outcome::running:
    return "running";
  }
  return "running";
}

cancel_outcome outcome_of_cancel(const job_record& record, job_owner owner) {
  if (is_terminal(record.status))
    return cancel_outcome::already_terminal;
  if (record.status == job_status::pending)
    return cancel_outcome::cancelled;
  return owner == job_owner::another_program ? cancel_outcome::running : cancel_outcome::cancelled_running;
}

cancel_report report_of_cancel(const job_record& record, job_owner owner) {
  cancel_report report{.id = record.id, .outcome = outcome_of_cancel(record, owner)};
  if (report.outcome == cancel_outcome::already_terminal) {
    report.status = record.status;
    report.message = "The job is " + std::string{to_string(record.status)} + " already; nothing was changed.";
  } else if (report.outcome == cancel_outcome::running) {
    report.status = record.status;
    report.message = "Another program runs this job, so it cannot be ended from here. Cancel it where it was started.";
  }
  return report;
}

std::string cancelled_sentence(const job_record& record) {
  return record.status == job_status::pending ? "The job was cancelled before it started."
                                              : "The job was cancelled while it ran.";
}

expected<run_request> run_again(const job_record& record) {
  if (!is_terminal(record.status))
    return failure(fault_kind::invalid_argument, "Job '" + record.id.value +
                                                     "' is not finished; `agent-dispatch cancel " + record.id.value +
                                                     "` ends it.");
  const auto asked = record.request.value_or(job_request{});
  run_request run{.agent = record.agent,
                  .task = record.task,
                  .context = record.context,
                  .caller = record.caller,
                  .goal = record.goal,
                  .format = asked.format,
                  .resume = {},
                  .timeout = asked.timeout,
                  .group = asked.group,
                  .clamp_timeout = asked.clamp_timeout};
  if (const auto session = begun_session(record); session && !session->empty())
    run.resume = session;
  return run;
}

bool is_touch_due(const moment& last, const moment& now) {
  constexpr double interval = std::chrono::duration<double>{live_touch_interval}.count();
  return now.steady - last.steady >= interval || std::abs(now.wall - last.wall) >= interval;
}

} // namespace agent_dispatch
