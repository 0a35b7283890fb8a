#include "actors/requests.hpp"

#include <algorithm>

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
  if (const auto known = cache.find(question, result_cache::clock::now()))
    answer_known(request, std::move(spec), *known);
  else
    find_run(request, std::move(spec), question);
}

void requests_state::find_run(entry& request, run_spec_ptr spec, const cache_key& question) {
  const auto run = run_for(question);
  if (run && spec->parent) {
    ask_to_wait(request, spec, *run, question);
  } else if (run) {
    join(request, std::move(spec), *run);
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
  const auto& members = run->second.members;
  const bool is_wanted = std::any_of(members.begin(), members.end(), [this](const request_key& key) {
    const auto& member = requests.at(key);
    return !member.cancelled && member.now != phase::answered;
  });
  return is_wanted ? std::optional{run->first} : std::nullopt;
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
  const bool is_wanted = is_open && !found->second.cancelled;
  if (is_wanted && allowed && run_for(question) == run) {
    join(found->second, spec, run);
    return;
  }
  if (allowed)
    self->send(admission, remove_wait{*spec->parent, run});
  if (!is_open)
    return;
  if (!is_wanted)
    answer(key, answer_cancelled_early(spec));
  else if (!allowed)
    record(found->second, spec); // the run waits for this one: it goes alone
  else if (const auto known = cache.find(question, result_cache::clock::now()))
    answer_known(found->second, spec, *known);
  else
    find_run(found->second, spec, question);
}

void requests_state::join(entry& request, run_spec_ptr spec, const run_key& run) {
  auto shared = std::make_shared<run_spec>(*spec);
  const auto& other = *requests.at(*runs.at(run).members.begin()).spec;
  shared->key = run;
  shared->session = other.session;
  shared->resumed = other.resumed;
  shared->timeout = other.timeout;
  request.started = runs.at(run).started;
  if (request.started && request.call.waiting)
    self->send(request.call.waiting, request_progress{request.call.request, {progress_kind::started, {}}});
  log::info("request {}: waits for run {}, which does the same", request.call.request.text(), run.value);
  record(request, std::move(shared));
}

void requests_state::answer_known(entry& request, run_spec_ptr spec, const dispatch_result& known) {
  request.spec = std::move(spec);
  const dispatch_answer given{.value = known, .is_cached = true};
  if (request.spec->ref)
    keep_result_of(request, given);
  else
    answer(request_key{request.call.request}, given);
}

bool requests_state::others_want_run_of(const entry& request) const {
  const auto& members = runs.at(request.spec->key).members;
  return std::any_of(members.begin(), members.end(), [&](const request_key& key) {
    const auto& member = requests.at(key);
    return &member != &request && !member.cancelled && member.now != phase::answered;
  });
}

bool requests_state::leave_run(const entry& request) {
  const auto run = runs.find(request.spec->key);
  if (run == runs.end() || run->second.members.erase(request.call.request) == 0)
    return false;
  const bool has_joined = request.call.request.run() != run->first;
  if (has_joined && request.spec->parent)
    self->send(admission, remove_wait{*request.spec->parent, run->first});
  if (!run->second.members.empty())
    return false;
  if (run->second.question)
    if (const auto found = in_flight.find(*run->second.question);
        found != in_flight.end() && found->second == run->first)
      in_flight.erase(found);
  runs.erase(run);
  return true;
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
