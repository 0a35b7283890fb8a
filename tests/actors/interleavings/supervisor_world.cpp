#include "tests/actors/interleavings/supervisor_world.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <iostream>

#include "actors/agent.hpp"
#include "actors/run.hpp"
#include "actors/run/run_handles.hpp"

namespace agent_dispatch::interleavings {

namespace {

const std::string our_mark = "machine:boot:1:jobs";

/// The state of an actor that stands still.
template <class State, class Handle>
State& state_of(const Handle& actor) {
  auto* self = caf::actor_cast<caf::abstract_actor*>(actor);
  return dynamic_cast<std::remove_pointer_t<typename Handle::template stateful_pointer<State>>&>(*self).state;
}

const std::string start = "a supervisor starts";

} // namespace

/// Of one run: what the I/O thread would do.
class supervisor_world::keeper_watch final : public run_watch {
public:
  keeper_watch(supervisor_world& world, run_key run) : world_{world}, run_{std::move(run)} {}
  void want_output() override {}
  void cancel() override { world_.tell_keeper_to_end(run_); }

private:
  supervisor_world& world_;
  run_key run_;
};

class supervisor_world::keeper_watcher final : public run_watcher {
public:
  keeper_watcher(supervisor_world& world, run_key run) : world_{world}, run_{std::move(run)} {}
  std::shared_ptr<run_watch> watch(std::shared_ptr<run_handles>, const run_actor& actor) override {
    world_.attach(run_, actor);
    return std::make_shared<keeper_watch>(world_, run_);
  }

private:
  supervisor_world& world_;
  run_key run_;
};

std::string surroundings::text() const {
  std::string text;
  const auto list = [&text](std::string_view what, const auto& keys) {
    text += "; " + std::string{what};
    for (const auto& key : keys)
      text += " " + key;
  };
  std::vector<std::string> names;
  for (const auto& [key, accepted] : requests)
    names.push_back(key.text());
  list("requests", std::exchange(names, {}));
  for (const auto& [key, run] : runs)
    names.push_back(key.value +
                    (run.lives        ? " lives"
                     : run.was_killed ? " killed"
                                      : "") +
                    (run.told_to_end ? " told" : "") + (run.borrowed_from ? " " + run.borrowed_from->value : ""));
  list("runs", std::exchange(names, {}));
  for (const auto& [id, record] : records)
    names.push_back(std::string{to_string(record.status)} + (record.result ? " with result" : ""));
  std::sort(names.begin(), names.end());
  list("records", std::exchange(names, {}));
  for (const auto& [key, count] : starts)
    names.push_back(key.value);
  list("started", std::exchange(names, {}));
  for (const auto& [key, asked] : calls)
    names.push_back(key.text());
  list("kept", std::exchange(names, {}));
  for (const auto& key : answered)
    names.push_back(key.text());
  list("answered", std::exchange(names, {}));
  for (const auto& key : cancelled)
    names.push_back(key.text());
  list("cancelled", std::exchange(names, {}));
  for (const auto& [key, id] : jobs)
    names.push_back(key.text());
  list("known jobs", std::exchange(names, {}));
  for (const auto& frontend : gone)
    names.push_back(frontend.value);
  list("gone", names);
  return text;
}

supervisor_world::supervisor_world(still_system& system, world_options options, surroundings found)
    : actor_stage{system}, outside_{std::move(found)}, options_{options} {
  make_edges();
  make_deciders();
  settle();
  for (const auto& [run, directory] : outside_.runs)
    if (directory.lives) {
      inherited_.insert(run);
      expect_keeper(run);
    }
}

supervisor_world::~supervisor_world() { leave(); }

void supervisor_world::make_edges() {
  const auto configured = snapshot();
  config_ = enter("config", system().spawn([configured](config_actor::pointer) -> config_actor::behavior_type {
    return {[configured](const get_config&) { return configured; }};
  }));
  const auto make_store = [this](job_store_actor::pointer self) { return store_edge(self); };
  writer_ = enter("writer", system().spawn(make_store));
  reader_ = enter("reader", system().spawn(make_store));
  launcher_ = enter("launcher", system().spawn([this](launcher_actor::pointer self) { return launcher_edge(self); }));
  client_ = enter("client", system().spawn([this](requester::pointer) { return client_edge(); }));
}

void supervisor_world::make_deciders() {
  admission_ = enter("admission", system().spawn(admission, options_.slots));
  jobs_ = enter("jobs", system().spawn(job_registry, job_stores{writer_, reader_}, admission_, our_mark));
  const run_spawner spawn_run = [this](caf::actor_system& in, run_spec_ptr spec, const run_listener& listener) {
    const auto key = spec->key;
    watchers_.push_back(std::make_unique<keeper_watcher>(*this, key));
    run_watcher* watcher = watchers_.back().get();
    return enter("run " + key.value,
                 in.spawn(run, std::move(spec), listener, run_services{launcher_, admission_, watcher}));
  };
  const agent_spawner spawn_agent = [this, spawn_run](caf::actor_system& in) {
    return enter("agent " + std::to_string(++agents_), in.spawn(agent, admission_, jobs_, launcher_, spawn_run));
  };
  requests_ = enter("requests", system().spawn(requests, config_, admission_, launcher_, jobs_, spawn_agent));
}

config_snapshot_ptr supervisor_world::snapshot() const {
  auto made = std::make_shared<config_snapshot>();
  made->generation = 1;
  for (const auto* name : {"alpha", "beta"}) {
    agent_config each;
    each.name = {name};
    each.directory = "/projects/" + each.name.value;
    each.max_parallel = options_.max_parallel;
    made->value.agents.push_back(std::move(each));
  }
  made->value.settings.max_concurrency = options_.slots;
  return made;
}

void supervisor_world::touch_outside(const std::string& thing) {
  for (auto& each : outside_things({thing}))
    touch(std::move(each));
}

std::vector<std::string> supervisor_world::outside_things(std::vector<std::string> things) const {
  if (options_.is_watched_outside)
    things.emplace_back("all that survives");
  return things;
}

// --- client

requester::behavior_type supervisor_world::client_edge() {
  return {
      [](const request_progress&) {},
      [this](const request_answered& answer) {
        hear(answer);
        if (options_.wrong == defect::answers_twice)
          hear(answer);
      },
  };
}

void supervisor_world::hear(const request_answered& event) {
  const auto& key = event.request;
  touch_outside(client_of(key));
  if (++answers_[key] > asked_[key])
    fail("request " + key.text() + " is answered once more than it was asked");
  outside_.answered.insert(key);
  if (!event.answer.job)
    return;
  const auto& told = *event.answer.job;
  outside_.jobs.emplace(key, told.id);
  const auto record = outside_.records.find(told.id);
  if (record == outside_.records.end())
    fail("request " + key.text() + " is told of a job that has no record");
  else if (is_terminal(told.status) && record->second.status != told.status)
    fail("request " + key.text() + " hears that its job is " + std::string{to_string(told.status)} +
         ", and its record says " + std::string{to_string(record->second.status)});
}

dispatch_call supervisor_world::call(std::string agent, call_kind kind) {
  dispatch_call made{.request = {}, .caller = std::make_shared<const caller_context>(), .run = {}, .waiting = {}};
  made.run.agent = {std::move(agent)};
  made.run.task = "work";
  made.kind = kind;
  return made;
}

void supervisor_world::asks(const request_key& line, dispatch_call call, const condition& after) {
  call.request = line;
  add({.name = line.text() + " is asked",
       .things = outside_things(after.with({client_of(line)})),
       .possible = [after] { return after.holds(); },
       .happen =
           [this, line, call] {
             auto asked = call;
             asked.waiting = client_;
             outside_.calls[line] = call;
             ++asked_[line];
             caf::anon_send(requests_, asked);
           }});
}

void supervisor_world::cancels(const request_key& line, const condition& after) {
  add({.name = line.text() + " is cancelled",
       .things = outside_things(after.with({client_of(line)})),
       .possible = [this, line, after] { return asked_.contains(line) && after.holds(); },
       .happen =
           [this, line] {
             if (is_answered(line))
               return; // its frontend lets no cancel through any more
             outside_.cancelled.insert(line);
             caf::anon_send(requests_, cancel_request{line});
           }});
}

void supervisor_world::acknowledges(const request_key& line, const condition& after) {
  add({.name = line.text() + " is acknowledged",
       .things = outside_things(after.with({client_of(line)})),
       .possible = [this, line, after] { return is_answered(line) && after.holds(); },
       .happen =
           [this, line] {
             outside_.calls.erase(line);
             caf::anon_send(requests_, request_acknowledged{line});
           }});
}

void supervisor_world::cancels_job_of(const request_key& line) {
  add({.name = "the job of " + line.text() + " is cancelled",
       .things = outside_things({client_of(line)}),
       .possible = [this, line] { return outside_.jobs.contains(line); },
       .happen =
           [this, line] {
             ++questions_;
             enter("person", system().spawn([this, id = outside_.jobs.at(line)](caf::event_based_actor* self) {
               self->request(jobs_, caf::infinite, cancel_job{id.value})
                   .then([this](const job_cancelled&) { ++replies_; },
                         [this](const caf::error&) { fail("nobody says what became of a cancel"); });
             }));
           }});
}

void supervisor_world::watches_job_of(const request_key& of, const request_key& line,
                                      std::optional<std::chrono::seconds> patience) {
  add({.name = line.text() + " waits for the job",
       .things = {client_of(of), client_of(line)},
       .possible = [this, of] { return outside_.jobs.contains(of); },
       .happen =
           [this, of, line, patience] {
             ++asked_[line];
             caf::anon_send(jobs_, watch_job{line, outside_.jobs.at(of).value, client_, patience, {}});
           }});
}

void supervisor_world::stops_watching(const request_key& line) {
  add({.name = line.text() + " waits no longer",
       .things = outside_things({client_of(line)}),
       .possible = [this, line] { return asked_.contains(line); },
       .happen = [this, line] { caf::anon_send(jobs_, unwatch_job{line}); }});
}

void supervisor_world::dies(const frontend_id& frontend, const condition& after) {
  add({.name = frontend.value + " has died",
       .things = outside_things(after.with({"lock of " + frontend.value})),
       .possible = [after] { return after.holds(); },
       .happen = [this, frontend] { outside_.gone.insert(frontend); }});
}

void supervisor_world::leaves(const frontend_id& frontend, const condition& after) {
  dies(frontend, after);
  add({.name = "the connection of " + frontend.value + " is closed",
       .things = outside_things(after.with({"lock of " + frontend.value})),
       .possible = [after] { return after.holds(); },
       .happen = [this, frontend] { caf::anon_send(requests_, frontend_disconnected{frontend}); }});
}

// --- recovery

void supervisor_world::recovers() {
  is_recovered_ = false;
  outside_.answered.clear();
  add({.name = start,
       .things = {},
       .possible = [] { return true; },
       .happen =
           [this] {
             enter("main", system().spawn([this](caf::event_based_actor* self) {
               self->request(requests_, caf::infinite, recover_requests{})
                   .then(
                       [this, self](int) {
                         touch("recovery");
                         is_recovered_ = true;
                         self->send(launcher_, clear_strays{});
                       },
                       [this](const caf::error&) { fail("the supervisor could not recover"); });
             }));
           }});
}

void supervisor_world::has_recovered() {
  recovers();
  take(start);
  begin_when([this] { return is_recovered_; });
}

void supervisor_world::redials() {
  const auto arrived = std::make_shared<bool>(false);
  add({.name = "front redials",
       .things = {"recovery"},
       .possible = [this] { return is_recovered_; },
       .happen =
           [this, arrived] {
             *arrived = true;
             auto kept = std::make_shared<std::set<std::uint64_t>>();
             for (const auto& [line, call] : outside_.calls)
               kept->insert(line.line);
             caf::anon_send(requests_, frontend_arrived{{"front"}, std::make_shared<const caller_context>()});
             caf::anon_send(requests_, requests_kept{{"front"}, 100, kept});
           }});
  for (const auto& [line, call] : outside_.calls)
    add({.name = line.text() + " is asked again",
         .things = {"recovery", client_of(line)},
         .possible = [arrived] { return *arrived; },
         .happen =
             [this, line = line, call = call] {
               auto asked = call;
               asked.waiting = client_;
               asked.cancelled = outside_.cancelled.contains(line);
               ++asked_[line];
               caf::anon_send(requests_, asked);
             }});
}

// --- what must hold

std::optional<std::string> supervisor_world::broken() {
  if (show_outside_)
    show_outside_(outside_);
  if (auto known = actor_stage::broken())
    return known;
  const auto& policy = state_of<admission_state>(admission_).policy;
  for (const auto& [run, directory] : outside_.runs) {
    if (policy.knows(run))
      inherited_.erase(run);
    else if (directory.lives && !inherited_.contains(run))
      return "run " + run.value + " has given back its seat and slot, and its keeper lives";
  }
  return std::nullopt;
}

bool supervisor_world::is_waiting() const {
  const auto& deciding = state_of<requests_state>(requests_);
  const auto& registry = state_of<job_registry_state>(jobs_);
  return !deciding.requests.empty() || !deciding.runs.empty() || !registry.jobs.empty() || !registry.watches.empty();
}

std::optional<std::string> supervisor_world::broken_at_end() {
  const auto& deciding = state_of<requests_state>(requests_);
  const auto& registry = state_of<job_registry_state>(jobs_);
  const auto& policy = state_of<admission_state>(admission_).policy;
  for (const auto& [line, times] : asked_)
    if (answers_[line] != times)
      return "request " + line.text() + " was asked " + std::to_string(times) + " times, and answered " +
             std::to_string(answers_[line]) + " times";
  if (replies_ != questions_)
    return "a person waits for ever for what became of a cancel";
  if (!deciding.requests.empty())
    return "request " + deciding.requests.begin()->first.text() + " is never forgotten";
  if (!deciding.runs.empty())
    return "run " + deciding.runs.begin()->first.value + " is never forgotten";
  if (!registry.jobs.empty())
    return "a job is never let go of";
  if (!registry.watches.empty())
    return "request " + registry.watches.begin()->first.text() + " waits for a job for ever";
  if (!policy.idle())
    return "admission still has a run or a wait";
  if (!outside_.requests.empty())
    return "the file of request " + outside_.requests.begin()->first.text() + " is left";
  if (!outside_.runs.empty())
    return "the directory of run " + outside_.runs.begin()->first.value + " is left";
  for (const auto& [id, record] : outside_.records)
    if (!is_terminal(record.status))
      return "the record of a job says " + std::string{to_string(record.status)} + " for ever";
  return std::nullopt;
}

namespace {

std::string test_name() { return Catch::getResultCapture().getCurrentTestName(); }

void report(const findings& found, const std::string& scenario) {
  const auto text = words(found, scenario);
  if (found.problem)
    FAIL_CHECK(text);
  else
    std::cout << text << '\n';
}

} // namespace

findings check_all_orders(const make_world& make) {
  still_system system;
  const make_explorable fresh = [&] { return make(system); };
  const auto* order = std::getenv("AGENT_DISPATCH_ORDER");
  auto found = order == nullptr ? explore(fresh) : replay(fresh, order);
  report(found, test_name());
  return found;
}

findings check_all_deaths(const make_world& before,
                          const std::function<std::unique_ptr<supervisor_world>(still_system&, surroundings)>& after,
                          limits_of_search limits) {
  still_system system;
  std::map<std::string, surroundings> left;
  const auto first = explore([&] {
    auto world = before(system);
    world->show_outside([&](const surroundings& outside) { left.emplace(outside.text(), outside); });
    return world;
  });
  report(first, test_name() + ", up to the death");
  findings all;
  for (const auto& [text, found] : left) {
    const auto one = explore([&, found = found] { return after(system, found); }, reduction::by_dependence, limits);
    if (one.problem)
      report(one, "after a death with " + text);
    all.runs += one.runs;
    all.cut += one.cut;
    all.steps += one.steps;
    all.longest = std::max(all.longest, one.longest);
  }
  CHECK(left.size() > 5); // there was something to die in
  report(all, test_name() + ", after " + std::to_string(left.size()) + " deaths");
  return all;
}

findings find_broken_order(const make_world& make) {
  still_system system;
  auto found = explore([&] { return make(system); });
  INFO(words(found, test_name()));
  CHECK(found.problem);
  return found;
}

} // namespace agent_dispatch::interleavings
