#include "actors/logic/request_load.hpp"

#include "actors/logic/sentences.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

std::size_t prompt_size(const run_request& run, const std::string& shared_context) {
  return run.task.size() + run.context.size() + run.caller.size() + run.goal.size() + shared_context.size();
}

void request_load::share::add(const run_spec& spec) {
  ++runs[spec.agent.name];
  ++runs_in_all;
  bytes += prompt_size(spec.request, spec.shared_context);
}

request_load::share request_load::of(const run_spec& spec) {
  share asked;
  asked.add(spec);
  return asked;
}

request_load::share request_load::of(const composite_plan& plan) {
  share asked;
  if (const auto* parallel = std::get_if<parallel_plan>(&plan)) {
    for (const auto& item : parallel->items)
      if (item.spec)
        asked.add(*item.spec);
    return asked;
  }
  // Its turns come one after the other.
  const auto& talk = std::get<dialogue_plan>(plan);
  asked.add(*talk.responder);
  asked.bytes += talk.topic.size();
  return asked;
}

std::optional<fault> request_load::refuses(const share& asked) const {
  if (runs_ + asked.runs_in_all > limits::all_requests)
    return fault{fault_kind::invalid_argument, sentences::queue_full(runs_)};
  if (bytes_ + asked.bytes > limits::all_request_bytes)
    return fault{fault_kind::invalid_argument, sentences::requests_too_large(bytes_)};
  for (const auto& [agent, count] : asked.runs) {
    const auto known = agents_.find(agent);
    const auto now = known == agents_.end() ? std::size_t{0} : known->second;
    if (now + count > limits::agent_requests)
      return fault{fault_kind::invalid_argument, sentences::agent_queue_full(agent, now)};
  }
  return std::nullopt;
}

void request_load::take(const share& asked) {
  runs_ += asked.runs_in_all;
  bytes_ += asked.bytes;
  for (const auto& [agent, count] : asked.runs)
    agents_[agent] += count;
}

void request_load::give_back(const share& asked) {
  runs_ -= asked.runs_in_all;
  bytes_ -= asked.bytes;
  for (const auto& [agent, count] : asked.runs)
    if (const auto known = agents_.find(agent); known != agents_.end() && (known->second -= count) == 0)
      agents_.erase(known);
}

} // namespace agent_dispatch
