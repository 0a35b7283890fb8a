#include "actors/agent.hpp"

#include "actors/core_death.hpp"
#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/restart_policy.hpp"
#include "actors/run_answers.hpp"

namespace agent_dispatch {

void agent_state::execute(const execute_run& order) {
  crash_point("agent");
  const auto& key = order.spec->key;
  if (!runs.emplace(key, entry{.spec = order.spec, .listener = order.listener, .run = {}}).second)
    return;
  self->send(order.listener, run_progress{key, {progress_kind::queued, {}}});
  self->send(admission, admit_run{order.spec, self});
}

void agent_state::adopt(const adopt_run& order) {
  const auto [place, is_new] =
      runs.emplace(order.spec->key, entry{.spec = order.spec, .listener = order.listener, .run = {}});
  auto& run = place->second;
  if (!is_new && (run.run || run.deaths == 0))
    return;
  run.granted = true;
  spawn(run);
  self->send(run.run, order.how);
  if (run.cancelled)
    self->send(run.run, cancel_run{order.spec->key});
  if (is_new)
    self->send(order.listener, run_progress{order.spec->key, {progress_kind::started, {}}});
}

void agent_state::spawn(entry& run) {
  run.run = spawn_run(self->system(), run.spec, self);
  self->monitor(run.run);
}

void agent_state::cancel(const run_key& run) {
  const auto found = runs.find(run);
  if (found == runs.end() || found->second.cancelled)
    return;
  found->second.cancelled = true;
  if (found->second.run) {
    self->send(found->second.run, cancel_run{run});
    return;
  }
  if (found->second.granted)
    return; // the answer whether its job may start is awaited, or its next actor
  self->request(admission, caf::infinite, withdraw_run{run})
      .then(
          [this, run](bool was_queued) {
            const auto queued = runs.find(run);
            if (was_queued && queued != runs.end()) {
              self->send(queued->second.listener, run_finished{run, answer_cancelled_in_queue(*queued->second.spec)});
              runs.erase(queued);
            }
          },
          [run](const caf::error&) { log::warn("run {}: admission did not answer a withdrawal", run.value); });
}

void agent_state::start(const run_granted& grant) {
  const auto found = runs.find(grant.run);
  if (found == runs.end()) {
    self->send(admission, release_run{grant.run});
    return;
  }
  auto& run = found->second;
  run.granted = true;
  run.borrowed_from = grant.borrowed_from;
  if (run.cancelled)
    give_back(grant.run);
  else if (run.spec->job)
    ask_to_start(grant, *run.spec->job);
  else
    begin(grant);
}

void agent_state::ask_to_start(const run_granted& grant, const job_id& job) {
  self->request(jobs, caf::infinite, start_job{job})
      .then(
          [this, grant](bool may_start) {
            const auto found = runs.find(grant.run);
            if (found == runs.end())
              return;
            if (may_start && !found->second.cancelled)
              begin(grant);
            else
              give_back(grant.run);
          },
          left_to_the_next_supervisor);
}

void agent_state::give_back(const run_key& run) {
  const auto found = runs.find(run);
  self->send(admission, release_run{run});
  self->send(found->second.listener, run_finished{run, answer_cancelled_in_queue(*found->second.spec)});
  runs.erase(found);
}

void agent_state::begin(const run_granted& grant) {
  auto& run = runs.at(grant.run);
  if (grant.past_max_parallel)
    log::info("run {}: enters agent '{}' past max_parallel, since a run that waits for it holds the seat",
              grant.run.value, run.spec->agent.name.value);
  spawn(run);
  self->send(run.run, begin_run{grant.borrowed_from});
  self->send(run.listener, run_progress{grant.run, {progress_kind::started, {}}});
}

void agent_state::pass_on(const run_replayed& replayed) {
  if (const auto found = runs.find(replayed.run); found != runs.end())
    self->send(found->second.listener, replayed);
}

void agent_state::pass_on(const run_progress& progress) {
  if (const auto found = runs.find(progress.run); found != runs.end())
    self->send(found->second.listener, progress);
}

void agent_state::finish(const run_finished& finished) {
  const auto found = runs.find(finished.run);
  if (found == runs.end())
    return;
  self->send(admission, release_run{finished.run});
  self->send(found->second.listener, finished);
  if (found->second.run)
    self->demonitor(found->second.run.address());
  runs.erase(found);
}

void agent_state::end(const caf::exit_msg& order) {
  for (const auto& [key, run] : runs)
    if (run.run)
      self->send_exit(run.run, order.reason);
  self->quit(order.reason);
}

void agent_state::run_died(const caf::down_msg& down) {
  for (auto& [key, run] : runs) {
    if (!run.run || run.run.address() != down.source)
      continue;
    run.run = run_actor{};
    log::error("run {}: its actor died: {}", key.value, self->system().render(down.reason));
    if (++run.deaths >= restart_policy::most_deaths)
      give_up(key);
    else
      self->request(launcher, caf::infinite, find_run{run.spec})
          .then([this, lost = key](const recovered_request& found) { revive(lost, found); },
                left_to_the_next_supervisor);
    return;
  }
}

void agent_state::revive(const run_key& run, const recovered_request& found) {
  const auto place = runs.find(run);
  if (place == runs.end())
    return;
  const auto& lost = place->second;
  const auto pause = restart_policy::pause_after(lost.deaths);
  if (found.condition != run_condition::not_started)
    self->delayed_send(self, pause, adopt_run{lost.spec, lost.listener, found.how});
  else if (lost.spec->caller)
    self->delayed_send(self, pause, run_granted{run, lost.borrowed_from});
  else // taken over, and its directory is gone: it cannot be started, and must not be
    lose(run);
}

void agent_state::give_up(const run_key& run) {
  self->request(launcher, caf::infinite, sweep_run{run})
      .then([this, run](int) { lose(run); }, left_to_the_next_supervisor);
}

void agent_state::lose(const run_key& run) {
  if (const auto found = runs.find(run); found != runs.end())
    finish({run,
            {failure(fault_kind::lost, "the supervisor lost track of the run; resume its session " +
                                           found->second.spec->session.value)}});
}

agent_actor::behavior_type agent(agent_actor::stateful_pointer<agent_state> self, const admission_actor& admission,
                                 const jobs_actor& jobs, const launcher_actor& launcher, run_spawner spawn_run) {
  auto& state = self->state;
  tell_exceptions(self);
  state.launcher = launcher;
  state.admission = admission;
  state.jobs = jobs;
  state.spawn_run = std::move(spawn_run);
  self->set_down_handler([&state](const caf::down_msg& down) { state.run_died(down); });
  self->set_exit_handler([&state](const caf::exit_msg& order) { state.end(order); });
  return {
      [&state](const execute_run& order) { state.execute(order); },
      [&state](const adopt_run& order) { state.adopt(order); },
      [&state](const cancel_run& order) { state.cancel(order.run); },
      [&state](const run_granted& grant) { state.start(grant); },
      [&state](const run_progress& progress) { state.pass_on(progress); },
      [&state](const run_replayed& replayed) { state.pass_on(replayed); },
      [&state](const run_finished& finished) { state.finish(finished); },
  };
}

} // namespace agent_dispatch
