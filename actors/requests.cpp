#include "actors/requests.hpp"

#include <algorithm>

#include "actors/composite.hpp"
#include "actors/death_point.hpp"
#include "actors/log.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/plans.hpp"
#include "actors/run_answers.hpp"

namespace agent_dispatch {

namespace {

/// How often the lock of a frontend is looked at whose connection is gone.
constexpr std::chrono::seconds lock_recheck{1};
/// How often the end of a job is written that could not be.
constexpr std::chrono::seconds record_again{5};
/// A job that was there when so many supervisors died may be what kills them. As the relay counts.
constexpr int most_deaths = 3;

dispatch_answer stopping_answer() {
  return {failure(fault_kind::supervisor_stopping,
                  "the supervisor is stopping and takes no more work; try again: the next call starts a new one")};
}

/// Of a request that never came to its run, or to its parts.
dispatch_answer cancelled_answer(const run_spec_ptr& spec) {
  if (spec)
    return answer_cancelled_in_queue(*spec);
  return {failure(fault_kind::cancelled, "cancelled before it started")};
}

dispatch_answer not_recorded_answer(const run_spec_ptr& spec, const fault& problem) {
  if (spec)
    return answer_not_recorded(*spec, problem);
  return {failure(problem.kind, sentences::not_recorded(problem.message))};
}

} // namespace

void requests_state::accept(const dispatch_call& call) {
  if (const auto known = requests.find(call.request); known != requests.end()) {
    take_up(known->second, call);
    return;
  }
  // While runs are waited for, what they ask for in turn is part of them.
  const auto& parent = call.caller->parent;
  const bool is_needed = !ending_all && !keeping_runs && (call.prepared || (parent && by_run.contains(*parent)));
  if (draining && !is_needed) {
    if (!keeping_runs) // else the next supervisor is asked again
      self->send(call.waiting, request_answered{call.request, stopping_answer()});
    return;
  }
  if (call.prepared) {
    accept_part(call);
    return;
  }
  requests.emplace(
      call.request,
      entry{.call = call, .cancelled = call.cancelled, .accepted = {}, .spec = {}, .agent = {}, .answer = {}});
  const auto key = call.request;
  self->request(config, caf::infinite, get_config{})
      .then([this, key](const config_snapshot_ptr& snapshot) { resolve(key, snapshot); },
            [this, key](const caf::error&) {
              answer(key, {failure(fault_kind::lost, "the configuration could not be read; try again")});
            });
}

void requests_state::accept_part(const dispatch_call& call) {
  const auto whole = requests.find(call.request.whole());
  // Its driver has asked before it heard of the cancel.
  if (whole == requests.end() || whole->second.cancelled || whole->second.now == phase::answered) {
    self->send(call.waiting, request_answered{call.request, cancelled_answer(call.prepared)});
    return;
  }
  auto spec = std::make_shared<run_spec>(*call.prepared);
  spec->caller = call.caller;
  auto& part = requests
                   .emplace(call.request, entry{.call = call,
                                                .orphaned = whole->second.orphaned,
                                                .accepted = {},
                                                .spec = {},
                                                .agent = {},
                                                .answer = {}})
                   .first->second;
  record(part, std::move(spec));
}

void requests_state::take_up(entry& request, const dispatch_call& call) {
  request.call.waiting = call.waiting;
  request.call.caller = call.caller;
  const auto key = call.request;
  if (request.is_job) {
    tell_acceptance(request);
  } else if (request.answer) {
    self->send(call.waiting, request_answered{key, *request.answer});
    return;
  }
  if (request.started)
    self->send(call.waiting, request_progress{key, {progress_kind::started, {}}});
  if (call.cancelled && !request.is_job)
    cancel(key);
  else if (request.now == phase::waiting && may_begin(request))
    request.accepted->plan ? drive(request) : execute(request);
}

bool requests_state::may_begin(const entry& recovered) const {
  // A stop waits for what somebody waits for. A job may as well begin with the next supervisor.
  return !draining || (!recovered.is_job && !keeping_runs && !ending_all);
}

void requests_state::resolve(const request_key& key, const config_snapshot_ptr& snapshot) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::resolving || keeping_runs)
    return;
  if (snapshot->fault) {
    answer(key, {tl::unexpected(*snapshot->fault)});
    return;
  }
  apply_limits(*snapshot);
  const auto& call = found->second.call;
  const bool cancelled = found->second.cancelled;
  if (call.composite) {
    if (auto plan = make_plan(key, call, snapshot->value); !plan)
      answer(key, std::move(plan.error()));
    else if (cancelled)
      answer(key, cancelled_answer(nullptr));
    else
      record(found->second, std::move(*plan));
  } else if (auto spec = make_spec(key, call, snapshot->value); !spec) {
    answer(key, {std::move(spec.error())});
  } else if (cancelled) {
    answer(key, cancelled_answer(*spec));
  } else {
    record(found->second, std::move(*spec));
  }
}

void requests_state::apply_limits(const config_snapshot& snapshot) {
  if (snapshot.generation == limits_generation)
    return;
  limits_generation = snapshot.generation;
  self->send(admission, set_max_concurrency{snapshot.value.settings.max_concurrency});
}

void requests_state::record(entry& request, run_spec_ptr spec) {
  request.spec = std::move(spec);
  write(request, {.key = request.call.request, .spec = request.spec});
}

void requests_state::record(entry& request, composite_plan_ptr plan) {
  write(request, {.key = request.call.request, .spec = nullptr, .deaths = 0, .plan = std::move(plan)});
}

void requests_state::write(entry& request, accepted_request accepted) {
  request.now = phase::recording;
  request.accepted = std::make_shared<const accepted_request>(std::move(accepted));
  const auto key = request.call.request;
  self->request(launcher, caf::infinite, record_request{request.accepted})
      .then([this, key](const write_outcome& outcome) { recorded(key, outcome); },
            [this, key](const caf::error&) {
              recorded(key, {fault{fault_kind::lost, "the launcher died before it could take the request; try again"}});
            });
}

void requests_state::recorded(const request_key& key, const write_outcome& outcome) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::recording || keeping_runs)
    return;
  auto& request = found->second;
  if (outcome.problem)
    answer(key, not_recorded_answer(request.spec, *outcome.problem));
  else if (request.cancelled)
    answer(key, cancelled_answer(request.spec));
  else if (request.accepted->plan)
    drive(request);
  else if (request.spec->job)
    create_job_of(request);
  else
    execute(request);
}

void requests_state::create_job_of(entry& request) {
  request.now = phase::creating;
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, create_job{key, request.spec})
      .then([this, key](const write_outcome& outcome) { job_created(key, outcome); },
            [this, key](const caf::error&) {
              job_created(key, {fault{fault_kind::lost, "the registry of jobs died; try again"}});
            });
}

void requests_state::job_created(const request_key& key, const write_outcome& outcome) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::creating)
    return;
  auto& request = found->second;
  if (outcome.problem) {
    answer(key, answer_not_recorded(*request.spec, *outcome.problem));
    return;
  }
  request.is_job = true;
  request.acknowledged = request.orphaned;
  tell_acceptance(request);
  if (keeping_runs)
    return;
  // Whoever cancelled the call before it was answered does not want the job.
  if (std::exchange(request.cancelled, false) || ending_all)
    caf::anon_send(jobs, cancel_job{request.spec->job->value});
  execute(request);
}

void requests_state::tell_acceptance(const entry& request) {
  death_point("before the job is told");
  job_record record;
  record.id = *request.spec->job;
  record.agent = request.spec->agent.name;
  if (request.call.waiting)
    self->send(request.call.waiting,
               request_answered{request.call.request,
                                {.value = dispatch_result{}, .job = std::make_shared<const job_record>(record)}});
}

void requests_state::execute(entry& request) {
  if (request.now == phase::waiting) {
    auto spec = std::make_shared<run_spec>(*request.spec);
    spec->caller = request.call.caller;
    request.spec = std::move(spec);
  }
  request.now = phase::executing;
  request.agent = agent_for(request.spec->agent.name);
  by_run[request.spec->key] = request.call.request;
  self->send(request.agent, execute_run{request.spec, self});
}

void requests_state::drive(entry& request) {
  request.now = phase::executing;
  request.driver = self->system().spawn(composite_driver, request.call.request, request.accepted->plan,
                                        request.call.caller, requests_actor{self});
  self->send(request.driver, begin_composite{});
}

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
  for (const auto& found : state.requests)
    if (found.condition == run_condition::live)
      self->send(admission, readmit_run{found.request->spec, found.borrowed_from});
  callers = state.callers;
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
                                   .run = accepted.spec ? accepted.spec->request : run_request{},
                                   .waiting = {},
                                   .kind = accepted.spec && accepted.spec->job ? call_kind::job : call_kind::answer},
                          .now = phase::waiting,
                          .accepted = found.request,
                          .spec = accepted.spec,
                          .agent = {},
                          .answer = {}});
  if (accepted.spec && accepted.spec->job)
    take_over_job(found);
  else if (found.condition != run_condition::not_started)
    adopt(place->second, found);
}

void requests_state::adopt(entry& request, const recovered_request& found) {
  log::info("run {}: taken over, {}", request.spec->key.value,
            found.condition == run_condition::live ? "it goes on" : "it has ended");
  request.now = phase::executing;
  request.started = true;
  request.agent = agent_for(request.spec->agent.name);
  by_run[request.spec->key] = request.call.request;
  self->send(request.agent, adopt_run{request.spec, self, found.how});
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
            self->send(jobs, jobs_adopted{snapshot->value.settings.job_retention_days});
          },
          [](const caf::error&) { log::warn("the configuration was not answered"); });
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
    answer(key, cancelled_answer(request.spec)); // which forgets an orphaned one
  } else if (request.driver) {
    self->send(request.driver, cancel_composite{});
    cancel_parts(key);
  } else if (request.now == phase::executing) {
    self->send(request.agent, cancel_run{request.spec->key});
    cancel_children(request.spec->key);
  }
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
          [this](const run_keys& children) {
            for (const auto& child : children)
              if (const auto owner = by_run.find(child); owner != by_run.end())
                cancel(owner->second.whole());
          },
          [](const caf::error&) { log::warn("admission did not say which queued runs hang on a cancelled one"); });
}

void requests_state::pass_on(const run_progress& progress) {
  const auto found = by_run.find(progress.run);
  if (found == by_run.end())
    return;
  auto& request = requests.at(found->second);
  request.started = request.started || progress.event.kind == progress_kind::started;
  if (request.is_job)
    self->send(jobs, job_progressed{*request.spec->job, progress.event});
  else if (request.call.waiting)
    self->send(request.call.waiting, request_progress{found->second, progress.event});
}

void requests_state::pass_on(const composite_progress& event) {
  const auto found = requests.find(event.request);
  if (found == requests.end())
    return;
  found->second.started = found->second.started || event.event.kind == progress_kind::started;
  if (found->second.call.waiting)
    self->send(found->second.call.waiting, request_progress{event.request, event.event});
}

void requests_state::pass_on(const run_replayed& replayed) {
  const auto found = by_run.find(replayed.run);
  if (found == by_run.end())
    return;
  // Who waits for a synchronous answer has heard what happened, or will hear the end.
  if (const auto& request = requests.at(found->second); request.is_job)
    self->send(jobs, job_replayed{*request.spec->job, replayed.events});
}

void requests_state::finish(const run_finished& event) {
  const auto found = by_run.find(event.run);
  if (found == by_run.end())
    return;
  auto& request = requests.at(found->second);
  if (request.now != phase::executing)
    return;
  if (request.is_job)
    conclude_job(request, event.answer);
  else if (request.spec->ref && event.answer.value)
    keep_result_of(request, event.answer);
  else
    answer(request_key{found->second}, event.answer);
}

void requests_state::answer(const request_key& key, dispatch_answer answer) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now == phase::answered)
    return;
  auto& request = found->second;
  request.now = phase::answered;
  request.answer = std::move(answer);
  request.driver = composite_actor{};
  death_point("before the answer is sent");
  if (request.call.waiting)
    self->send(request.call.waiting, request_answered{key, *request.answer});
  if (request.orphaned)
    forget(key);
  finish_drain_if_idle();
}

void requests_state::keep_result_of(entry& request, const dispatch_answer& given) {
  request.now = phase::concluding;
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, keep_result{request.spec, *given.value})
      .then(
          [this, key, given, ref = *request.spec->ref](const write_outcome& outcome) {
            auto kept = given;
            if (outcome.problem)
              kept.not_kept = outcome.problem;
            else
              kept.ref = ref;
            answer(key, std::move(kept));
          },
          [this, key, given](const caf::error&) { answer(key, given); });
}

void requests_state::conclude_job(entry& request, const dispatch_answer& given) {
  request.now = phase::concluding;
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, finish_job{*request.spec->job, given})
      .then([this, key, given](const write_outcome& outcome) { job_concluded(key, given, outcome); },
            [this, key, given](const caf::error&) {
              job_concluded(key, given, {fault{fault_kind::lost, "the registry of jobs died"}});
            });
}

void requests_state::job_concluded(const request_key& key, const dispatch_answer& given, const write_outcome& outcome) {
  const auto found = requests.find(key);
  if (found == requests.end())
    return;
  auto& request = found->second;
  // What could not be written is tried again; until then the run directory keeps the result, for the next supervisor as
  // well.
  request.now = phase::answered;
  request.answer = given;
  request.unwritten = outcome.problem.has_value();
  if (outcome.problem)
    self->delayed_send(self, record_again, retry_conclusion{key});
  else if (request.acknowledged)
    forget(key);
  finish_drain_if_idle();
}

void requests_state::conclude_again(const request_key& key) {
  if (const auto found = requests.find(key); found != requests.end() && found->second.is_job && found->second.answer)
    conclude_job(found->second, dispatch_answer{*found->second.answer});
}

void requests_state::never_start(entry& request, std::string why) {
  request.now = phase::concluding;
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, fail_job{*request.spec->job, std::move(why)})
      .then([this, key](const write_outcome& outcome) { job_concluded(key, {dispatch_result{}}, outcome); },
            [](const caf::error&) { log::error("the registry of jobs died"); });
}

void requests_state::acknowledge(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end())
    return;
  death_point("when the answer is acknowledged");
  if (found->second.is_job)
    found->second.acknowledged = true;
  else if (!found->second.call.waiting)
    found->second.orphaned = true; // it has had its answer from the supervisor before this one
  // What waits to be asked for again is not asked for any more.
  const bool is_unwanted = found->second.orphaned && found->second.now == phase::waiting && !found->second.is_job;
  if (found->second.now == phase::answered || is_unwanted)
    forget(key);
}

void requests_state::acknowledge_others(const requests_kept& kept) {
  std::vector<request_key> done;
  for (const auto& [key, request] : requests)
    if (key.frontend == kept.frontend && key.part.empty() && key.line <= kept.through &&
        !kept.lines->contains(key.line))
      done.push_back(key);
  for (const auto& key : done)
    acknowledge(key);
}

void requests_state::forget(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.unwritten)
    return;
  const auto whole =
      found->second.accepted && found->second.accepted->plan ? std::optional{found->first} : std::nullopt;
  if (found->second.accepted) {
    self->send(launcher, discard_request{found->second.accepted});
    if (found->second.spec)
      by_run.erase(found->second.spec->key);
  }
  requests.erase(found);
  if (whole)
    drop_parts(*whole);
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
  for (const auto& [key, request] : requests) {
    if (request.now == phase::answered)
      continue;
    open.push_back(key);
    if (request.started && !request.cancelled && request.spec)
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
  return std::any_of(requests.begin(), requests.end(), [](const auto& each) {
    return each.second.now != phase::answered && each.second.now != phase::waiting;
  });
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

caf::result<queue_position_ptr> requests_state::position(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end())
    return queue_position_ptr{};
  if (found->second.spec)
    return self->delegate(admission, get_queue_position{found->second.spec->key});
  for (const auto& part : parts_of(key))
    if (const auto& request = requests.at(part); request.now == phase::executing && !request.started)
      return self->delegate(admission, get_queue_position{request.spec->key});
  return queue_position_ptr{};
}

agent_actor requests_state::agent_for(const agent_name& agent) {
  auto& actor = agents[agent];
  if (!actor)
    actor = spawn_agent(self->system());
  return actor;
}

void requests_state::end(const caf::exit_msg& order) {
  for (const auto& [key, request] : requests)
    if (request.driver)
      self->send_exit(request.driver, order.reason);
  for (const auto& [of, agent] : agents)
    self->send_exit(agent, order.reason);
  self->quit(order.reason);
}

requests_actor::behavior_type requests(requests_actor::stateful_pointer<requests_state> self,
                                       const config_actor& config, const admission_actor& admission,
                                       const launcher_actor& launcher, const jobs_actor& jobs,
                                       agent_spawner spawn_agent) {
  auto& state = self->state;
  state.config = config;
  state.admission = admission;
  state.launcher = launcher;
  state.jobs = jobs;
  self->send(jobs, serve_requests{self});
  state.spawn_agent = std::move(spawn_agent);
  self->set_exit_handler([&state](const caf::exit_msg& order) { state.end(order); });
  return {
      [&state](const dispatch_call& call) { state.accept(call); },
      [&state](const cancel_request& order) { state.cancel(order.request); },
      [&state](const request_acknowledged& order) { state.acknowledge(order.request); },
      [&state](const requests_kept& kept) { state.acknowledge_others(kept); },
      [&state](const frontend_arrived& event) { state.arrive(event); },
      [&state](const frontend_disconnected& event) { state.depart(event.frontend); },
      [&state](const recheck_frontend& order) { state.check_frontend(order.frontend); },
      [&state](const recover_requests&) { return state.recover(); },
      [&state](const retry_conclusion& order) { state.conclude_again(order.request); },
      [&state](const drain_requests& order) { return state.drain(order.mode); },
      [&state](const finish_requests&) { return state.finish_all(); },
      [&state](const get_request_position& order) { return state.position(order.request); },
      [&state](const run_progress& progress) { state.pass_on(progress); },
      [&state](const run_replayed& replayed) { state.pass_on(replayed); },
      [&state](const run_finished& finished) { state.finish(finished); },
      [&state](const composite_progress& event) { state.pass_on(event); },
      [&state](const composite_done& event) { state.answer(event.request, event.answer); },
  };
}

} // namespace agent_dispatch
