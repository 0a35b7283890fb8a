#pragma once

#include <functional>
#include <map>
#include <vector>

#include "messages/actors.hpp"

namespace agent_dispatch {

/// Makes the actor of one agent.
using agent_spawner = std::function<agent_actor(caf::actor_system&)>;

/// Accepted requests by their key, and the runs that are done for them:
///
///     (none) ──dispatch──▶ resolving ──▶ executing ──run finished──▶ answered ──acknowledged──▶ (none)
///                              │             └─cancel─▶ executing, being ended
///                              └──cancel, fault──▶ answered
///
/// A request of a frontend that is gone is cancelled, and forgotten when it has ended.
struct requests_state {
  explicit requests_state(requests_actor::pointer own) : self{own} {}

  enum class phase { resolving, executing, answered };

  struct entry {
    dispatch_call call;
    phase now = phase::resolving;
    bool cancelled = false;
    bool started = false;
    bool orphaned = false; ///< nobody will acknowledge the answer
    run_spec_ptr spec;     ///< null while resolving
    agent_actor agent;     ///< null while resolving
  };

  void accept(const dispatch_call& call);
  void resolve(const request_key& key, const config_snapshot_ptr& snapshot);
  void execute(entry& request, run_spec_ptr spec);
  void cancel(const request_key& key);
  void cancel_children(const run_key& run);
  void pass_on(const run_progress& progress);
  void finish(const run_finished& finished);
  void answer(const request_key& key, dispatch_answer answer);
  void acknowledge(const request_key& key);
  void forget(const request_key& key);
  void check_frontend(const frontend_id& frontend);
  void frontend_gone(const frontend_id& frontend);
  caf::result<stop_report> drain(stop_mode mode);
  void finish_drain_if_idle();
  caf::result<queue_position_ptr> position(const request_key& key);
  agent_actor agent_for(const agent_name& agent);

  requests_actor::pointer self;
  config_actor config;
  admission_actor admission;
  launcher_actor launcher;
  agent_spawner spawn_agent;
  std::map<request_key, entry> requests;
  std::map<run_key, request_key> by_run;
  std::map<agent_name, agent_actor> agents;
  std::uint64_t limits_generation = 0;
  bool draining = false;
  bool ending_all = false; ///< by a stop that waits for nothing
  stop_report ended;
  std::vector<caf::typed_response_promise<stop_report>> drained;

  static inline const char* name = "requests";
};

requests_actor::behavior_type requests(requests_actor::stateful_pointer<requests_state> self,
                                       const config_actor& config, const admission_actor& admission,
                                       const launcher_actor& launcher, agent_spawner spawn_agent);

} // namespace agent_dispatch
