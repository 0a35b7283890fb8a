#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "tests/actors/actor_world.hpp"

/// Scripted neighbours of the actors under test. Each writes what it is told into the world's journal; an answer that
/// it owes is kept until the test gives it, so that the test decides the order of events.
namespace agent_dispatch {

template <class Result>
using owed = std::deque<owed_answer<Result>>;

/// Takes the oldest answer that is owed; fails the test when there is none.
template <class Result>
owed_answer<Result> take(owed<Result>& open) {
  if (open.empty())
    throw std::logic_error("nobody has asked for this answer");
  auto first = std::move(open.front());
  open.pop_front();
  return first;
}

/// An answer in a few words: `success 'text'`, `timeout 'text'`, `job pending`, `job done, not kept`, `fault: …`.
std::string words(const dispatch_answer& answer);
/// An event in a few words: `queued`, `text 'hello'`.
std::string words(const progress_event& event);

/// A run of `agent` with everything that it needs.
std::shared_ptr<run_spec> spec_of(std::string key, std::string agent = "alpha");

/// An answer of an agent.
dispatch_answer answer_of(std::string result);

/// A configuration with these agents.
std::shared_ptr<config_snapshot> config_with(std::initializer_list<std::string_view> agents);

struct listener_script {
  run_listener actor;
  std::vector<dispatch_answer> answers;
};
/// Journal: `listener: …`.
std::shared_ptr<listener_script> scripted_listener(actor_world& world);

struct run_script {
  std::map<std::string, run_actor> actors; ///< by run
};
/// Journal: `run K: begin`, `run K: cancel`.
run_actor scripted_run(actor_world& world, run_script& script, const run_key& key);

struct agent_script {
  agent_actor actor;
  std::map<std::string, run_spec_ptr> specs; ///< of what it was told to execute
};
/// Journal: `NAME: execute K`, `NAME: cancel K`, `NAME: granted K`.
std::shared_ptr<agent_script> scripted_agent(actor_world& world, std::string name);

struct admission_script {
  admission_actor actor;
  owed<bool> withdrawals;
  owed<run_keys> descendants;
  admission_figures figures;
  queue_position_ptr position;
  bool may_join = true;
};
/// Journal: `admission: …`. Questions for figures and positions are answered at once, without a line.
std::shared_ptr<admission_script> scripted_admission(actor_world& world);

struct launcher_script {
  launcher_actor actor;
  owed<launch_result> launches;
  owed<exit_report> exits;
  owed<int> sweeps;
  owed<recovered_request> finds;
  owed<bool> frontends;
  owed<run_keys> live;
  owed<bool> discarding;
  std::optional<fault> record_problem; ///< why no request can be recorded
  bool records = true;                 ///< false: the test says when a request is recorded
  owed<write_outcome> recordings;
  recovered_state_ptr found = std::make_shared<const recovered_state>(); ///< of earlier supervisors
};
/// Journal: `launcher: …`. What is recorded at once leaves no line.
std::shared_ptr<launcher_script> scripted_launcher(actor_world& world);

struct jobs_script {
  jobs_actor actor;
  owed<write_outcome> creations;
  owed<bool> starts;
  owed<write_outcome> ends;  ///< of finish, fail and keep
  owed<job_found> adoptions; ///< and finds
  owed<job_cancelled> cancels;
  job_standing_ptr standing;
  bool knows_all = false; ///< as was said when all were adopted
};
/// Journal: `jobs: …`. The question how a job stands is answered at once, without a line.
std::shared_ptr<jobs_script> scripted_jobs(actor_world& world);

/// Journal: `requests: dispatch LINE`, `requests: cancel LINE`, `requests: acknowledged LINE`.
/// `position`: of every request.
requests_actor scripted_requests(actor_world& world, queue_position_ptr position = {});

struct config_script {
  config_actor actor;
  config_snapshot_ptr snapshot;
  bool answers = true; ///< false: the test answers
  owed<config_snapshot_ptr> questions;
};
/// Journal: `config: asked`, when the test answers.
std::shared_ptr<config_script> scripted_config(actor_world& world, config_snapshot_ptr snapshot);

inline const fault no_space{fault_kind::io, "no space left on the device"};

struct viewer_script {
  viewer_actor actor;
  int looks = 0;
  bool answers = true; ///< false: the test answers
  owed<directories_seen> open;
};
/// Journal: `viewer: asked`, when the test answers. Else it looks as the real one does.
std::shared_ptr<viewer_script> scripted_viewer(actor_world& world);

struct editor_script {
  config_editor_actor actor;
  owed<agents_edited> edits;
};
/// Journal: `editor: add NAME`, `editor: update NAME`, `editor: remove NAME`.
std::shared_ptr<editor_script> scripted_editor(actor_world& world);

struct requester_script {
  requester actor;
  std::vector<dispatch_answer> answers;
};
/// Journal: `NAME: LINE …`.
std::shared_ptr<requester_script> scripted_requester(actor_world& world, std::string name);

/// Journal: `watch K`, `want output`, `tell the keeper to end`.
class scripted_watcher final : public run_watcher {
public:
  explicit scripted_watcher(actor_world& world) : world_{world} {}
  std::shared_ptr<run_watch> watch(std::shared_ptr<run_handles> handles, const run_actor& actor) override;

private:
  actor_world& world_;
};

} // namespace agent_dispatch
