#include "actors/requests.hpp"

#include <algorithm>
#include <utility>

#include "actors/log.hpp"
#include "actors/run_answers.hpp"

/// Requests that ask for the same: the result cache, and runs that several wait for.
namespace agent_dispatch {

void requests_state::find_run(entry& request, run_spec_ptr spec) {
  if (!request.call.is_shareable || !cache.is_enabled()) {
    record(request, std::move(spec));
    return;
  }
  const auto question = make_cache_key(*spec);
  if (const auto known = cache.find(question, result_cache::clock::now())) {
    answer_known(request, std::move(spec), *known);
  } else if (spec->job) { // a run of its own: it can be looked at and cancelled
    const auto own = spec->key;
    record(request, std::move(spec));
    runs.at(own).question = question;
  } else {
    find_run(request, std::move(spec), question);
  }
}

void requests_state::find_run(entry& request, run_spec_ptr spec, const cache_key& question) {
  const auto run = run_for(question);
  if (run && spec->parent) {
    ask_to_wait(request, spec, *run, question);
  } else if (run) {
    join(request, spec, *run);
  } else {
    const auto own = spec->key;
    record(request, std::move(spec));
    in_flight[question] = own;
    runs.at(own).question = question;
  }
}

std::optional<run_key> requests_state::run_for(const cache_key& question) const {
  const auto found = in_flight.find(question);
  const auto run = found == in_flight.end() ? runs.end() : runs.find(found->second);
  if (run == runs.end() || run->second.ending || run->second.answer)
    return std::nullopt;
  return is_wanted(run->second) ? std::optional{run->first} : std::nullopt;
}

void requests_state::ask_to_wait(entry& request, const run_spec_ptr& spec, const run_key& run,
                                 const cache_key& question) {
  const auto key = request.call.request;
  self->request(admission, caf::infinite, join_wait{*spec->parent, run})
      .then([this, key, spec, run, question](bool allowed) { may_wait(key, spec, run, question, allowed); },
            [this, key, spec, run, question](const caf::error&) { may_wait(key, spec, run, question, false); });
}

void requests_state::may_wait(const request_key& key, const run_spec_ptr& spec, const run_key& run,
                              const cache_key& question, bool allowed) {
  const auto found = requests.find(key);
  const bool is_open = found != requests.end() && found->second.now == phase::resolving && !keeping_runs;
  const bool is_cancelled = is_open && found->second.cancelled;
  if (is_open && !is_cancelled && allowed && run_for(question) == run) {
    join(found->second, spec, run);
    return;
  }
  if (allowed)
    self->send(admission, remove_wait{*spec->parent, run});
  if (!is_open)
    return;
  if (is_cancelled) {
    answer(key, answer_cancelled_early(spec));
  } else if (!allowed) { // the run waits for this one: it goes alone
    record(found->second, spec);
    runs.at(spec->key).question = question;
  } else if (const auto known = cache.find_again(question, result_cache::clock::now()))
    answer_known(found->second, spec, *known);
  else
    find_run(found->second, spec, question);
}

void requests_state::join(entry& request, const run_spec_ptr& spec, const run_key& run) {
  auto shared = std::make_shared<run_spec>(*spec);
  const auto& other = *requests.at(*runs.at(run).members.begin()).spec;
  shared->key = run;
  shared->session = other.session;
  shared->resumed = other.resumed;
  shared->timeout = other.timeout;
  request.started = runs.at(run).started;
  if (request.started && request.call.waiting)
    self->send(request.call.waiting, request_progress{request.call.request, {progress_kind::started, {}}});
  request.has_wait = shared->parent.has_value();
  log::info("request {}: waits for run {}, which does the same", request.call.request.text(), run.value);
  record(request, std::move(shared));
}

void requests_state::answer_known(entry& request, run_spec_ptr spec, const dispatch_result& known) {
  request.spec = std::move(spec);
  // What the next supervisor makes of a request that consists of others must be the same.
  if (request.call.prepared)
    write(request, {.key = request.call.request, .spec = request.spec, .deaths = 0, .plan = {}, .known = known});
  else
    give_known(request, known);
}

void requests_state::give_known(entry& request, const dispatch_result& known) {
  const dispatch_answer given{.value = known, .is_cached = true};
  if (request.spec->ref)
    keep_result_of(request, given);
  else
    answer(request_key{request.call.request}, given);
}

bool requests_state::is_wanted(const shared_run& run) const {
  return std::any_of(run.members.begin(), run.members.end(),
                     [this](const request_key& key) { return requests.at(key).wants_run(); });
}

bool requests_state::others_want_run_of(const entry& request) const {
  const auto run = runs.find(request.spec->key);
  return run != runs.end() &&
         std::any_of(run->second.members.begin(), run->second.members.end(), [&](const request_key& key) {
           const auto& member = requests.at(key);
           return &member != &request && member.wants_run();
         });
}

void requests_state::end_if_unwanted(const run_key& key) {
  const auto found = runs.find(key);
  if (found == runs.end())
    return;
  auto& run = found->second;
  if (!run.agent || run.answer || run.ending || is_wanted(run))
    return;
  run.ending = true;
  self->send(run.agent, cancel_run{key});
  cancel_children(key);
}

void requests_state::wait_from_parent(entry& request) {
  const auto& run = runs.at(request.spec->key);
  if (request.has_wait || !request.spec->parent || request.spec->job || run.starter == request.call.request)
    return;
  request.has_wait = true;
  self->send(admission, add_wait{*request.spec->parent, request.spec->key});
}

void requests_state::stop_waiting(entry& request) {
  const auto found = request.spec ? runs.find(request.spec->key) : runs.end();
  if (found == runs.end() || !request.spec->parent)
    return;
  if (std::exchange(request.has_wait, false))
    self->send(admission, remove_wait{*request.spec->parent, found->first});
  auto& run = found->second;
  if (run.starter == request.call.request && !run.answer && !run.ending) {
    run.starter.reset();
    self->send(admission, leave_parent{found->first});
  }
}

void requests_state::let_others_join(const entry& request) {
  const auto found = request.spec ? runs.find(request.spec->key) : runs.end();
  if (found == runs.end() || !request.is_recovered || !request.call.is_shareable || request.is_job ||
      !cache.is_enabled())
    return;
  auto& run = found->second;
  if (run.question || run.answer || run.ending)
    return;
  auto asked = *request.spec;
  asked.caller = request.call.caller;
  run.question = make_cache_key(asked);
  if (!run_for(*run.question))
    in_flight[*run.question] = found->first;
}

bool requests_state::leave_run(entry& request) {
  stop_waiting(request);
  const auto run = runs.find(request.spec->key);
  if (run == runs.end() || run->second.members.erase(request.call.request) == 0)
    return false;
  end_if_unwanted(run->first);
  const bool lives = run->second.agent && !run->second.answer;
  if (lives || !run->second.members.empty())
    return false;
  drop(run);
  return true;
}

void requests_state::drop(std::map<run_key, shared_run>::iterator run) {
  if (run->second.question)
    if (const auto found = in_flight.find(*run->second.question);
        found != in_flight.end() && found->second == run->first)
      in_flight.erase(found);
  runs.erase(run);
}

void requests_state::end_recorded(entry& request) {
  const auto key = request.call.request;
  const auto run = request.spec ? runs.find(request.spec->key) : runs.end();
  if (run == runs.end() || !run->second.agent || run->second.answer)
    answer(key, answer_cancelled_early(request.spec));
  else if (others_want_run_of(request))
    answer(key, answer_left_run(*request.spec));
  else
    request.now = phase::executing; // it is being ended, and that is the answer
}

caf::result<cache_report> requests_state::report_cache() {
  auto promise = self->make_response_promise<cache_report>();
  self->request(config, caf::infinite, get_config{})
      .then(
          [this, promise](const config_snapshot_ptr& snapshot) mutable {
            apply_limits(*snapshot);
            promise.deliver(cache_report{cache.figures(result_cache::clock::now())});
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

caf::result<cache_cleared> requests_state::clear_results() {
  auto promise = self->make_response_promise<cache_cleared>();
  self->request(config, caf::infinite, get_config{})
      .then(
          [this, promise](const config_snapshot_ptr& snapshot) mutable {
            apply_limits(*snapshot);
            // What runs has begun before, and is as old as what is removed.
            in_flight.clear();
            for (auto& [key, run] : runs)
              run.question.reset();
            promise.deliver(cache_cleared{cache.is_enabled() ? std::optional{cache.clear()} : std::nullopt});
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
  return promise;
}

} // namespace agent_dispatch
