#include "actors/admission.hpp"

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"

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
  for (const auto& grant : policy.grant()) {
    const auto found = waiting.find(grant.run);
    if (found == waiting.end())
      continue;
    self->send(found->second, run_granted{grant.run, grant.borrowed_from, grant.past_max_parallel});
    waiting.erase(found);
  }
}

admission_figures admission_state::figures() const {
  admission_figures figures{.live = policy.live(),
                            .queued = policy.queued(),
                            .slots_used = policy.slots_used(),
                            .slots_max = policy.max_concurrency(),
                            .agents = {}};
  for (const auto& row : policy.agents())
    figures.agents.push_back({row.agent, row.live, row.queued});
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
      [&state](const get_admission&) { return state.figures(); },
      [&state](const get_queue_position& order) -> queue_position_ptr {
        const auto place = state.policy.place(order.run);
        return place ? std::make_shared<const queue_position>(queue_position{place->position, place->reason}) : nullptr;
      },
      [&state](const get_queued_descendants& order) -> run_keys { return state.policy.queued_descendants(order.run); },
  };
}

} // namespace agent_dispatch
