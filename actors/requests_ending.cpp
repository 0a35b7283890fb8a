#include "actors/requests.hpp"

#include <algorithm>

#include "actors/core_death.hpp"
#include "actors/log.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/run_answers.hpp"

/// Cancels, frontends that come and go, and the end of the supervisor.
namespace agent_dispatch {

namespace {

/// How often the lock of a frontend is looked at whose connection is gone.
constexpr std::chrono::seconds lock_recheck{1};

} // namespace

void requests_state::cancel_for_caller(const request_key& key) {
  const auto found = requests.find(key);
  const bool is_live_job = found != requests.end() && found->second.is_job &&
                           (found->second.now == phase::waiting || found->second.now == phase::executing);
  if (!is_live_job) {
    cancel(key);
    return;
  }
  self->request(jobs, caf::infinite, cancel_job{found->second.spec->job->value})
      .then(
          [this, key](const job_cancelled& cancelled) {
            if (!cancelled.report)
              cancel(key);
          },
          left_to_the_next_supervisor);
}

void requests_state::cancel(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.cancelled || found->second.now == phase::answered)
    return;
  auto& request = found->second;
  request.cancelled = true;
  if (request.now == phase::waiting && request.is_job) {
    conclude_job(request, answer_cancelled_in_queue(*request.spec));
  } else if (request.now == phase::waiting) {
    if (request.accepted->plan)
      cancel_parts(key);
    answer(key, answer_cancelled_early(request.spec)); // which forgets an orphaned one
  } else if (request.now == phase::executing && request.accepted->plan) {
    if (request.driver) // else the next one is told
      self->send(request.driver, cancel_composite{});
    cancel_parts(key);
  } else if (request.now == phase::executing && !ending_all && others_want_run_of(request)) {
    answer(key, answer_left_run(*request.spec));
  } else if (request.spec) {
    end_if_unwanted(request.spec->key);
  }
}

void requests_state::withdraw(entry& request) {
  if (!request.accepted)
    return;
  const bool is_shared = !leave_run(request);
  self->send(launcher, discard_request{request.accepted, is_shared});
  request.accepted.reset();
}

void requests_state::cancel_parts(const request_key& key) {
  for (const auto& part : parts_of(key))
    cancel(part);
}

void requests_state::drop_parts(const request_key& key) {
  for (const auto& part : parts_of(key)) {
    auto& request = requests.at(part);
    request.orphaned = true;
    if (request.now == phase::answered)
      forget(part);
    else
      cancel(part);
  }
}

std::vector<request_key> requests_state::parts_of(const request_key& key) const {
  std::vector<request_key> parts;
  for (auto place = requests.upper_bound(key.whole()); place != requests.end() && place->first.whole() == key.whole();
       ++place)
    parts.push_back(place->first);
  return parts;
}

void requests_state::cancel_children(const run_key& run) {
  self->request(admission, caf::infinite, get_queued_descendants{run})
      .then(
          [this, run](const run_keys& children) {
            std::vector<request_key> its;
            for (const auto& child : children)
              if (const auto found = runs.find(child); found != runs.end())
                for (const auto& member : found->second.members)
                  if (hangs_on(requests.at(member), run))
                    its.push_back(member.whole());
            for (const auto& each : its)
              cancel(each);
          },
          [](const caf::error&) { log::warn("admission did not say which queued runs hang on a cancelled one"); });
}

bool requests_state::hangs_on(const entry& request, const run_key& run) const {
  // What a search comes back to hangs on nothing but itself.
  std::set<run_key> seen;
  const std::function<bool(const entry&)> search = [&](const entry& member) {
    if (!member.spec || !member.spec->parent || member.spec->job)
      return false;
    if (*member.spec->parent == run)
      return true;
    const auto parent = runs.find(*member.spec->parent);
    if (parent == runs.end() || parent->second.members.empty() || !seen.insert(parent->first).second)
      return false;
    const auto& above = parent->second.members;
    return std::all_of(above.begin(), above.end(), [&](const request_key& key) { return search(requests.at(key)); });
  };
  return search(request);
}

void requests_state::arrive(const frontend_arrived& event) {
  ++connections[event.frontend];
  if (draining)
    return;
  // What is queued for a job needs nothing but its caller's environment; a synchronous request is asked for again.
  for (auto& [key, request] : requests)
    if (key.frontend == event.frontend && request.is_job && request.now == phase::waiting) {
      request.call.caller = event.caller;
      execute(request);
    }
}

void requests_state::depart(const frontend_id& frontend) {
  if (const auto found = connections.find(frontend); found != connections.end() && --found->second <= 0)
    connections.erase(found);
  check_frontend(frontend);
}

void requests_state::check_frontend(const frontend_id& frontend) {
  if (connections.contains(frontend))
    return;
  self->request(launcher, caf::infinite, is_frontend_alive{frontend})
      .then(
          [this, frontend](bool alive) {
            // It may have come meanwhile, and what it has said may still be on its way: then its going is looked at
            // again.
            if (connections.contains(frontend))
              return;
            if (alive)
              self->delayed_send(self, lock_recheck, recheck_frontend{frontend});
            else
              frontend_gone(frontend);
          },
          [frontend](const caf::error&) { log::warn("frontend {}: its lock could not be looked at", frontend.value); });
}

void requests_state::frontend_gone(const frontend_id& frontend) {
  std::vector<request_key> its;
  for (auto& [key, request] : requests)
    if (key.frontend == frontend)
      its.push_back(key);
  for (const auto& key : its) {
    const auto found = requests.find(key);
    if (found == requests.end())
      continue; // a part, gone with the whole
    auto& request = found->second;
    request.orphaned = true;
    request.acknowledged = true;
    if (request.now == phase::answered)
      forget(key);
    else if (!request.is_job && !request.spec_is_job())
      cancel(key);
    else if (request.is_job && request.now == phase::waiting && !request.call.caller && !request.is_adopting)
      never_start(request, sentences::job_never_started());
  }
}

caf::result<stop_report> requests_state::drain(stop_mode mode) {
  draining = true;
  auto promise = self->make_response_promise<stop_report>();
  drained.push_back(promise);
  if (mode == stop_mode::now || mode == stop_mode::with_frontend)
    end_all(mode);
  if (mode == stop_mode::keep_runs && !std::exchange(keeping_runs, true))
    self->send(launcher, handover());
  finish_drain_if_idle();
  return promise;
}

note_handover requests_state::handover() const {
  std::map<frontend_id, caller_context_ptr> waiting;
  for (const auto& [key, request] : requests)
    if (request.spec_is_job() && request.spec && !request.started && request.call.caller)
      waiting.emplace(key.frontend, request.call.caller);
  return {{waiting.begin(), waiting.end()}};
}

void requests_state::end_all(stop_mode mode) {
  ending_all = true;
  std::vector<request_key> open;
  for (const auto& each_request : requests) {
    const auto& request = each_request.second;
    if (request.now == phase::answered)
      continue;
    open.push_back(each_request.first);
    const bool is_known = request.spec && std::any_of(ended.ended.begin(), ended.ended.end(),
                                                      [&](const auto& each) { return each.key == request.spec->key; });
    const auto run = request.spec ? runs.find(request.spec->key) : runs.end();
    const bool lives = request.started || (run != runs.end() && run->second.started && !run->second.answer);
    if (lives && !request.cancelled && request.spec && !is_known)
      ended.ended.push_back({request.spec->key, request.spec->agent.name, request.spec->session});
  }
  for (const auto& key : open) {
    const auto found = requests.find(key);
    if (found == requests.end())
      continue; // a part, gone with the whole
    const auto& request = found->second;
    if (!request.is_job)
      cancel(key);
    else if (mode == stop_mode::now)
      caf::anon_send(jobs, cancel_job{request.spec->job->value});
    else
      end_failed(request);
  }
}

void requests_state::end_failed(const entry& request) {
  const auto key = request.call.request;
  self->request(jobs, caf::infinite,
                fail_job{*request.spec->job, sentences::job_ended_with_frontend(request.spec->session)})
      .then([this, key](const write_outcome&) { cancel(key); }, [this, key](const caf::error&) { cancel(key); });
}

bool requests_state::is_busy() const {
  // One that waits for its caller is on disk, and the next supervisor's as well as ours.
  const bool has_request = std::any_of(requests.begin(), requests.end(), [](const auto& each) {
    return each.second.now != phase::answered && each.second.now != phase::waiting;
  });
  return has_request || std::any_of(runs.begin(), runs.end(),
                                    [](const auto& each) { return each.second.agent && !each.second.answer; });
}

void requests_state::finish_drain_if_idle() {
  if (!draining || drained.empty() || (is_busy() && !keeping_runs))
    return;
  for (auto& promise : drained)
    promise.deliver(ended);
  drained.clear();
}

caf::result<bool> requests_state::finish_all() {
  auto promise = self->make_response_promise<bool>();
  finished.push_back(promise);
  std::set<frontend_id> frontends;
  for (const auto& [key, request] : requests)
    if (request.now == phase::answered)
      frontends.insert(key.frontend);
  looking_at = frontends.size();
  for (const auto& frontend : frontends)
    self->request(launcher, caf::infinite, is_frontend_alive{frontend})
        .then([this, frontend](bool alive) { finish_frontend(frontend, alive); },
              [this, frontend](const caf::error&) { finish_frontend(frontend, true); });
  finish_if_all_are_looked_at();
  return promise;
}

void requests_state::finish_frontend(const frontend_id& frontend, bool alive) {
  --looking_at;
  std::vector<request_key> its;
  for (const auto& [key, request] : requests)
    if (key.frontend == frontend && request.now == phase::answered && !alive)
      its.push_back(key);
  for (const auto& key : its)
    forget(key);
  finish_if_all_are_looked_at();
}

void requests_state::finish_if_all_are_looked_at() {
  if (looking_at > 0)
    return;
  const auto deliver = [this] {
    for (auto& promise : finished)
      promise.deliver(true);
    finished.clear();
  };
  self->request(launcher, caf::infinite, finish_discarding{})
      .then([deliver](bool) { deliver(); }, [deliver](const caf::error&) { deliver(); });
}

} // namespace agent_dispatch
