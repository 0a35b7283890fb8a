#include "tests/actors/interleavings/supervisor_world.hpp"

#include <csignal>

#include "actors/job_store.hpp"
#include "actors/logic/job_machine.hpp"
#include "actors/logic/job_rules.hpp"
#include "actors/run/run_handles.hpp"

namespace agent_dispatch::interleavings {

namespace {

const std::string result_line = R"({"type":"result","is_error":false,"result":"done","session_id":"s"})"
                                "\n";

bool is_way(job_status from, job_status to) {
  for (const auto event : {job_event::start, job_event::progress, job_event::succeed, job_event::fail,
                           job_event::cancel, job_event::settle_cancelled})
    if (next_status(from, event) == to)
      return true;
  return false;
}

fault no_such_job() { return {fault_kind::invalid_argument, "there is no such job"}; }

} // namespace

// --- launcher and keepers

launcher_actor::behavior_type supervisor_world::launcher_edge(launcher_actor::pointer) {
  return {
      [this](const launch_run& order) { return launch(order); },
      [this](const read_exit& order) {
        touch(keeper_of(order.run));
        const auto& directory = outside_.runs.at(order.run);
        if (directory.was_killed)
          return exit_report{std::optional<exit_record>{}, {}};
        exit_record record;
        record.started = true;
        if (directory.told_to_end) {
          record.signal = SIGINT;
          record.reason = end_reason::cancelled;
          record.output_at_signal = 0;
        } else {
          record.exit_code = 0;
        }
        return exit_report{std::optional{record}, {}};
      },
      [](const sweep_run&) { return 0; },
      [](const find_run&) { return recovered_request{}; }, // no run's actor dies alone here
      [this](const discard_run& order) { remove_directory(order.run); },
      [this](const record_request& order) {
        touch_outside("requests on disk");
        outside_.requests[order.request->key] = order.request;
        return write_outcome{};
      },
      [this](const discard_request& order) {
        touch_outside("requests on disk");
        outside_.requests.erase(order.request->key);
        if (order.request->spec && !order.keeps_run)
          remove_directory(order.request->spec->key);
      },
      [](const note_handover&) {},
      [this](const recover_state&) { return find_state(); },
      [this](const is_frontend_alive& order) {
        touch("lock of " + order.frontend.value);
        return !outside_.gone.contains(order.frontend);
      },
      [](const find_live_runs&) { return run_keys{}; },
      [](const finish_discarding&) { return true; },
      [this](const clear_strays&) { remove_strays(); },
      [](const empty_trash&) {},
      [](const prepare_run&) {},
  };
}

launch_result supervisor_world::launch(const launch_run& order) {
  const auto& key = order.spec->key;
  touch_outside(keeper_of(key));
  if (++outside_.starts[key] > 1)
    fail("run " + key.value + " is started a second time");
  if (!std::any_of(outside_.requests.begin(), outside_.requests.end(),
                   [&](const auto& each) { return each.second->spec && each.second->spec->key == key; }))
    fail("run " + key.value + " is started, and no request on disk names it");
  outside_.runs[key] = {.spec = order.spec, .borrowed_from = order.borrowed_from};
  expect_keeper(key);
  return {std::make_shared<run_handles>(unique_fd{}, unique_fd{}), launch_problem::none, {}};
}

void supervisor_world::remove_directory(const run_key& run) {
  touch_outside(keeper_of(run));
  if (lives(run))
    fail("the directory of run " + run.value + " is removed while its keeper lives");
  outside_.runs.erase(run);
}

recovered_state_ptr supervisor_world::find_state() {
  auto state = std::make_shared<recovered_state>();
  for (const auto& [key, accepted] : outside_.requests) {
    auto read = std::make_shared<accepted_request>(*accepted);
    auto spec = std::make_shared<run_spec>(*accepted->spec);
    spec->caller = nullptr;
    read->spec = spec;
    recovered_request found{.request = read, .how = {}, .borrowed_from = {}};
    touch(keeper_of(spec->key));
    if (const auto place = outside_.runs.find(spec->key); place != outside_.runs.end()) {
      found.condition = place->second.lives ? run_condition::live : run_condition::ended;
      found.borrowed_from = place->second.borrowed_from;
    }
    state->requests.push_back(std::move(found));
  }
  return state;
}

void supervisor_world::remove_strays() {
  touch_outside("requests on disk");
  std::erase_if(outside_.runs, [this](const auto& each) {
    return std::none_of(outside_.requests.begin(), outside_.requests.end(),
                        [&](const auto& request) { return request.second->spec->key == each.first; });
  });
}

bool supervisor_world::lives(const run_key& run) const {
  const auto found = outside_.runs.find(run);
  return found != outside_.runs.end() && found->second.lives;
}

condition supervisor_world::when_started(const request_key& line) const {
  return {[this, run = line.run()] { return outside_.starts.contains(run); }, {keeper_of(line.run())}};
}

condition supervisor_world::when_ended(const request_key& line) const {
  return {[this, run = line.run()] { return outside_.starts.contains(run) && !lives(run); }, {keeper_of(line.run())}};
}

condition supervisor_world::when_answered(const request_key& line) const {
  return {[this, line] { return is_answered(line); }, {client_of(line)}};
}

void supervisor_world::expect_keeper(const run_key& run) {
  add({.name = keeper_of(run) + " ends",
       .things = outside_things({keeper_of(run)}),
       .possible = [this, run] { return outside_.starts.contains(run); },
       .happen =
           [this, run] {
             if (const auto found = outside_.runs.find(run); found != outside_.runs.end()) {
               found->second.lives = false;
               found->second.was_killed = options_.keepers_die;
             }
           }});
}

void supervisor_world::attach(const run_key& run, const run_actor& actor) {
  touch(keeper_of(run));
  attached_[run] = actor;
  add({.name = "the end of the " + keeper_of(run) + " is seen",
       .things = {keeper_of(run)},
       .possible = [this, run] { return !lives(run); },
       .happen = [this, run] { tell_gone(run); }});
}

void supervisor_world::tell_keeper_to_end(const run_key& run) {
  touch_outside(keeper_of(run));
  if (lives(run))
    outside_.runs.at(run).told_to_end = true;
  if (options_.wrong == defect::keeper_gone_early)
    tell_gone(run);
}

void supervisor_world::tell_gone(const run_key& run) {
  const auto actor = attached_.find(run);
  const auto directory = outside_.runs.find(run);
  if (actor == attached_.end() || directory == outside_.runs.end())
    return;
  if (!directory->second.told_to_end && !directory->second.was_killed)
    caf::anon_send(actor->second, output_chunk{result_line});
  caf::anon_send(actor->second, keeper_gone{});
  attached_.erase(actor);
}

// --- stores

job_store_actor::behavior_type supervisor_world::store_edge(job_store_actor::pointer) {
  return {
      [this](const store_job& order) {
        touch_outside("records");
        if (outside_.records.contains(order.record->id))
          return write_outcome{fault{fault_kind::invalid_argument, "there already"}};
        outside_.records[order.record->id] = *order.record;
        return write_outcome{};
      },
      [this](const change_job& order) { return change(order.id, order.change); },
      [this](const settle_job& order) {
        touch_outside("records");
        auto& known = outside_.records.at(order.record->id);
        const bool is_new = known.status == job_status::cancelled && !known.result;
        if (is_new)
          write(*order.record);
        return job_change_reply{known, is_new};
      },
      [this](const cancel_stored_job& order) { return cancel_stored(order.id); },
      [](const touch_jobs&) {},
      [this](const find_stored_job& order) -> job_found {
        touch_outside("records");
        const auto found = outside_.records.find({order.text});
        if (found == outside_.records.end())
          return {tl::unexpected(no_such_job())};
        return {found->second};
      },
      [](const list_stored_jobs&) { return jobs_found{std::vector<job_record>{}}; },
      [](const collect_stored_jobs&) { return jobs_collected{std::size_t{0}}; },
      [this](const find_unfinished_jobs&) {
        touch_outside("records");
        std::vector<job_record> found;
        for (const auto& [id, record] : outside_.records)
          if (!is_terminal(record.status))
            found.push_back(record);
        return jobs_found{std::move(found)};
      },
      [](const maintain_jobs&) {},
  };
}

void supervisor_world::write(const job_record& record) {
  const auto& known = outside_.records.at(record.id);
  if (!is_way(known.status, record.status))
    fail("the record of a job goes from " + std::string{to_string(known.status)} + " to " +
         std::string{to_string(record.status)});
  outside_.records[record.id] = record;
}

job_change_reply supervisor_world::change(const job_id& id, const job_change& change) {
  touch_outside("records");
  const auto found = outside_.records.find(id);
  if (found == outside_.records.end())
    return {tl::unexpected(no_such_job())};
  auto on_disk = found->second;
  if (is_terminal(on_disk.status)) {
    if (options_.wrong != defect::record_unguarded)
      return {on_disk, false};
    on_disk.status = job_status::running;
  }
  auto changed = change(on_disk);
  if (!changed)
    return {tl::unexpected(changed.error())};
  write(*changed);
  return {*changed, true};
}

job_cancelled supervisor_world::cancel_stored(const job_id& id) {
  touch_outside("records");
  const auto found = outside_.records.find(id);
  if (found == outside_.records.end())
    return {tl::unexpected(no_such_job()), nullptr};
  const auto report = report_of_cancel(found->second, job_owner::ours);
  if (!is_terminal(found->second.status))
    write(*job_machine::cancel(found->second, 0, cancelled_sentence(found->second)));
  return {report, std::make_shared<const job_record>(found->second)};
}

} // namespace agent_dispatch::interleavings
