#include "actors/requests.hpp"

#include <algorithm>

#include "actors/death_point.hpp"
#include "actors/log.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/run_answers.hpp"

/// What earlier supervisors have left.
namespace agent_dispatch {

namespace {

/// A job that was there when so many supervisors died may be what kills them. As the relay counts.
constexpr int most_deaths = 3;
/// How often it is looked whether a newer program's runs have ended.
constexpr std::chrono::seconds occupants_recheck{1};

} // namespace

caf::result<int> requests_state::recover() {
  recoveries.push_back(self->make_response_promise<int>());
  self->request(launcher, caf::infinite, recover_state{})
      .then([this](const recovered_state_ptr& state) { recovered(*state); },
            [this](const caf::error& problem) {
              log::error("what earlier supervisors have left cannot be read: {}", self->system().render(problem));
              finish_recovery_if_done();
            });
  return recoveries.back();
}

void requests_state::recovered(const recovered_state& state) {
  // Seats and slots of all live runs first: whatever is granted afterwards knows of them.
  std::set<run_key> readmitted;
  for (const auto& found : state.requests) {
    if (found.condition != run_condition::live)
      continue;
    const auto& spec = found.request->spec;
    if (readmitted.insert(spec->key).second) {
      runs[spec->key].starter = found.request->key;
      self->send(admission, readmit_run{spec, found.borrowed_from});
    }
  }
  for (const auto& occupant : state.occupants) {
    log::warn("run {} is a newer program's; it keeps its slot until it ends", occupant->key.value);
    self->send(admission, readmit_run{occupant, std::nullopt});
    occupants.push_back(occupant->key);
  }
  look_at_occupants();
  callers = state.callers;
  knows_all = knows_all && state.is_whole;
  std::set<frontend_id> frontends;
  for (const auto& found : state.requests) {
    take_over(found);
    frontends.insert(found.request->key.frontend);
  }
  for (const auto& found : state.requests)
    if (const auto& key = found.request->key; !key.part.empty() && !requests.contains(key.whole()))
      drop_parts(key.whole());
  death_point("while the requests are taken over");
  for (const auto& frontend : frontends)
    check_frontend(frontend);
  recovered_count = static_cast<int>(state.requests.size());
  finish_recovery_if_done();
}

void requests_state::take_over(const recovered_request& found) {
  const auto& accepted = *found.request;
  const auto caller = callers.find(accepted.key.frontend);
  const auto [place, is_new] = requests.emplace(
      accepted.key, entry{.call = {.request = accepted.key,
                                   .caller = caller == callers.end() ? nullptr : caller->second,
                                   .run = {},
                                   .waiting = {},
                                   .kind = accepted.spec && accepted.spec->job ? call_kind::job : call_kind::answer},
                          .now = phase::waiting,
                          .is_recovered = true,
                          .accepted = found.request,
                          .spec = accepted.spec,
                          .answer = {}});
  if (is_new && accepted.key.part.empty()) {
    place->second.share = accepted.plan ? request_load::of(*accepted.plan) : request_load::of(*accepted.spec);
    load.take(place->second.share);
  }
  if (accepted.spec && !accepted.known)
    runs[accepted.spec->key].members.insert(accepted.key);
  if (accepted.spec && accepted.spec->job)
    take_over_job(found);
  else if (found.condition != run_condition::not_started)
    adopt(place->second, found);
}

void requests_state::adopt(entry& request, const recovered_request& found) {
  request.now = phase::executing;
  request.started = true;
  auto& run = runs.at(request.spec->key);
  if (found.condition == run_condition::live)
    wait_from_parent(request);
  if (run.agent)
    return; // for another one who waits for it
  log::info("run {}: taken over, {}", request.spec->key.value,
            found.condition == run_condition::live ? "it goes on" : "it has ended");
  run.started = true;
  run.agent = agent_for(request.spec->agent.name);
  self->send(run.agent, adopt_run{request.spec, self, found.how});
}

void requests_state::take_over_job(const recovered_request& found) {
  ++adopting;
  auto& request = requests.at(found.request->key);
  request.is_job = true;
  request.is_adopting = true;
  self->request(jobs, caf::infinite, adopt_job{found.request->key, found.request->spec})
      .then(
          [this, found](const job_found& job) {
            --adopting;
            job_adopted(found, job.record ? *job.record : job_record{});
            finish_recovery_if_done();
          },
          [this](const caf::error&) {
            --adopting;
            finish_recovery_if_done();
          });
}

void requests_state::job_adopted(const recovered_request& found, const job_record& record) {
  const auto place = requests.find(found.request->key);
  if (place == requests.end())
    return;
  auto& request = place->second;
  request.is_adopting = false;
  if (found.condition != run_condition::not_started)
    adopt(request, found);
  if (!is_terminal(record.status)) {
    // Its frontend may have been found gone while the record was read.
    if (request.now != phase::waiting)
      return;
    if (found.request->deaths >= most_deaths)
      never_start(request, sentences::job_kills_supervisors(found.request->deaths));
    else if (!request.call.caller && request.orphaned)
      never_start(request, sentences::job_never_started());
    else if (request.call.caller && !draining)
      execute(request);
    return;
  }
  if (found.condition == run_condition::not_started)
    conclude_job(request, answer_cancelled_in_queue(*request.spec));
  else
    cancel(found.request->key);
}

void requests_state::finish_recovery_if_done() {
  if (adopting > 0)
    return;
  for (auto& promise : recoveries)
    promise.deliver(recovered_count);
  recoveries.clear();
  self->request(config, caf::infinite, get_config{})
      .then(
          [this](const config_snapshot_ptr& snapshot) {
            if (!snapshot->fault)
              cache.configure(snapshot->value);
            self->send(jobs, jobs_adopted{snapshot->value.settings.job_retention_days, knows_all});
          },
          [this](const caf::error&) {
            log::warn("the configuration was not answered; no job records are removed for their age");
            self->send(jobs, jobs_adopted{0, knows_all});
          });
}

void requests_state::look_at_occupants() {
  if (occupants.empty())
    return;
  self->request(launcher, caf::infinite, find_live_runs{occupants})
      .then(
          [this](const run_keys& live) {
            for (const auto& run : occupants)
              if (std::find(live.begin(), live.end(), run) == live.end())
                self->send(admission, release_run{run});
            occupants = live;
            if (!occupants.empty())
              self->delayed_send(self, occupants_recheck, recheck_occupants{});
          },
          [](const caf::error&) { log::warn("nobody said whether a newer program's runs live"); });
}

} // namespace agent_dispatch
