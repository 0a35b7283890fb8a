#include "actors/admission.hpp"

#include <utility>

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"
#include "actors/log.hpp"
#include "actors/logic/sentences.hpp"

namespace agent_dispatch {

namespace {

admission_ticket ticket_of(const run_spec& spec) {
  return {.run = spec.key,
          .agent = spec.agent.name,
          .max_parallel = spec.agent.max_parallel,
          .parent = spec.parent,
          .waits = !spec.job};
}

} // namespace

void admission_state::admit(const admit_run& order) {
  crash_point("admission");
  waiting[order.spec->key] = order.agent;
  auto ticket = ticket_of(*order.spec);
  if (left_early.erase(ticket.run) > 0)
    ticket.parent.reset();
  policy.enqueue(ticket);
  hand_out();
}

void admission_state::readmit(const readmit_run& order) { policy.adopt(ticket_of(*order.spec), order.borrowed_from); }

void admission_state::leave_parent(const run_key& run) {
  if (policy.knows(run))
    policy.leave_parent(run);
  else
    left_early.insert(run);
  hand_out();
}

void admission_state::release(const run_key& run) {
  policy.release(run);
  left_early.erase(run);
  hand_out();
}

bool admission_state::withdraw(const run_key& run) {
  const bool queued = policy.withdraw(run) == withdrawal::was_queued;
  left_early.erase(run);
  if (queued)
    waiting.erase(run);
  hand_out();
  return queued;
}

void admission_state::hand_out() {
  log_interval();
  if (known_interval.count() == 0) {
    hand_out(policy.grant());
    return;
  }
  if (!overload.next_start(now())) {
    const auto grants = policy.grant(1);
    if (!grants.empty())
      overload.started(now());
    hand_out(grants);
  }
  wake_at(policy.queued() > 0 ? overload.next_start(now()) : std::nullopt);
}

void admission_state::wake_at(std::optional<overload_policy::clock::time_point> time) {
  if (time && time != tick_due)
    self->delayed_send(self, std::chrono::ceil<std::chrono::milliseconds>(*time - now()),
                       admission_tick{++current_tick});
  tick_due = time;
}

void admission_state::hear_of_trouble(const api_trouble& what) {
  overload.trouble(what, now());
  hand_out();
}

void admission_state::hear_of_success(overload_policy::clock::time_point begun) {
  if (known_interval.count() == 0)
    return;
  overload.succeeded(begun, now());
  hand_out();
}

void admission_state::tick(const admission_tick& tick) {
  if (tick.number != current_tick)
    return;
  tick_due.reset();
  hand_out();
}

void admission_state::log_interval() {
  const auto interval = overload.start_interval(now());
  if (interval == std::exchange(known_interval, interval))
    return;
  if (interval.count() == 0)
    log::info("the API takes work again: runs start at once");
  else
    log::warn("{}: runs start {} s apart", sentences::api_trouble_text(overload.last_status()),
              interval.count() / 1000);
}

void admission_state::hand_out(const std::vector<admission_grant>& grants) {
  for (const auto& grant : grants) {
    const auto found = waiting.find(grant.run);
    if (found == waiting.end())
      continue;
    self->send(found->second, run_granted{grant.run, grant.borrowed_from, grant.past_max_parallel});
    waiting.erase(found);
  }
}

queue_position_ptr admission_state::position(const get_queue_position& order) {
  const auto place = policy.place(order.run);
  if (!place)
    return nullptr;
  queue_position known{.position = place->position, .reason = place->reason};
  const auto next = overload.next_start(now());
  if (next && place->waits_for == admission_policy::obstacle::turn)
    known.reason = sentences::starts_are_apart(overload.last_status(), overload.start_interval(now()), *next - now());
  if (order.with_holders)
    for (const auto& holder : policy.holders(order.run))
      known.holders.push_back({holder.run, holder.agent});
  return std::make_shared<const queue_position>(std::move(known));
}

admission_figures admission_state::figures() {
  admission_figures figures{.live = policy.live(),
                            .queued = policy.queued(),
                            .slots_used = policy.slots_used(),
                            .slots_max = policy.max_concurrency(),
                            .agents = {},
                            .overload = {}};
  for (const auto& row : policy.agents())
    figures.agents.push_back({row.agent, row.live, row.queued});
  if (const auto interval = overload.start_interval(now()); interval.count() > 0) {
    const auto next = overload.next_start(now());
    figures.overload = {.status = overload.last_status(),
                        .start_interval = interval,
                        .next_start = next ? std::chrono::ceil<std::chrono::milliseconds>(*next - now())
                                           : std::chrono::milliseconds{0}};
  }
  return figures;
}

admission_actor::behavior_type admission(admission_actor::stateful_pointer<admission_state> self, int max_concurrency) {
  auto& state = self->state;
  tell_exceptions(self);
  state.policy.set_max_concurrency(max_concurrency);
  return {
      [&state](const admit_run& order) { state.admit(order); },
      [&state](const readmit_run& order) { state.readmit(order); },
      [&state](const release_run& order) { state.release(order.run); },
      [&state](const add_wait& order) {
        state.policy.add_wait(order.waiter, order.target);
        state.hand_out();
      },
      [&state](const remove_wait& order) {
        state.policy.remove_wait(order.waiter, order.target);
        state.hand_out();
      },
      [&state](const join_wait& order) {
        if (state.policy.would_wait_for_itself(order.waiter, order.target))
          return false;
        state.policy.add_wait(order.waiter, order.target);
        state.hand_out();
        return true;
      },
      [&state](const leave_parent& order) { state.leave_parent(order.run); },
      [&state](const withdraw_run& order) { return state.withdraw(order.run); },
      [&state](const set_max_concurrency& order) {
        state.policy.set_max_concurrency(order.slots);
        state.hand_out();
      },
      [&state](const api_troubled& event) { state.hear_of_trouble(event.what); },
      [&state](const api_answered& event) { state.hear_of_success(event.begun); },
      [&state](const admission_tick& tick) { state.tick(tick); },
      [&state](const get_admission&) { return state.figures(); },
      [&state](const get_queue_position& order) -> queue_position_ptr { return state.position(order); },
      [&state](const get_queued_descendants& order) -> run_keys { return state.policy.queued_descendants(order.run); },
  };
}

} // namespace agent_dispatch
