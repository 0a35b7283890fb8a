#include "actors/requests.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "actors/composite.hpp"
#include "actors/core_death.hpp"
#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/restart_policy.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/plans.hpp"
#include "actors/run_answers.hpp"

namespace agent_dispatch {

namespace {

/// How often the end of a job is written that could not be.
constexpr std::chrono::seconds record_again{5};

dispatch_answer stopping_answer() {
  return {failure(fault_kind::supervisor_stopping,
                  "the supervisor is stopping and takes no more work; try again: the next call starts a new one")};
}

/// Taken out: assigning an empty text to a long one keeps its memory.
void drop_prompt(dispatch_call& call) {
  std::ignore = std::exchange(call.run, {});
  call.composite.reset();
}

dispatch_answer not_recorded_answer(const run_spec_ptr& spec, const fault& problem) {
  if (spec)
    return answer_not_recorded(*spec, problem);
  return {failure(problem.kind, sentences::not_recorded(problem.message))};
}

} // namespace

void requests_state::accept(const dispatch_call& call) {
  crash_point("requests");
  if (const auto known = requests.find(call.request); known != requests.end()) {
    take_up(known->second, call);
    return;
  }
  // While runs are waited for, what they ask for in turn is part of them.
  const auto& parent = call.caller->parent;
  const bool is_needed = !ending_all && !keeping_runs && (call.prepared || (parent && runs.contains(*parent)));
  if (draining && !is_needed) {
    if (!keeping_runs) // else the next supervisor is asked again
      self->send(call.waiting, request_answered{call.request, stopping_answer()});
    return;
  }
  if (call.prepared) {
    accept_part(call);
    return;
  }
  requests.emplace(call.request,
                   entry{.call = call, .cancelled = call.cancelled, .accepted = {}, .spec = {}, .answer = {}});
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
    self->send(call.waiting, request_answered{call.request, answer_cancelled_early(call.prepared)});
    return;
  }
  auto spec = std::make_shared<run_spec>(*call.prepared);
  spec->caller = call.caller;
  auto& part =
      requests
          .emplace(call.request,
                   entry{.call = call, .orphaned = whole->second.orphaned, .accepted = {}, .spec = {}, .answer = {}})
          .first->second;
  find_run(part, std::move(spec));
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
  request.call.is_shareable = call.is_shareable;
  let_others_join(request);
  if (request.started)
    self->send(call.waiting, request_progress{key, {progress_kind::started, {}}});
  if (call.cancelled)
    cancel_for_caller(key);
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
      answer(key, answer_cancelled_early(nullptr));
    else if (is_taken(found->second, request_load::of(**plan))) {
      drop_prompt(found->second.call); // the plan has it
      record(found->second, std::move(*plan));
    }
  } else if (auto spec = make_spec(key, call, snapshot->value); !spec) {
    answer(key, {std::move(spec.error())});
  } else if (cancelled) {
    answer(key, answer_cancelled_early(*spec));
  } else if (is_taken(found->second, request_load::of(**spec))) {
    drop_prompt(found->second.call); // the spec has it
    find_run(found->second, std::move(*spec));
  }
}

bool requests_state::is_taken(entry& request, request_load::share share) {
  if (auto refusal = load.refuses(share)) {
    log::warn("request {}: {}", request.call.request.text(), refusal->message);
    answer(request_key{request.call.request}, {tl::unexpected(std::move(*refusal))});
    return false;
  }
  load.take(share);
  request.share = std::move(share);
  return true;
}

void requests_state::apply_limits(const config_snapshot& snapshot) {
  if (snapshot.generation == limits_generation)
    return;
  limits_generation = snapshot.generation;
  self->send(admission, set_max_concurrency{snapshot.value.settings.max_concurrency});
  cache.configure(snapshot.value);
}

void requests_state::record(entry& request, run_spec_ptr spec) {
  request.spec = std::move(spec);
  runs[request.spec->key].members.insert(request.call.request);
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
      .then([this, key](const write_outcome& outcome) { recorded(key, outcome); }, left_to_the_next_supervisor);
}

void requests_state::recorded(const request_key& key, const write_outcome& outcome) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::recording || keeping_runs)
    return;
  auto& request = found->second;
  if (request.accepted->known && !request.cancelled)
    give_known(request, dispatch_result{*request.accepted->known});
  else if (outcome.problem)
    answer(key, not_recorded_answer(request.spec, *outcome.problem));
  else if (request.cancelled)
    end_recorded(request);
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
      .then([this, key](const write_outcome& outcome) { job_created(key, outcome); }, left_to_the_next_supervisor);
}

void requests_state::job_created(const request_key& key, const write_outcome& outcome) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::creating)
    return;
  auto& request = found->second;
  if (outcome.problem) {
    withdraw(request); // its caller hears that nothing was accepted
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
  if (request.accepted->known) {
    give_known(request, dispatch_result{*request.accepted->known});
    return;
  }
  request.now = phase::executing;
  auto& run = runs.at(request.spec->key);
  if (run.answer) {
    conclude(request, dispatch_answer{*run.answer});
    return;
  }
  if (run.agent) {
    wait_from_parent(request); // another one who waits for it was earlier
    return;
  }
  run.starter = request.call.request;
  run.agent = agent_for(request.spec->agent.name);
  self->send(run.agent, execute_run{request.spec, self});
}

void requests_state::drive(entry& request) {
  request.now = phase::executing;
  request.driver = self->system().spawn(composite_driver, request.call.request, request.accepted->plan,
                                        request.call.caller, requests_actor{self});
  self->monitor(request.driver);
  self->send(request.driver, begin_composite{});
  if (request.cancelled)
    self->send(request.driver, cancel_composite{});
}

void requests_state::drive_again(const request_key& key) {
  if (const auto found = requests.find(key);
      found != requests.end() && found->second.now == phase::executing && !found->second.driver)
    drive(found->second);
}

void requests_state::actor_died(const caf::down_msg& down) {
  const auto is_its = [&](const auto& actor) { return actor && actor.address() == down.source; };
  for (const auto& [of, agent] : agents)
    if (is_its(agent)) {
      log::error("the actor of agent '{}' died: {}", of.value, self->system().render(down.reason));
      self->quit(down.reason ? down.reason : caf::make_error(caf::exit_reason::unhandled_exception));
      return;
    }
  const auto found =
      std::find_if(requests.begin(), requests.end(), [&](const auto& each) { return is_its(each.second.driver); });
  if (found == requests.end())
    return;
  const auto key = found->first;
  auto& request = found->second;
  log::error("request {}: its driver died: {}", key.text(), self->system().render(down.reason));
  request.driver = composite_actor{};
  if (++request.driver_deaths < restart_policy::most_deaths) {
    self->delayed_send(self, restart_policy::pause_after(request.driver_deaths), agent_dispatch::drive_again{key});
    return;
  }
  cancel_parts(key);
  answer(key, {failure(fault_kind::lost, sentences::driver_died())});
}

void requests_state::pass_on(const run_progress& progress) {
  const auto found = runs.find(progress.run);
  if (found == runs.end())
    return;
  const bool is_start = progress.event.kind == progress_kind::started;
  found->second.started = found->second.started || is_start;
  for (const auto& member : found->second.members) {
    auto& request = requests.at(member);
    if (request.now == phase::answered)
      continue;
    request.started = request.started || is_start;
    if (request.is_job)
      self->send(jobs, job_progressed{*request.spec->job, progress.event});
    else if (request.call.waiting)
      self->send(request.call.waiting, request_progress{member, progress.event});
  }
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
  const auto found = runs.find(replayed.run);
  if (found == runs.end())
    return;
  // Who waits for a synchronous answer has heard what happened, or will hear the end.
  for (const auto& member : found->second.members)
    if (const auto& request = requests.at(member); request.is_job)
      self->send(jobs, job_replayed{*request.spec->job, replayed.events});
}

void requests_state::finish(const run_finished& event) {
  const auto found = runs.find(event.run);
  if (found == runs.end() || found->second.answer)
    return;
  auto& run = found->second;
  run.answer = event.answer;
  if (run.question && event.answer.value)
    cache.insert(*run.question, *event.answer.value, result_cache::clock::now());
  const auto members = run.members;
  if (members.empty()) { // nobody has waited for its end
    self->send(launcher, discard_run{event.run});
    drop(found);
  }
  for (const auto& member : members)
    if (const auto place = requests.find(member); place != requests.end() && place->second.now == phase::executing)
      conclude(place->second, event.answer);
  finish_drain_if_idle();
}

void requests_state::conclude(entry& request, const dispatch_answer& given) {
  if (request.is_job)
    conclude_job(request, given);
  else if (request.spec->ref && given.value)
    keep_result_of(request, given);
  else
    answer(request_key{request.call.request}, given);
}

void requests_state::answer(const request_key& key, dispatch_answer answer) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now == phase::answered)
    return;
  auto& request = found->second;
  request.now = phase::answered;
  request.answer = std::move(answer);
  drop_prompt(request.call); // of what was refused: the request is kept until its answer has arrived
  request.driver = composite_actor{};
  stop_waiting(request);
  if (request.spec)
    end_if_unwanted(request.spec->key);
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
          left_to_the_next_supervisor);
}

void requests_state::conclude_job(entry& request, const dispatch_answer& given) {
  request.now = phase::concluding;
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, finish_job{*request.spec->job, given})
      .then([this, key, given](const write_outcome& outcome) { job_concluded(key, given, outcome); },
            left_to_the_next_supervisor);
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
  if (outcome.problem && request.cancelled && !request.started)
    withdraw(request);
  if (outcome.problem)
    self->delayed_send(self, record_again, retry_conclusion{key});
  else if (request.acknowledged)
    forget(key);
  finish_drain_if_idle();
}

void requests_state::conclude_again(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end() || !found->second.is_job || !found->second.answer)
    return;
  if (const auto& why = found->second.never_started; !why.empty())
    never_start(found->second, why);
  else
    conclude_job(found->second, dispatch_answer{*found->second.answer});
}

void requests_state::never_start(entry& request, std::string why) {
  request.now = phase::concluding;
  request.never_started = std::move(why);
  const auto key = request.call.request;
  self->request(jobs, caf::infinite, fail_job{*request.spec->job, request.never_started, request.spec->resumed})
      .then([this, key](const write_outcome& outcome) { job_concluded(key, {dispatch_result{}}, outcome); },
            [](const caf::error&) { log::error("the registry of jobs died"); });
}

void requests_state::acknowledge(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end())
    return;
  death_point("when the answer is acknowledged");
  auto& request = found->second;
  if (request.is_job)
    request.acknowledged = true;
  else if (!request.call.waiting)
    request.orphaned = true; // it has had its answer from the supervisor before this one
  const bool is_unwanted = request.orphaned && !request.is_job;
  // What waits to be asked for again is not asked for any more; what runs is wanted by others, if by anybody.
  if (request.now == phase::answered || (is_unwanted && request.now == phase::waiting))
    forget(key);
  else if (is_unwanted)
    cancel(key);
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
    const bool is_shared = found->second.spec && !leave_run(found->second);
    self->send(launcher, discard_request{found->second.accepted, is_shared});
  }
  load.give_back(found->second.share);
  requests.erase(found);
  if (whole)
    drop_parts(*whole);
}

caf::result<queue_position_ptr> requests_state::position(const get_request_position& order) {
  const auto found = requests.find(order.request);
  if (found == requests.end())
    return queue_position_ptr{};
  if (found->second.now == phase::waiting)
    return std::make_shared<const queue_position>(queue_position{.reason = std::string{sentences::waits_for_caller}});
  if (found->second.spec)
    return place_of(found->second.spec->key, order.with_holders);
  for (const auto& part : parts_of(order.request))
    if (const auto& request = requests.at(part); request.now == phase::executing && !request.started)
      return place_of(request.spec->key, order.with_holders);
  return queue_position_ptr{};
}

caf::result<queue_position_ptr> requests_state::place_of(const run_key& run, bool with_holders) {
  if (!with_holders)
    return self->delegate(admission, get_queue_position{run});
  auto promise = self->make_response_promise<queue_position_ptr>();
  self->request(admission, caf::infinite, get_queue_position{run, true})
      .then(
          [this, promise](const queue_position_ptr& place) mutable {
            if (!place) {
              promise.deliver(place);
              return;
            }
            auto known = *place;
            for (auto& holder : known.holders)
              holder.job = job_of(holder.run);
            promise.deliver(std::make_shared<const queue_position>(std::move(known)));
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

std::optional<job_id> requests_state::job_of(const run_key& run) const {
  const auto found = runs.find(run);
  if (found == runs.end() || found->second.members.empty())
    return std::nullopt;
  const auto& spec = requests.at(*found->second.members.begin()).spec;
  return spec ? spec->job : std::nullopt;
}

agent_actor requests_state::agent_for(const agent_name& agent) {
  auto& actor = agents[agent];
  if (!actor) {
    actor = spawn_agent(self->system());
    self->monitor(actor);
  }
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
  tell_exceptions(self);
  state.config = config;
  state.admission = admission;
  state.launcher = launcher;
  state.jobs = jobs;
  self->send(jobs, serve_requests{self});
  state.spawn_agent = std::move(spawn_agent);
  self->set_exit_handler([&state](const caf::exit_msg& order) { state.end(order); });
  self->set_down_handler([&state](const caf::down_msg& down) { state.actor_died(down); });
  return {
      [&state](const dispatch_call& call) { state.accept(call); },
      [&state](const cancel_request& order) {
        if (order.is_recorded)
          state.cancel(order.request);
        else
          state.cancel_for_caller(order.request);
      },
      [&state](const request_acknowledged& order) { state.acknowledge(order.request); },
      [&state](const requests_kept& kept) { state.acknowledge_others(kept); },
      [&state](const frontend_arrived& event) { state.arrive(event); },
      [&state](const frontend_disconnected& event) { state.depart(event.frontend); },
      [&state](const recheck_frontend& order) { state.check_frontend(order.frontend); },
      [&state](const recover_requests&) { return state.recover(); },
      [&state](const retry_conclusion& order) { state.conclude_again(order.request); },
      [&state](const agent_dispatch::drive_again& order) { state.drive_again(order.request); },
      [&state](const drain_requests& order) { return state.drain(order.mode); },
      [&state](const finish_requests&) { return state.finish_all(); },
      [&state](const get_request_position& order) { return state.position(order); },
      [&state](const is_request_known& order) { return state.requests.contains(order.request); },
      [&state](const get_cache_report&) { return state.report_cache(); },
      [&state](const clear_cache&) { return state.clear_results(); },
      [&state](const recheck_occupants&) { state.look_at_occupants(); },
      [&state](const run_progress& progress) { state.pass_on(progress); },
      [&state](const run_replayed& replayed) { state.pass_on(replayed); },
      [&state](const run_finished& finished) { state.finish(finished); },
      [&state](const composite_progress& event) { state.pass_on(event); },
      [&state](const composite_done& event) { state.answer(event.request, event.answer); },
  };
}

} // namespace agent_dispatch
