#pragma once

#include "actors/admission.hpp"
#include "actors/job_registry.hpp"
#include "actors/requests.hpp"
#include "tests/actors/interleavings/actor_stage.hpp"

namespace agent_dispatch::interleavings {

/// A run directory, and the keeper that works in it.
struct run_directory {
  run_spec_ptr spec;
  std::optional<run_key> borrowed_from;
  bool lives = true;        ///< its keeper
  bool told_to_end = false; ///< its keeper
  bool was_killed = false;  ///< its keeper, before it could write how the run ended
};

/// What survives a supervisor: the disk, keepers, and the frontends with what they have sent and heard.
struct surroundings {
  std::map<request_key, accepted_request_ptr> requests;
  std::map<run_key, run_directory> runs;
  std::map<job_id, job_record> records;
  std::map<run_key, int> starts;

  std::map<request_key, dispatch_call> calls; ///< of lines that are not acknowledged
  std::set<request_key> answered;             ///< the frontend has the answer
  std::set<request_key> cancelled;            ///< by the client
  std::map<request_key, job_id> jobs;         ///< that the client knows
  std::set<frontend_id> gone;                 ///< their locks are free

  /// Equal texts: nothing can tell them apart.
  std::string text() const;
};

/// A supervisor that does something wrong, for tests of the explorer and of what is looked at.
enum class defect {
  none,
  keeper_gone_early, ///< the end of a keeper is told when it is asked for
  record_unguarded,  ///< a terminal record is written over
  answers_twice,     ///< what is answered by `requests` reaches the caller twice
};

struct world_options {
  int slots = 5;
  int max_parallel = 1;
  defect wrong = defect::none;
  bool is_watched_outside =
      false;                ///< every change of what survives the supervisor counts, for one that dies at any time
  bool keepers_die = false; ///< keepers are killed instead of writing how their runs ended
};

/// When something may happen. Once it holds it does so for ever.
struct condition {
  std::function<bool()> is_so{};     ///< absent: always
  std::vector<std::string> things{}; ///< that it looks at

  bool holds() const { return !is_so || is_so(); }
  std::vector<std::string> with(std::vector<std::string> more) const {
    more.insert(more.end(), things.begin(), things.end());
    return more;
  }
};

/// The actors of a supervisor that decide (requests, agents, runs, admission, job registry), all of them real, between
/// edges that do at once what they are told: launcher, stores of job records, configuration, keepers, and a frontend
/// whose session is no more than its end of the mailbox. What must hold is looked at after each step:
///
/// - a run is started at most once for its key, holds its seat and slot while its keeper lives, and its directory stays
///   as long;
/// - a record takes only the ways of the job machine's table, and nobody hears of an end that it does not say;
/// - each request is answered once each time it is asked, and in the end nothing is left: no request, run, job, waiting
///   client, seat or slot, file, directory or keeper.
class supervisor_world : public actor_stage {
public:
  explicit supervisor_world(still_system& system, world_options options = {}, surroundings found = {});
  ~supervisor_world() override;

  std::optional<std::string> broken() override;
  std::optional<std::string> broken_at_end() override;

  /// Is shown what would survive the supervisor, after each step.
  void show_outside(std::function<void(const surroundings&)> look) { show_outside_ = std::move(look); }

protected:
  bool is_waiting() const override;

  // What happens: each is one happening, from when it makes sense on.
  void asks(const request_key& line, dispatch_call call, const condition& after = {});
  void cancels(const request_key& line, const condition& after = {});
  void acknowledges(const request_key& line, const condition& after = {});
  /// By its id, as soon as its client knows it.
  void cancels_job_of(const request_key& line);
  /// `line` waits for the job of `of`, as soon as its client knows that.
  void watches_job_of(const request_key& of, const request_key& line,
                      std::optional<std::chrono::seconds> patience = {});
  void stops_watching(const request_key& line);
  /// The frontend's process ends: its lock is free, and its connection closed, in either order.
  void leaves(const frontend_id& frontend, const condition& after = {});
  /// The same of one without a connection.
  void dies(const frontend_id& frontend, const condition& after = {});
  /// The supervisor reads what there is.
  void recovers();
  /// The same; the orders are run from when that is done.
  void has_recovered();
  /// When that is done, the frontend comes and asks again what it has not acknowledged, in any order.
  void redials();

  static request_key front(std::uint64_t line) { return {{"front"}, line}; }
  static request_key inner(std::uint64_t line) { return {{"inner"}, line}; }
  static dispatch_call call(std::string agent = "alpha", call_kind kind = call_kind::answer);
  bool lives(const run_key& run) const;
  condition when_started(const request_key& line) const;
  condition when_ended(const request_key& line) const;
  condition when_answered(const request_key& line) const;
  bool is_answered(const request_key& line) const { return outside_.answered.contains(line); }
  static std::string keeper_of(const run_key& run) { return "keeper of " + run.value; }
  static std::string client_of(const request_key& line) { return "client of " + line.text(); }

  surroundings outside_;

private:
  class keeper_watch;
  class keeper_watcher;

  void make_edges();
  void make_deciders();
  config_snapshot_ptr snapshot() const;
  launcher_actor::behavior_type launcher_edge(launcher_actor::pointer self);
  job_store_actor::behavior_type store_edge(job_store_actor::pointer self);
  requester::behavior_type client_edge();
  launch_result launch(const launch_run& order);
  void remove_directory(const run_key& run);
  recovered_state_ptr find_state();
  void remove_strays();
  job_change_reply change(const job_id& id, const job_change& change);
  job_cancelled cancel_stored(const job_id& id);
  void write(const job_record& record);
  /// Something changes, or is read, that survives the supervisor.
  void touch_outside(const std::string& thing);
  /// For happenings.
  std::vector<std::string> outside_things(std::vector<std::string> things) const;
  void hear(const request_answered& answer);
  void attach(const run_key& run, const run_actor& actor);
  void expect_keeper(const run_key& run);
  void tell_keeper_to_end(const run_key& run);
  void tell_gone(const run_key& run);

  world_options options_;
  std::vector<std::unique_ptr<keeper_watcher>> watchers_;
  std::map<run_key, run_actor> attached_; ///< runs whose keeper's end has not been told
  std::map<request_key, int> asked_;      ///< of this supervisor
  std::map<request_key, int> answers_;    ///< from this supervisor
  int questions_ = 0;                     ///< of a person, to the registry
  int replies_ = 0;
  int agents_ = 0;
  std::function<void(const surroundings&)> show_outside_;
  bool is_recovered_ = true;
  std::set<run_key> inherited_; ///< live runs of the supervisor before, whose seats and slots are not taken yet

  config_actor config_;
  launcher_actor launcher_;
  job_store_actor writer_;
  job_store_actor reader_;
  requester client_;
  admission_actor admission_;
  jobs_actor jobs_;
  requests_actor requests_;
};

using make_world = std::function<std::unique_ptr<supervisor_world>(still_system&)>;

/// Runs a world in all orders, says how many there are, and fails the test case with the steps of the first that is
/// broken. `AGENT_DISPATCH_ORDER`: runs that order alone.
findings check_all_orders(const make_world& make);

template <class World>
findings check_all_orders() {
  return check_all_orders([](still_system& system) { return std::make_unique<World>(system); });
}

/// A supervisor that dies at any step: runs `before` in all orders, and for each state of its surroundings that this
/// comes by, runs `after` in all orders, which begins there; `limits` are of each such search. Checks both as above.
findings check_all_deaths(const make_world& before,
                          const std::function<std::unique_ptr<supervisor_world>(still_system&, surroundings)>& after,
                          limits_of_search limits);

template <class Before, class After>
findings check_all_deaths(limits_of_search limits = {}) {
  return check_all_deaths(
      [](still_system& system) { return std::make_unique<Before>(system); },
      [](still_system& system, surroundings found) { return std::make_unique<After>(system, std::move(found)); },
      limits);
}

/// The first order of a world that is broken, without a word; the test case fails when there is none.
findings find_broken_order(const make_world& make);

} // namespace agent_dispatch::interleavings
