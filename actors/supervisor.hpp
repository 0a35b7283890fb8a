#pragma once

#include <chrono>
#include <functional>
#include <map>

#include "actors/storage/places.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// What the supervisor's actor needs of its process.
struct supervisor_process {
  places where;
  /// False when somebody replaced the lock file: another supervisor may be there.
  std::function<bool()> holds_lock;
  /// No new frontends.
  std::function<void()> stop_listening;
  /// All actors have been told to end; main may return.
  std::function<void()> ended;
  /// An actor without which nothing goes on has died. Ends the process at once, as a kill would: whatever is in memory
  /// is in doubt, and what is on disk is enough for the next supervisor.
  std::function<void()> died;
};

/// The root of the actors: takes in frontends, answers for the whole, ends the process.
///
///     serving ──stop, idle──▶ draining ──requests are done──▶ leaving ──▶ ended
///        └──SIGTERM, stop --keep-runs, lock lost──────────▶ leaving (runs go on)
///
/// What it monitors and what a death of it comes to:
///
/// | session | its connection is closed; its frontend connects again and asks again |
/// | config, config editor, viewer, job reader | made anew by who stands in front of them (`restarting.hpp`) |
/// | requests, and so an agent's actor; admission, launcher, jobs, job writer | the process ends, the next has all |
///
/// Draining refuses new frontends' work but answers `status`; leaving tells every session to end.
struct supervisor_state {
  explicit supervisor_state(supervisor_actor::pointer own) : self{own} {}

  enum class phase { serving, draining, leaving };

  struct open_session {
    session_actor actor;
    connection_ptr link;
    frontend_id frontend;
  };

  void welcome(const frontend_connected& event);
  void session_ended(const caf::down_msg& down);
  caf::result<supervisor_status> status();
  void status(caf::typed_response_promise<supervisor_status> promise, const cache_report& cache);
  caf::result<stop_report> stop(stop_mode mode);
  void shut(const shut_down& order);
  void drain(stop_mode mode, const std::function<void(const stop_report&)>& then);
  void leave(stop_mode mode);
  void finish();
  void end_if_alone();
  void tick(const supervisor_tick& tick);
  void look_for_idleness();
  void schedule_tick();
  void core_died(const caf::down_msg& down);
  /// A session that died leaves a connection, and a frontend that does not know.
  void clear_up_after(const caf::down_msg& down);

  supervisor_actor::pointer self;
  supervisor_process process;
  core_actors core;
  admission_actor admission;
  launcher_actor launcher;
  session_factory make_session;
  std::map<caf::actor_addr, open_session> sessions;
  std::chrono::steady_clock::time_point started;
  std::chrono::steady_clock::time_point busy_until; ///< the last time there was a frontend or a run
  std::chrono::seconds idle_exit{600};              ///< 0: never
  phase now = phase::serving;
  stop_mode leaving = stop_mode::drain; ///< how, once it is `leaving`
  bool keeps_runs = false;              ///< some stop wants that: the ones before it no longer wait for runs
  bool finishing = false;
  std::uint64_t current_tick = 0;

  static inline const char* name = "supervisor";
};

/// The actors that the supervisor owns; it monitors them and ends them.
struct supervised_actors {
  config_actor config;
  config_editor_actor editor;
  viewer_actor viewer;
  admission_actor admission;
  launcher_actor launcher;
  requests_actor requests;
  jobs_actor jobs;
  std::vector<job_store_actor> stores;
};

supervisor_actor::behavior_type supervisor(supervisor_actor::stateful_pointer<supervisor_state> self,
                                           supervisor_process process, const supervised_actors& owned,
                                           session_factory make_session);

} // namespace agent_dispatch
