#include "actors/logic/admission_outlook.hpp"

#include <algorithm>
#include <iterator>

namespace agent_dispatch {

admission_policy::outlook::outlook(const admission_policy& policy, int slots) : policy_(policy), slots_(slots) {
  add_nodes();
  add_waits();
  std::vector<std::size_t> open;
  for (std::size_t at = 0; at < nodes_.size(); ++at)
    if (nodes_[at].run != nullptr && nodes_[at].missing == 0)
      open.push_back(at);
  mark(std::move(open));
  settle();
}

void admission_policy::outlook::assume_ends(const agent_name& agent, const lane_key& lane) {
  mark({lanes_.at({agent, lane})});
  settle();
}

bool admission_policy::outlook::ends(const run_key& run) const { return nodes_[runs_.at(run)].ends; }
bool admission_policy::outlook::ends(const agent_name& agent, const lane_key& lane) const {
  return nodes_[lanes_.at({agent, lane})].ends;
}

bool admission_policy::outlook::seat_comes(const agent_map::value_type& agent, const lane_key& lane) const {
  auto stuck = stuck_in_agent_.find(agent.first);
  if (stuck == stuck_in_agent_.end() || stuck->second < agent.second.max_parallel)
    return true;
  auto* ancestor = policy_.waiting_ancestor(agent.first, lane.parent, lane.waits);
  return ancestor != nullptr && !stuck_inside_.contains(ancestor->first);
}

bool admission_policy::outlook::becomes_top(const run_key& live) const {
  const auto& stack = policy_.stacks_.at(policy_.live_.at(live).slot);
  auto above = std::find(stack.begin(), stack.end(), live);
  return std::all_of(above + 1, stack.end(), [&](const run_key& run) { return ends(run); });
}

bool admission_policy::outlook::guest_leaves(const agent_name& agent) const {
  return std::any_of(policy_.live_.begin(), policy_.live_.end(), [&](const auto& entry) {
    return entry.second.past_max_parallel && entry.second.agent == agent && ends(entry.first);
  });
}

bool admission_policy::outlook::on_cycle(const agent_name& agent, const lane_key& lane) const {
  const auto origin = lanes_.at({agent, lane});
  std::vector<bool> seen(nodes_.size());
  std::vector<std::size_t> open{origin};
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    for (auto next : blockers(at)) {
      if (next == origin)
        return true;
      if (!seen[next]) {
        seen[next] = true;
        open.push_back(next);
      }
    }
  }
  return false;
}

void admission_policy::outlook::add_nodes() {
  for (const auto& entry : policy_.live_) {
    const auto& run = entry.second;
    runs_.emplace(entry.first, nodes_.size());
    nodes_.emplace_back().run = &entry;
    ++stuck_in_agent_[run.agent];
    ++stuck_in_slot_[run.slot];
    if (run.through)
      ++stuck_inside_[*run.through];
  }
  for (const auto& entry : policy_.agents_) {
    for (const auto& [key, tickets] : entry.second.lanes) {
      lanes_.emplace(std::pair{entry.first, key}, nodes_.size());
      auto& added = nodes_.emplace_back();
      added.agent = &entry;
      added.lane = &key;
    }
  }
}

void admission_policy::outlook::add_waits() {
  for (std::size_t at = 0; at < nodes_.size(); ++at) {
    const auto& node = nodes_[at];
    const bool waited_for = node.run != nullptr ? node.run->second.waits : node.lane->waits;
    const auto& parent = node.run != nullptr ? node.run->second.parent : node.lane->parent;
    if (waited_for && parent)
      add_wait(*parent, at);
  }
  for (const auto& [waiter, targets] : policy_.waits_) {
    for (const auto& [target, count] : targets) {
      if (auto live = runs_.find(target); live != runs_.end())
        add_wait(waiter, live->second);
      else if (auto queued = policy_.queued_.find(target); queued != policy_.queued_.end())
        add_wait(waiter, lanes_.at({queued->second.agent, queued->second.lane}));
    }
  }
}

void admission_policy::outlook::add_wait(const run_key& waiter, std::size_t target) {
  auto found = runs_.find(waiter);
  if (found == runs_.end())
    return;
  nodes_[found->second].targets.push_back(target);
  nodes_[target].waiters.push_back(found->second);
  ++nodes_[found->second].missing;
}

void admission_policy::outlook::settle() {
  for (bool changed = true; changed;) {
    changed = false;
    for (const auto& [key, at] : lanes_) {
      if (nodes_[at].ends || !seat_comes(*nodes_[at].agent, *nodes_[at].lane) || !slot_comes(*nodes_[at].lane))
        continue;
      mark({at});
      changed = true;
    }
  }
}

void admission_policy::outlook::mark(std::vector<std::size_t> open) {
  while (!open.empty()) {
    auto& node = nodes_[open.back()];
    open.pop_back();
    node.ends = true;
    if (node.run != nullptr)
      count_out(node.run->second);
    for (auto waiter : node.waiters)
      if (--nodes_[waiter].missing == 0)
        open.push_back(waiter);
  }
}

void admission_policy::outlook::count_out(const live_run& run) {
  --stuck_in_agent_[run.agent];
  if (--stuck_in_slot_[run.slot] == 0)
    stuck_in_slot_.erase(run.slot);
  if (run.through && --stuck_inside_[*run.through] == 0)
    stuck_inside_.erase(*run.through);
}

bool admission_policy::outlook::slot_comes(const lane_key& lane) const {
  return static_cast<int>(stuck_in_slot_.size()) < slots_ || (lane.parent && becomes_top(*lane.parent));
}

/// What has to end for this node to end, less what does end.
std::vector<std::size_t> admission_policy::outlook::blockers(std::size_t at) const {
  const auto& node = nodes_[at];
  std::vector<std::size_t> result;
  if (node.run != nullptr) {
    std::copy_if(node.targets.begin(), node.targets.end(), std::back_inserter(result),
                 [&](std::size_t target) { return !nodes_[target].ends; });
    return result;
  }
  const bool any_run = !slot_comes(*node.lane); // every run that does not end is in a slot
  const bool its_agent = !seat_comes(*node.agent, *node.lane);
  for (const auto& [key, run] : runs_)
    if (!nodes_[run].ends && (any_run || (its_agent && nodes_[run].run->second.agent == node.agent->first)))
      result.push_back(run);
  return result;
}

} // namespace agent_dispatch
