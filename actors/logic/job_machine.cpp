#include "actors/logic/job_machine.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using state = job_status;
using next = std::optional<job_status>;

constexpr next refused = std::nullopt;
constexpr std::size_t event_count = 6;

/// One row of the table, in the order of `job_event`.
struct transitions {
  job_status from;
  std::array<next, event_count> to;
};

// start, progress, succeed, fail, cancel, settle_cancelled
constexpr std::array table{
    transitions{state::pending, {{state::running, refused, refused, state::failed, state::cancelled, refused}}},
    transitions{state::running, {{refused, state::running, state::done, state::failed, state::cancelled, refused}}},
    transitions{state::done, {{refused, refused, refused, refused, refused, refused}}},
    transitions{state::failed, {{refused, refused, refused, refused, refused, refused}}},
    transitions{state::cancelled, {{refused, refused, refused, refused, refused, state::cancelled}}},
};

constexpr std::array<std::string_view, event_count> event_words{"start", "progress", "succeed",
                                                                "fail",  "cancel",   "settle_cancelled"};

tl::unexpected<fault> refusal(const job_record& record, job_event event) {
  return failure(fault_kind::invalid_argument, "Job " + record.id.value + " is " +
                                                   std::string{to_string(record.status)} + ": the event '" +
                                                   std::string{to_string(event)} + "' changes nothing of it.");
}

/// The record in its next state, or why not.
expected<job_record> moved(job_record record, job_event event) {
  const auto to = next_status(record.status, event);
  if (!to)
    return refusal(record, event);
  record.status = *to;
  return record;
}

expected<job_record> ended(job_record record, job_event event, double now, std::string_view sentence) {
  auto changed = moved(std::move(record), event);
  if (changed) {
    changed->completed_at = now;
    changed->error = to_valid_utf8(sentence);
  }
  return changed;
}

/// As a job keeps it.
std::string kept_line(std::string_view line) {
  return std::string{first_characters(to_valid_utf8(line), limits::job_progress_characters)};
}

} // namespace

std::string_view to_string(job_event event) { return event_words.at(static_cast<std::size_t>(event)); }

std::optional<job_status> next_status(job_status status, job_event event) {
  const auto* const row = std::find_if(table.begin(), table.end(), [&](const auto& r) { return r.from == status; });
  return row == table.end() ? refused : row->to.at(static_cast<std::size_t>(event));
}

namespace job_machine {

expected<job_record> start(job_record record, double now) {
  auto changed = moved(std::move(record), job_event::start);
  if (changed)
    changed->started_at = now;
  return changed;
}

expected<job_record> add_progress(job_record record, std::string_view line, double now) {
  auto changed = moved(std::move(record), job_event::progress);
  if (!changed)
    return changed;
  auto& lines = changed->progress;
  lines.push_back(kept_line(line));
  if (lines.size() > progress_lines)
    lines.erase(lines.begin(), lines.end() - static_cast<std::ptrdiff_t>(progress_lines));
  changed->progress_updated_at = now;
  return changed;
}

std::size_t count_unknown(const job_record& record, const std::vector<std::string>& lines) {
  std::vector<std::string> kept;
  std::transform(lines.begin(), lines.end(), std::back_inserter(kept),
                 [](const auto& line) { return kept_line(line); });
  const auto& known = record.progress;
  // The longest part of `kept` that the record ends with; of several as long, the last.
  std::size_t most = 0;
  std::size_t after = 0;
  for (std::size_t end = 1; end <= kept.size(); ++end) {
    std::size_t same = 0;
    while (same < std::min(end, known.size()) && kept[end - 1 - same] == known[known.size() - 1 - same])
      ++same;
    if (same > 0 && same >= most) {
      most = same;
      after = end;
    }
  }
  return kept.size() - after;
}

expected<job_record> finish(job_record record, dispatch_result result, double now) {
  auto changed = moved(std::move(record), result.success ? job_event::succeed : job_event::fail);
  if (!changed)
    return changed;
  changed->completed_at = now;
  if (!result.success)
    changed->error = result.error;
  if (result.session)
    changed->session = result.session;
  changed->result = std::move(result);
  return changed;
}

expected<job_record> fail(job_record record, double now, std::string_view sentence) {
  return ended(std::move(record), job_event::fail, now, sentence);
}

expected<job_record> cancel(job_record record, double now, std::string_view sentence) {
  return ended(std::move(record), job_event::cancel, now, sentence);
}

expected<job_record> settle_cancelled(job_record record, dispatch_result result) {
  if (record.result)
    return refusal(record, job_event::settle_cancelled);
  auto changed = moved(std::move(record), job_event::settle_cancelled);
  if (changed)
    changed->result = std::move(result);
  return changed;
}

bool is_progress_due(std::optional<double> written, double now) {
  const double interval = std::chrono::duration<double>{progress_interval}.count();
  // A clock that was set back must not silence a job until it has caught up.
  return !written || now < *written || now - *written >= interval;
}

} // namespace job_machine

} // namespace agent_dispatch
