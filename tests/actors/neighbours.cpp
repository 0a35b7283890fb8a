#include "tests/actors/neighbours.hpp"

namespace agent_dispatch {

namespace {

/// A promise that the test will keep.
template <class Result, class Self>
caf::result<Result> later(Self* self, owed<Result>& open) {
  auto promise = self->template make_response_promise<Result>();
  open.push_back({promise, self});
  return promise;
}

std::string_view word(attempt which) { return which == attempt::first ? "" : " without --session-id"; }

class scripted_watch final : public run_watch {
public:
  explicit scripted_watch(actor_world& world) : world_{world} {}
  void want_output() override { world_.note("want output"); }
  void cancel() override { world_.note("tell the keeper to end"); }

private:
  actor_world& world_;
};

} // namespace

std::string words(const dispatch_answer& answer) {
  if (!answer.value)
    return "fault: " + std::string{describe(answer.value.error().kind)};
  if (answer.job)
    return "job " + std::string{to_string(answer.job->status)} + (answer.not_kept ? ", not kept" : "");
  const auto& result = *answer.value;
  const auto what = result.success ? std::string{"success"} : std::string{to_string(result.error_type.value())};
  return what + " '" + result.result + "'";
}

std::string words(const progress_event& event) {
  switch (event.kind) {
  case progress_kind::queued:
    return "queued";
  case progress_kind::started:
    return "started";
  case progress_kind::text:
    return "text '" + event.text + "'";
  case progress_kind::tool:
    return "tool '" + event.text + "'";
  case progress_kind::spent:
    return "spent " + std::to_string(event.cost_usd.value_or(0));
  case progress_kind::note:
    break;
  }
  return "note '" + event.text + "'";
}

std::shared_ptr<run_spec> spec_of(std::string key, std::string agent) {
  auto spec = std::make_shared<run_spec>();
  spec->key = {std::move(key)};
  spec->agent.name = {std::move(agent)};
  spec->agent.directory = "/projects/" + spec->agent.name.value;
  spec->session = {"5e551011-0000-4000-8000-000000000000"};
  spec->caller = std::make_shared<const caller_context>();
  return spec;
}

dispatch_answer answer_of(std::string result) {
  dispatch_result value;
  value.success = true;
  value.result = std::move(result);
  return {std::move(value)};
}

std::shared_ptr<config_snapshot> config_with(std::initializer_list<std::string_view> agents) {
  auto snapshot = std::make_shared<config_snapshot>();
  snapshot->generation = 1;
  for (const auto name : agents) {
    agent_config agent;
    agent.name = {std::string{name}};
    agent.directory = "/projects/" + agent.name.value;
    snapshot->value.agents.push_back(std::move(agent));
  }
  return snapshot;
}

std::shared_ptr<listener_script> scripted_listener(actor_world& world) {
  auto script = std::make_shared<listener_script>();
  const auto make = [&world, &state = *script](run_listener::pointer) -> run_listener::behavior_type {
    return {
        [&world](const run_progress& progress) {
          world.note("listener: " + progress.run.value + " " + words(progress.event));
        },
        [&world](const run_replayed& replayed) {
          for (const auto& event : replayed.events)
            world.note("listener: " + replayed.run.value + " replayed " + words(event));
        },
        [&world, &state](const run_finished& finished) {
          world.note("listener: " + finished.run.value + " finished, " + words(finished.answer));
          state.answers.push_back(finished.answer);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

run_actor scripted_run(actor_world& world, run_script& script, const run_key& key) {
  const auto make = [&world, run = "run " + key.value](run_actor::pointer) -> run_actor::behavior_type {
    return {
        [&world, run](const begin_run&) { world.note(run + ": begin"); },
        [&world, run](const resume_run&) { world.note(run + ": resume"); },
        [&world, run](const output_chunk&) { world.note(run + ": output"); },
        [&world, run](const run_tick&) { world.note(run + ": tick"); },
        [&world, run](const keeper_gone&) { world.note(run + ": keeper gone"); },
        [&world, run](const look_for_run&) { world.note(run + ": look"); },
        [&world, run](const cancel_run&) { world.note(run + ": cancel"); },
    };
  };
  return script.actors[key.value] = world.keep(world.system().spawn(make));
}

std::shared_ptr<agent_script> scripted_agent(actor_world& world, std::string name) {
  auto script = std::make_shared<agent_script>();
  const auto make = [&world, &state = *script, name](agent_actor::pointer) -> agent_actor::behavior_type {
    return {
        [&world, &state, name](const execute_run& order) {
          world.note(name + ": execute " + order.spec->key.value);
          state.specs[order.spec->key.value] = order.spec;
        },
        [&world, name](const adopt_run& order) { world.note(name + ": adopt " + order.spec->key.value); },
        [&world, name](const cancel_run& order) { world.note(name + ": cancel " + order.run.value); },
        [&world, name](const run_granted& grant) {
          world.note(name + ": granted " + grant.run.value + (grant.past_max_parallel ? " past max_parallel" : ""));
        },
        [&world, name](const run_progress&) { world.note(name + ": progress"); },
        [&world, name](const run_replayed&) { world.note(name + ": replayed"); },
        [&world, name](const run_finished&) { world.note(name + ": finished"); },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<admission_script> scripted_admission(actor_world& world) {
  auto script = std::make_shared<admission_script>();
  const auto make = [&world, &state = *script](admission_actor::pointer self) -> admission_actor::behavior_type {
    return {
        [&world](const admit_run& order) { world.note("admission: admit " + order.spec->key.value); },
        [&world](const readmit_run& order) { world.note("admission: readmit " + order.spec->key.value); },
        [&world](const release_run& order) { world.note("admission: release " + order.run.value); },
        [&world](const add_wait& order) {
          world.note("admission: " + order.waiter.value + " waits for " + order.target.value);
        },
        [&world](const remove_wait& order) {
          world.note("admission: " + order.waiter.value + " no longer waits for " + order.target.value);
        },
        [&world, &state](const join_wait& order) {
          world.note("admission: may " + order.waiter.value + " wait for " + order.target.value);
          return state.may_join;
        },
        [&world](const leave_parent& order) { world.note("admission: " + order.run.value + " leaves its parent"); },
        [&world, &state, self](const withdraw_run& order) {
          world.note("admission: withdraw " + order.run.value);
          return later(self, state.withdrawals);
        },
        [&world](const set_max_concurrency& order) {
          world.note("admission: " + std::to_string(order.slots) + " slots");
        },
        [&world](const api_troubled& event) {
          world.note("admission: API trouble " + (event.what.status ? std::to_string(*event.what.status) : "unknown"));
        },
        [](const api_answered&) {},
        [](const admission_tick&) {},
        [&state](const get_admission&) { return state.figures; },
        [&state](const get_queue_position&) { return state.position; },
        [&world, &state, self](const get_queued_descendants& order) {
          world.note("admission: who is below " + order.run.value);
          return later(self, state.descendants);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<launcher_script> scripted_launcher(actor_world& world) {
  auto script = std::make_shared<launcher_script>();
  const auto make = [&world, &state = *script](launcher_actor::pointer self) -> launcher_actor::behavior_type {
    return {
        [&world, &state, self](const launch_run& order) {
          world.note("launcher: launch " + order.spec->key.value + std::string{word(order.which)});
          return later(self, state.launches);
        },
        [&world, &state, self](const read_exit& order) {
          world.note("launcher: read exit of " + order.run.value + std::string{word(order.which)});
          return later(self, state.exits);
        },
        [&world, &state, self](const sweep_run& order) {
          world.note("launcher: sweep " + order.run.value);
          return later(self, state.sweeps);
        },
        [&world, &state, self](const find_run& order) {
          world.note("launcher: find " + order.spec->key.value);
          return later(self, state.finds);
        },
        [&world](const discard_run& order) { world.note("launcher: discard " + order.run.value); },
        [&world, &state, self](const record_request& order) -> caf::result<write_outcome> {
          if (state.records)
            return write_outcome{state.record_problem};
          world.note("launcher: record " + order.request->key.text());
          return later(self, state.recordings);
        },
        [&world](const discard_request& order) {
          world.note("launcher: discard request " + order.request->key.text() + (order.keeps_run ? " alone" : ""));
        },
        [&world](const note_handover& order) {
          world.note("launcher: note the handover");
          for (const auto& [frontend, caller] : order.callers)
            world.note("launcher: with the environment of " + frontend.value);
        },
        [&state](const recover_state&) { return state.found; },
        [&world, &state, self](const is_frontend_alive& order) {
          world.note("launcher: is " + order.frontend.value + " alive");
          return later(self, state.frontends);
        },
        [&world, &state, self](const find_live_runs&) {
          world.note("launcher: which live");
          return later(self, state.live);
        },
        [&world, &state, self](const finish_discarding&) {
          world.note("launcher: finish discarding");
          return later(self, state.discarding);
        },
        [&world](const clear_strays&) { world.note("launcher: clear"); },
        [](const empty_trash&) {},
        [](const prepare_run&) {},
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<jobs_script> scripted_jobs(actor_world& world) {
  auto script = std::make_shared<jobs_script>();
  const auto make = [&world, &state = *script](jobs_actor::pointer self) -> jobs_actor::behavior_type {
    return {
        [&world, &state, self](const create_job& order) {
          world.note("jobs: create for " + order.request.text());
          return later(self, state.creations);
        },
        [&world, &state, self](const start_job&) {
          world.note("jobs: may it start?");
          return later(self, state.starts);
        },
        [&world](const job_progressed& event) { world.note("jobs: " + words(event.event)); },
        [&world](const job_replayed& event) {
          for (const auto& each : event.events)
            world.note("jobs: replayed " + words(each));
        },
        [&world, &state, self](const finish_job& order) {
          world.note("jobs: finish, " + words(order.answer));
          return later(self, state.ends);
        },
        [&world, &state, self](const adopt_job& order) {
          world.note("jobs: adopt " + order.request.text());
          return later(self, state.adoptions);
        },
        [&state](const jobs_adopted& order) { state.knows_all = order.knows_all; },
        [&world, &state, self](const fail_job&) {
          world.note("jobs: fail");
          return later(self, state.ends);
        },
        [&world, &state, self](const keep_result& order) {
          world.note("jobs: keep '" + order.result.result + "'");
          return later(self, state.ends);
        },
        [&world, &state, self](const find_job_record& order) {
          world.note("jobs: find " + order.text);
          return later(self, state.adoptions);
        },
        [&world, &state, self](const cancel_job& order) {
          world.note("jobs: cancel " + order.text);
          return later(self, state.cancels);
        },
        [](const list_stored_jobs&) { return jobs_found{std::vector<job_record>{}}; },
        [](const collect_stored_jobs&) { return jobs_collected{std::size_t{0}}; },
        [&world](const watch_job& order) { world.note("jobs: watch " + order.text); },
        [&world](const unwatch_job&) { world.note("jobs: unwatch"); },
        [&world](const unwatch_all&) { world.note("jobs: unwatch all"); },
        [&state](const get_watched_job&) { return state.standing; },
        [](const explain_job& order) {
          return job_explained{{tl::unexpected(fault{fault_kind::invalid_argument, order.text})}, {}};
        },
        [](const watch_timeout&) {},
        [](const job_tick&) {},
        [](const serve_requests&) {},
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

requests_actor scripted_requests(actor_world& world, queue_position_ptr position) {
  const auto make = [&world, position](requests_actor::pointer) -> requests_actor::behavior_type {
    const auto note = [&world](const std::string& what, const request_key& key) {
      world.note("requests: " + what + " " + std::to_string(key.line));
    };
    return {
        [note](const dispatch_call& call) { note("dispatch", call.request); },
        [note](const cancel_request& order) { note("cancel", order.request); },
        [note](const request_acknowledged& order) { note("acknowledged", order.request); },
        [](const requests_kept&) {},
        [](const frontend_arrived&) {},
        [](const frontend_disconnected&) {},
        [](const recheck_frontend&) {},
        [](const recover_requests&) { return 0; },
        [](const retry_conclusion&) {},
        [](const drive_again&) {},
        [](const drain_requests&) { return stop_report{}; },
        [](const finish_requests&) { return true; },
        [position](const get_request_position&) { return position; },
        [](const is_request_known&) { return false; },
        [](const get_cache_report&) { return cache_report{}; },
        [](const clear_cache&) { return cache_cleared{}; },
        [](const recheck_occupants&) {},
        [](const run_progress&) {},
        [](const run_replayed&) {},
        [](const run_finished&) {},
        [](const composite_progress&) {},
        [](const composite_done&) {},
    };
  };
  return world.keep(world.system().spawn(make));
}

std::shared_ptr<config_script> scripted_config(actor_world& world, config_snapshot_ptr snapshot) {
  auto script = std::make_shared<config_script>();
  script->snapshot = std::move(snapshot);
  const auto make = [&world, &state = *script](config_actor::pointer self) -> config_actor::behavior_type {
    return {
        [&world, &state, self](const get_config&) -> caf::result<config_snapshot_ptr> {
          if (state.answers)
            return state.snapshot;
          world.note("config: asked");
          return later(self, state.questions);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<viewer_script> scripted_viewer(actor_world& world) {
  auto script = std::make_shared<viewer_script>();
  const auto make = [&world, &state = *script](viewer_actor::pointer self) -> viewer_actor::behavior_type {
    return {
        [&world, &state, self](const look_at_directories& order) -> caf::result<directories_seen> {
          ++state.looks;
          if (state.answers)
            return directories_seen{std::make_shared<const ordered_json>(order.view())};
          world.note("viewer: asked");
          return later(self, state.open);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<editor_script> scripted_editor(actor_world& world) {
  auto script = std::make_shared<editor_script>();
  const auto make = [&world,
                     &state = *script](config_editor_actor::pointer self) -> config_editor_actor::behavior_type {
    return {
        [&world, &state, self](const edit_agents& edit) {
          struct {
            std::string operator()(const add_agent_order& order) const { return "add " + order.name; }
            std::string operator()(const update_agent_order& order) const { return "update " + order.name.value; }
            std::string operator()(const remove_agent_order& order) const { return "remove " + order.name.value; }
          } const in_words;
          world.note("editor: " + std::visit(in_words, edit.order));
          return later(self, state.edits);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<requester_script> scripted_requester(actor_world& world, std::string name) {
  auto script = std::make_shared<requester_script>();
  const auto make = [&world, &state = *script, name](requester::pointer) -> requester::behavior_type {
    return {
        [&world, name](const request_progress& progress) {
          world.note(name + ": " + std::to_string(progress.request.line) + " " + words(progress.event));
        },
        [&world, &state, name](const request_answered& answered) {
          world.note(name + ": " + std::to_string(answered.request.line) + " answered, " + words(answered.answer));
          state.answers.push_back(answered.answer);
        },
    };
  };
  script->actor = world.keep(world.system().spawn(make));
  return script;
}

std::shared_ptr<run_watch> scripted_watcher::watch(std::shared_ptr<run_handles> handles, const run_actor&) {
  world_.note(handles ? "watch" : "watch nothing");
  return std::make_shared<scripted_watch>(world_);
}

} // namespace agent_dispatch
