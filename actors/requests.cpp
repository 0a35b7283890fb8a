#include "actors/requests.hpp"

#include "actors/log.hpp"
#include "actors/run_answers.hpp"

namespace agent_dispatch {

namespace {

/// How often the lock of a frontend is looked at whose connection is gone.
constexpr std::chrono::seconds lock_recheck{1};

dispatch_answer stopping_answer() {
  return {failure(fault_kind::supervisor_stopping,
                  "the supervisor is stopping and takes no more work; try again: the next call starts a new one")};
}

} // namespace

void requests_state::accept(const dispatch_call& call) {
  // While runs are waited for, what they ask for in turn is part of them.
  const auto& parent = call.caller->parent;
  const bool is_needed = !ending_all && parent && by_run.contains(*parent);
  if (draining && !is_needed) {
    self->send(call.waiting, request_answered{call.request, stopping_answer()});
    return;
  }
  const auto [place, is_new] = requests.emplace(call.request, entry{.call = call, .spec = {}, .agent = {}});
  if (!is_new) {
    place->second.call.waiting = call.waiting;
    return;
  }
  const auto key = call.request;
  self->request(config, caf::infinite, get_config{})
      .then([this, key](const config_snapshot_ptr& snapshot) { resolve(key, snapshot); },
            [this, key](const caf::error&) {
              answer(key, {failure(fault_kind::lost, "the configuration could not be read; try again")});
            });
}

void requests_state::resolve(const request_key& key, const config_snapshot_ptr& snapshot) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now != phase::resolving)
    return;
  if (snapshot->fault) {
    answer(key, {tl::unexpected(*snapshot->fault)});
    return;
  }
  if (snapshot->generation != limits_generation) {
    limits_generation = snapshot->generation;
    self->send(admission, set_max_concurrency{snapshot->value.settings.max_concurrency});
  }
  const auto& call = found->second.call;
  const auto* agent = snapshot->value.find_agent(call.run.agent);
  if (agent == nullptr) {
    answer(key, {failure(fault_kind::unknown_agent, unknown_agent_sentence(snapshot->value, call.run.agent.value))});
    return;
  }
  auto spec = make_spec(key.run("0"), call, *agent, snapshot->value.settings);
  if (!spec) {
    answer(key, {std::move(spec.error())});
    return;
  }
  if (found->second.cancelled) {
    answer(key, answer_cancelled_in_queue(**spec));
    return;
  }
  execute(found->second, *spec);
}

void requests_state::execute(entry& request, run_spec_ptr spec) {
  request.now = phase::executing;
  request.agent = agent_for(spec->agent.name);
  by_run[spec->key] = request.call.request;
  request.spec = std::move(spec);
  self->send(request.agent, execute_run{request.spec, self});
}

void requests_state::cancel(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.cancelled || found->second.now == phase::answered)
    return;
  auto& request = found->second;
  request.cancelled = true;
  if (request.now != phase::executing)
    return;
  self->send(request.agent, cancel_run{request.spec->key});
  cancel_children(request.spec->key);
}

void requests_state::cancel_children(const run_key& run) {
  self->request(admission, caf::infinite, get_queued_descendants{run})
      .then(
          [this](const run_keys& children) {
            for (const auto& child : children)
              if (const auto owner = by_run.find(child); owner != by_run.end())
                cancel(request_key{owner->second});
          },
          [](const caf::error&) { log::warn("admission did not say which queued runs hang on a cancelled one"); });
}

void requests_state::pass_on(const run_progress& progress) {
  const auto found = by_run.find(progress.run);
  if (found == by_run.end())
    return;
  auto& request = requests.at(found->second);
  request.started = request.started || progress.event.kind == progress_kind::started;
  self->send(request.call.waiting, request_progress{found->second, progress.event});
}

void requests_state::finish(const run_finished& finished) {
  if (const auto found = by_run.find(finished.run); found != by_run.end())
    answer(request_key{found->second}, finished.answer);
}

void requests_state::answer(const request_key& key, dispatch_answer answer) {
  const auto found = requests.find(key);
  if (found == requests.end() || found->second.now == phase::answered)
    return;
  auto& request = found->second;
  request.now = phase::answered;
  self->send(request.call.waiting, request_answered{key, std::move(answer)});
  if (request.orphaned)
    forget(key);
  finish_drain_if_idle();
}

void requests_state::acknowledge(const request_key& key) {
  if (const auto found = requests.find(key); found != requests.end() && found->second.now == phase::answered)
    forget(key);
}

void requests_state::forget(const request_key& key) {
  const auto found = requests.find(key);
  if (found->second.spec) {
    self->send(launcher, discard_run{found->second.spec->key});
    by_run.erase(found->second.spec->key);
  }
  requests.erase(found);
}

void requests_state::check_frontend(const frontend_id& frontend) {
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
    auto& request = requests.at(key);
    request.orphaned = true;
    if (request.now == phase::answered)
      forget(key);
    else
      cancel(key);
  }
  if (!its.empty())
    log::info("frontend {}: gone; {} of its requests ended", frontend.value, its.size());
}

caf::result<stop_report> requests_state::drain(stop_mode mode) {
  draining = true;
  auto promise = self->make_response_promise<stop_report>();
  drained.push_back(promise);
  if (mode == stop_mode::now) {
    ending_all = true;
    std::vector<request_key> open;
    for (const auto& [key, request] : requests)
      if (request.now != phase::answered)
        open.push_back(key);
    for (const auto& key : open) {
      const auto& request = requests.at(key);
      if (request.started && !request.cancelled)
        ended.ended.push_back({request.spec->key, request.spec->agent.name, request.spec->session});
      cancel(key);
    }
  }
  finish_drain_if_idle();
  return promise;
}

void requests_state::finish_drain_if_idle() {
  if (!draining || drained.empty())
    return;
  for (const auto& [key, request] : requests)
    if (request.now != phase::answered)
      return;
  // Every answer is on its way to its session; nobody of a process that ends can acknowledge it.
  while (!requests.empty())
    forget(request_key{requests.begin()->first});
  const auto deliver = [this] {
    for (auto& promise : drained)
      promise.deliver(ended);
    drained.clear();
  };
  self->request(launcher, caf::infinite, finish_discarding{})
      .then([deliver](bool) { deliver(); }, [deliver](const caf::error&) { deliver(); });
}

caf::result<queue_position_ptr> requests_state::position(const request_key& key) {
  const auto found = requests.find(key);
  if (found == requests.end() || !found->second.spec)
    return queue_position_ptr{};
  return self->delegate(admission, get_queue_position{found->second.spec->key});
}

agent_actor requests_state::agent_for(const agent_name& agent) {
  auto& actor = agents[agent];
  if (!actor)
    actor = spawn_agent(self->system());
  return actor;
}

requests_actor::behavior_type requests(requests_actor::stateful_pointer<requests_state> self,
                                       const config_actor& config, const admission_actor& admission,
                                       const launcher_actor& launcher, agent_spawner spawn_agent) {
  auto& state = self->state;
  state.config = config;
  state.admission = admission;
  state.launcher = launcher;
  state.spawn_agent = std::move(spawn_agent);
  return {
      [&state](const dispatch_call& call) { state.accept(call); },
      [&state](const cancel_request& order) { state.cancel(order.request); },
      [&state](const request_acknowledged& order) { state.acknowledge(order.request); },
      [&state](const frontend_disconnected& event) { state.check_frontend(event.frontend); },
      [&state](const recheck_frontend& order) { state.check_frontend(order.frontend); },
      [&state](const drain_requests& order) { return state.drain(order.mode); },
      [&state](const get_request_position& order) { return state.position(order.request); },
      [&state](const run_progress& progress) { state.pass_on(progress); },
      [&state](const run_finished& finished) { state.finish(finished); },
  };
}

} // namespace agent_dispatch
