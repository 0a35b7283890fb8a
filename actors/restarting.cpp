#include "actors/restarting.hpp"

#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/restart_policy.hpp"

namespace agent_dispatch {

namespace {

template <class Handle>
struct restarting_state {
  using pointer = typename Handle::pointer;

  explicit restarting_state(pointer own) : self{own} {}

  void died(const caf::down_msg& down) {
    if (!now || now.address() != down.source)
      return;
    now = Handle{};
    const auto time = self->clock().now();
    due = policy.died(time);
    log::error("the actor '{}' died: {}; it begins again in {} ms, {} questions to it are answered with an error", what,
               self->system().render(down.reason),
               std::chrono::duration_cast<std::chrono::milliseconds>(due - time).count(), open.size());
    for (auto& [number, tell] : std::exchange(open, {}))
      tell(down.reason);
  }

  /// False while it rests.
  bool is_there() {
    if (now)
      return true;
    const auto time = self->clock().now();
    if (time < due)
      return false;
    now = make(self->system());
    self->monitor(now);
    policy.began(time);
    return true;
  }

  template <class Result, class Question>
  caf::result<Result> ask(const Question& question) {
    auto promise = self->template make_response_promise<Result>();
    if (!is_there()) {
      promise.deliver(caf::make_error(caf::sec::request_receiver_down));
      return promise;
    }
    const auto number = ++asked;
    open.emplace(number, [promise](const caf::error& reason) mutable { promise.deliver(reason); });
    self->request(now, caf::infinite, question)
        .then(
            [this, number, promise](const Result& answer) mutable {
              if (open.erase(number) > 0)
                promise.deliver(answer);
            },
            [this, number, promise](const caf::error& problem) mutable {
              if (open.erase(number) > 0)
                promise.deliver(problem);
            });
    return promise;
  }

  template <class Order>
  void pass_on(const Order& order) {
    if (is_there())
      self->send(now, order);
  }

  void end(const caf::exit_msg& order) {
    if (now)
      self->send_exit(now, order.reason);
    self->quit(order.reason);
  }

  void begin(std::string_view of, std::function<Handle(caf::actor_system&)> spawner) {
    what = of;
    make = std::move(spawner);
    tell_exceptions(self);
    self->set_down_handler([this](const caf::down_msg& down) { died(down); });
    self->set_exit_handler([this](const caf::exit_msg& order) { end(order); });
  }

  pointer self;
  std::string what;
  std::function<Handle(caf::actor_system&)> make;
  Handle now; ///< null before it is asked first, and while it rests
  restart_policy policy;
  restart_policy::clock::time_point due{}; ///< when it may begin again
  std::uint64_t asked = 0;
  std::map<std::uint64_t, std::function<void(const caf::error&)>> open; ///< how to tell those who wait for an answer

  static inline const char* name = "restarting";
};

template <class Handle>
using restarting_pointer = typename Handle::template stateful_pointer<restarting_state<Handle>>;

config_actor::behavior_type in_front_of_config(restarting_pointer<config_actor> self, config_spawner make,
                                               config_glance glance) {
  auto& state = self->state;
  state.begin("config", std::move(make));
  return {[&state, glance = std::move(glance)](const get_config& question) -> caf::result<config_snapshot_ptr> {
    if (auto unchanged = glance())
      return unchanged;
    return state.ask<config_snapshot_ptr>(question);
  }};
}

config_editor_actor::behavior_type in_front_of_editor(restarting_pointer<config_editor_actor> self,
                                                      config_editor_spawner make) {
  auto& state = self->state;
  state.begin("config editor", std::move(make));
  return {[&state](const edit_agents& order) { return state.ask<agents_edited>(order); }};
}

viewer_actor::behavior_type in_front_of_viewer(restarting_pointer<viewer_actor> self, viewer_spawner make) {
  auto& state = self->state;
  state.begin("viewer", std::move(make));
  return {[&state](const look_at_directories& order) { return state.ask<directories_seen>(order); }};
}

job_store_actor::behavior_type in_front_of_store(restarting_pointer<job_store_actor> self, job_store_spawner make) {
  auto& state = self->state;
  state.begin("job reader", std::move(make));
  return {
      [&state](const store_job& order) { return state.ask<write_outcome>(order); },
      [&state](const change_job& order) { return state.ask<job_change_reply>(order); },
      [&state](const settle_job& order) { return state.ask<job_change_reply>(order); },
      [&state](const cancel_stored_job& order) { return state.ask<job_cancelled>(order); },
      [&state](const touch_jobs& order) { state.pass_on(order); },
      [&state](const find_stored_job& order) { return state.ask<job_found>(order); },
      [&state](const list_stored_jobs& order) { return state.ask<jobs_found>(order); },
      [&state](const collect_stored_jobs& order) { return state.ask<jobs_collected>(order); },
      [&state](const find_unfinished_jobs& order) { return state.ask<jobs_found>(order); },
      [&state](const maintain_jobs& order) { state.pass_on(order); },
  };
}

} // namespace

config_actor restarting_config(caf::actor_system& system, config_spawner make, config_glance glance) {
  return system.spawn(in_front_of_config, std::move(make), std::move(glance));
}

config_editor_actor restarting_config_editor(caf::actor_system& system, config_editor_spawner make) {
  return system.spawn(in_front_of_editor, std::move(make));
}

viewer_actor restarting_viewer(caf::actor_system& system, viewer_spawner make) {
  return system.spawn(in_front_of_viewer, std::move(make));
}

job_store_actor restarting_job_store(caf::actor_system& system, job_store_spawner make) {
  return system.spawn(in_front_of_store, std::move(make));
}

} // namespace agent_dispatch
