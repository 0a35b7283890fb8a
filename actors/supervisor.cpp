#include "actors/supervisor.hpp"

#include <unistd.h>

#include <algorithm>

#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

/// Sessions that do not end in this time are left behind.
constexpr std::chrono::seconds leave_time{5};

} // namespace

void supervisor_state::welcome(const frontend_connected& event) {
  const auto& hello = *event.hello;
  if (hello.protocol > protocol_version || hello.protocol < protocol_version - 1) {
    ordered_json refusal;
    refusal["error"] = "this supervisor (version " + std::string{program_version} + ") speaks protocol " +
                       std::to_string(protocol_version) + ", the frontend (version " + hello.version + ") protocol " +
                       std::to_string(hello.protocol) + "; end this supervisor and try again: agent-dispatch stop";
    event.link->send("refused", 0, dump(refusal), importance::must_arrive);
    event.link->close();
    return;
  }
  self->request(admission, caf::infinite, get_admission{})
      .then(
          [this, event](const admission_figures& figures) {
            ordered_json greeting;
            greeting["protocol"] = protocol_version;
            greeting["version"] = program_version;
            greeting["live_runs"] = figures.live;
            greeting["queued"] = figures.queued;
            event.link->send("welcome", 0, dump(greeting), importance::must_arrive);
            self->send(core.requests, frontend_arrived{event.hello->frontend, event.hello->caller});
            const auto session = make_session(self->system(), core, event.link, event.hello);
            self->monitor(session);
            log::debug("frontend {} is connected", event.hello->frontend.value);
            sessions.emplace(session.address(), open_session{session, event.link, event.hello->frontend});
            event.link->start(session);
            if (now == phase::leaving)
              self->send(session, end_session{leaving});
          },
          [event](const caf::error&) { event.link->close(); });
}

void supervisor_state::session_ended(const caf::down_msg& down) {
  if (!sessions.contains(down.source)) {
    core_died(down);
    return;
  }
  if (down.reason)
    clear_up_after(down);
  sessions.erase(down.source);
  busy_until = std::chrono::steady_clock::now();
  if (sessions.empty())
    schedule_tick();
  end_if_alone();
}

void supervisor_state::clear_up_after(const caf::down_msg& down) {
  const auto& session = sessions.at(down.source);
  log::error("the session of frontend {} died: {}; its connection is closed", session.frontend.value,
             self->system().render(down.reason));
  session.link->close();
  self->send(core.jobs, unwatch_all{down.source});
  self->send(core.requests, frontend_disconnected{session.frontend});
}

void supervisor_state::core_died(const caf::down_msg& down) {
  log::error("an actor that everything depends on died: {}; this supervisor ends, and the next one takes over its runs",
             self->system().render(down.reason));
  process.died();
}

caf::result<supervisor_status> supervisor_state::status() {
  auto promise = self->make_response_promise<supervisor_status>();
  self->request(core.requests, caf::infinite, get_cache_report{})
      .then([this, promise](const cache_report& cache) { status(promise, cache); },
            [this, promise](const caf::error&) { status(promise, {}); });
  return promise;
}

void supervisor_state::status(caf::typed_response_promise<supervisor_status> promise, const cache_report& cache) {
  self->request(admission, caf::infinite, get_admission{})
      .then(
          [this, promise, cache](const admission_figures& figures) mutable {
            const std::chrono::duration<double> uptime = std::chrono::steady_clock::now() - started;
            promise.deliver(supervisor_status{.pid = ::getpid(),
                                              .version = program_version,
                                              .uptime_seconds = uptime.count(),
                                              .socket = process.where.socket,
                                              .log = process.where.log(),
                                              .frontends = static_cast<int>(sessions.size()) - 1,
                                              .admission = figures,
                                              .cache = cache.figures});
          },
          [promise](caf::error& problem) mutable { promise.deliver(std::move(problem)); });
}

caf::result<stop_report> supervisor_state::stop(stop_mode mode) {
  auto promise = self->make_response_promise<stop_report>();
  drain(mode, [this, promise, mode](const stop_report& report) mutable {
    promise.deliver(report);
    leave(mode);
  });
  return promise;
}

void supervisor_state::shut(const shut_down& order) {
  log::info("ending: {}", order.why);
  drain(order.mode, [this, mode = order.mode](const stop_report&) { leave(mode); });
}

void supervisor_state::drain(stop_mode mode, const std::function<void(const stop_report&)>& then) {
  if (now == phase::serving)
    now = phase::draining;
  keeps_runs = keeps_runs || mode == stop_mode::keep_runs;
  self->request(core.requests, caf::infinite, drain_requests{mode})
      .then(
          [then](const stop_report& report) {
            for (const auto& run : report.ended)
              log::info("run {} of agent '{}' ended by the stop; its session is {}", run.key.value, run.agent.value,
                        run.session.value);
            then(report);
          },
          [then](const caf::error&) { then({}); });
}

void supervisor_state::leave(stop_mode mode) {
  if (now == phase::leaving)
    return;
  now = phase::leaving;
  if (keeps_runs)
    mode = stop_mode::keep_runs;
  leaving = mode;
  process.stop_listening();
  for (const auto& [address, session] : sessions)
    self->send(session.actor, end_session{mode});
  self->delayed_send(self, leave_time, leave_timeout{});
  end_if_alone();
}

void supervisor_state::end_if_alone() {
  if (now == phase::leaving && sessions.empty() && !std::exchange(finishing, true))
    finish();
}

void supervisor_state::finish() {
  self->request(core.requests, caf::infinite, finish_requests{})
      .then([this](bool) { self->quit(); }, [this](const caf::error&) { self->quit(); });
}

void supervisor_state::tick(const supervisor_tick& tick) {
  if (tick.number != current_tick)
    return;
  if (now == phase::serving && !process.holds_lock()) {
    process.stop_listening();
    shut({"the lock file was replaced or deleted; what runs is the next supervisor's", stop_mode::keep_runs});
    return;
  }
  if (sessions.empty() && now == phase::serving)
    look_for_idleness();
  schedule_tick();
}

void supervisor_state::look_for_idleness() {
  self->request(admission, caf::infinite, get_admission{})
      .then(
          [this](const admission_figures& figures) {
            const auto time = std::chrono::steady_clock::now();
            if (!sessions.empty() || figures.live + figures.queued > 0)
              busy_until = time;
            else if (idle_exit.count() > 0 && time - busy_until >= idle_exit && now == phase::serving)
              shut({"no frontend and no run for " + std::to_string(idle_exit.count()) + " s", stop_mode::drain});
          },
          [](const caf::error&) { log::warn("admission did not answer"); });
  self->request(core.config, caf::infinite, get_config{})
      .then(
          [this](const config_snapshot_ptr& snapshot) {
            if (!snapshot->fault)
              idle_exit = std::chrono::seconds{snapshot->value.settings.idle_exit_seconds};
          },
          [](const caf::error&) { log::warn("the configuration was not answered"); });
}

void supervisor_state::schedule_tick() {
  std::chrono::milliseconds pause = limits::lock_check;
  if (sessions.empty() && idle_exit.count() > 0)
    pause = std::clamp<std::chrono::milliseconds>(idle_exit, std::chrono::milliseconds{500}, pause);
  self->delayed_send(self, pause, supervisor_tick{++current_tick});
}

supervisor_actor::behavior_type supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
                                           supervisor_process process, const supervised_actors& owned,
                                           session_factory make_session) {
  auto& state = self->state;
  tell_exceptions(self);
  state.process = std::move(process);
  state.core = {self, owned.config, owned.requests, owned.jobs, owned.editor, owned.viewer};
  state.admission = owned.admission;
  state.launcher = owned.launcher;
  state.make_session = std::move(make_session);
  state.started = state.busy_until = std::chrono::steady_clock::now();
  for (const auto& actor : {caf::actor_cast<caf::actor>(owned.config), caf::actor_cast<caf::actor>(owned.editor),
                            caf::actor_cast<caf::actor>(owned.viewer), caf::actor_cast<caf::actor>(owned.admission),
                            caf::actor_cast<caf::actor>(owned.launcher), caf::actor_cast<caf::actor>(owned.requests),
                            caf::actor_cast<caf::actor>(owned.jobs)})
    self->monitor(actor);
  for (const auto& store : owned.stores)
    self->monitor(store);
  self->set_down_handler([&state](const caf::down_msg& down) { state.session_ended(down); });
  self->attach_functor([owned, ended = state.process.ended, died = state.process.died](const caf::error& reason) {
    if (reason)
      died();
    caf::anon_send_exit(owned.requests, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.jobs, caf::exit_reason::user_shutdown);
    for (const auto& store : owned.stores)
      caf::anon_send_exit(store, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.admission, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.launcher, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.config, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.editor, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(owned.viewer, caf::exit_reason::user_shutdown);
    ended();
  });
  state.look_for_idleness();
  state.schedule_tick();
  return {
      [&state](const frontend_connected& event) { state.welcome(event); },
      [&state](const get_status&) { return state.status(); },
      [&state](const stop_supervisor& order) { return state.stop(order.mode); },
      [&state](const shut_down& order) { state.shut(order); },
      [&state](const supervisor_tick& tick) { state.tick(tick); },
      [&state](const leave_timeout&) {
        log::warn("{} sessions did not end in time", state.sessions.size());
        for (const auto& [address, session] : state.sessions)
          caf::anon_send_exit(session.actor, caf::exit_reason::kill);
        state.self->quit();
      },
  };
}

} // namespace agent_dispatch
