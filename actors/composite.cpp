#include "actors/composite.hpp"

#include <utility>

#include "actors/death_point.hpp"
#include "actors/last_words.hpp"

namespace agent_dispatch {

void composite_state::ask(const std::vector<due_part>& due) {
  for (const auto& part : due) {
    asked.emplace(part.part, part.spec->agent.name);
    self->send(requests, dispatch_call{.request = key.part_of(part.part),
                                       .caller = caller,
                                       .run = part.spec->request,
                                       .waiting = self,
                                       .prepared = part.spec,
                                       .is_shareable = part.is_shareable});
  }
}

void composite_state::answered(const request_answered& event) {
  crash_point("composite");
  if (asked.erase(event.request.part) == 0)
    return;
  count_cost(event.answer);
  ask(parts->answered(event.request.part, event.answer));
  finish_if_done();
}

void composite_state::count_cost(const dispatch_answer& answer) {
  if (!answer.value || !answer.value->cost_usd)
    return;
  spent += *answer.value->cost_usd;
  self->send(requests, composite_progress{key, {progress_kind::spent, {}, spent}});
}

void composite_state::progress(const request_progress& event) {
  const auto found = asked.find(event.request.part);
  if (found == asked.end() || event.event.kind == progress_kind::queued)
    return;
  if (event.event.kind == progress_kind::started && !std::exchange(is_started, true))
    self->send(requests, composite_progress{key, {progress_kind::started, {}}});
  // What one of them does is said with its name.
  const auto text = event.event.kind == progress_kind::started ? "started" : event.event.text;
  const progress_event shown{progress_kind::note, found->second.value + ": " + text};
  self->send(requests, composite_progress{key, shown});
}

void composite_state::finish_if_done() {
  if (is_done || !asked.empty())
    return;
  auto result = parts->result();
  if (!result)
    return;
  is_done = true;
  self->send(requests, composite_done{key, std::move(*result)});
  self->quit();
}

composite_actor::behavior_type composite_driver(composite_actor::stateful_pointer<composite_state> self,
                                                const request_key& key, composite_plan_ptr plan,
                                                caller_context_ptr caller, const requests_actor& requests) {
  auto& state = self->state;
  tell_exceptions(self);
  state.key = key;
  state.caller = std::move(caller);
  state.requests = requests;
  state.parts = make_composite(key, std::move(plan));
  return {
      [&state](const begin_composite&) {
        state.ask(state.parts->begin());
        state.finish_if_done();
      },
      [&state](const cancel_composite&) { state.parts->cancel(); },
      [&state](const request_progress& event) { state.progress(event); },
      [&state](const request_answered& event) { state.answered(event); },
  };
}

} // namespace agent_dispatch
