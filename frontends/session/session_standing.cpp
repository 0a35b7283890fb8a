#include "actors/log.hpp"
#include "frontends/session/session.hpp"

/// How calls stand, for those that want to know it.
namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// Most calls have begun by then.
constexpr std::chrono::milliseconds first_look{300};
/// How often it is asked how a call stands, and what a stop waits for.
constexpr std::chrono::seconds look_interval{1};

/// `status`, when this is its place in the queue.
call_status placed(call_status status, const queue_position_ptr& place, call_state otherwise) {
  status.state = place ? call_state::queued : otherwise;
  status.position = place ? place->position : 0;
  status.reason = place ? place->reason : std::string{};
  return status;
}

} // namespace

call_status session_state::status_after(call_status status, const progress_event& event) {
  switch (event.kind) {
  case progress_kind::queued:
    status.state = call_state::queued;
    break;
  case progress_kind::started:
    return {.state = call_state::running, .last_act = std::move(status.last_act), .cost_usd = status.cost_usd};
  case progress_kind::spent:
    status.cost_usd = event.cost_usd;
    break;
  case progress_kind::text:
  case progress_kind::tool:
  case progress_kind::note:
    return {.state = call_state::running, .last_act = event.text, .cost_usd = status.cost_usd};
  }
  return status;
}

void session_state::look_soon(live_call& call) {
  if (call.what.wants_status)
    call.look_at = clock::now() + first_look;
}

void session_state::look(std::uint64_t line, live_call& call) {
  if (call.is_started && !call.has_parts) {
    call.look_at.reset();
    return;
  }
  call.look_at = clock::now() + look_interval;
  const auto silent = [](const caf::error&) { log::warn("no answer about how a call stands"); };
  if (call.is_watch)
    self->request(core.jobs, caf::infinite, get_watched_job{key(line)})
        .then([this, line](const job_standing_ptr& job) { found_job(line, job); }, silent);
  else
    self->request(core.requests, caf::infinite, get_request_position{key(line)})
        .then([this, line](const queue_position_ptr& place) { found_place(line, place); }, silent);
}

void session_state::found_place(std::uint64_t line, const queue_position_ptr& place) {
  const auto found = calls.find(line);
  if (found == calls.end() || (found->second.is_started && !found->second.has_parts))
    return;
  auto& call = found->second;
  stands(line, call, placed(call.status, place, call.is_started ? call_state::running : call_state::starting));
}

void session_state::found_job(std::uint64_t line, const job_standing_ptr& job) {
  const auto found = calls.find(line);
  if (found == calls.end() || found->second.is_started || !job)
    return;
  auto& call = found->second;
  call.is_started = job->is_running;
  stands(line, call, placed(call.status, job->place, job->is_running ? call_state::running : call_state::starting));
}

void session_state::stands(std::uint64_t line, live_call& call, call_status now) {
  if (!call.what.wants_status || call.status == now)
    return;
  call.status = std::move(now);
  tell(line, call, {});
}

void session_state::begin_stop(std::uint64_t line, pending_call what) {
  auto& stop =
      stops.emplace(line, live_stop{.what = std::move(what), .status = {}, .look_at = clock::now()}).first->second;
  look_at_stop(line, stop);
  schedule_tick();
}

void session_state::look_at_stop(std::uint64_t line, live_stop& stop) {
  stop.look_at = clock::now() + look_interval;
  self->request(core.supervisor, caf::infinite, get_status{})
      .then([this, line](const supervisor_status& status) { found_runs(line, status.admission); },
            [](const caf::error&) { log::warn("no answer about what a stop waits for"); });
}

void session_state::found_runs(std::uint64_t line, const admission_figures& figures) {
  const auto found = stops.find(line);
  if (found == stops.end() || found->second.status.agents == figures.agents)
    return;
  auto& stop = found->second;
  stop.status.state = call_state::running;
  stop.status.agents = figures.agents;
  link->send("note", line, dialect->status_line(stop.what, stop.status, {}), importance::droppable);
}

} // namespace agent_dispatch
