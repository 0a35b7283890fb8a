#include "actors/logic/admission_policy.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "actors/logic/admission_outlook.hpp"

namespace agent_dispatch {

namespace {

/// Grants in a row past an agent's oldest ticket until a slot is kept for it.
constexpr int patience = 3;

/// Depth in its stack of an adopted run whose parent has ended: below all whose place is known.
constexpr std::size_t orphan_depth = 1000;

template <class Map>
void take_one(Map& edges, const run_key& from, const run_key& to) {
  auto found = edges.find(from);
  if (found == edges.end())
    return;
  auto edge = found->second.find(to);
  if (edge == found->second.end())
    return;
  if (--edge->second == 0)
    found->second.erase(edge);
  if (found->second.empty())
    edges.erase(found);
}

template <class Map>
void drop_edges(Map& edges, Map& reverse, const run_key& run) {
  auto found = edges.find(run);
  if (found == edges.end())
    return;
  for (const auto& [other, count] : found->second) {
    auto back = reverse.find(other);
    back->second.erase(run);
    if (back->second.empty())
      reverse.erase(back);
  }
  edges.erase(found);
}

} // namespace

// -- tickets in and out ----------------------------------------------------------------------------------------------

admission_policy::admission_policy(int max_concurrency) : max_concurrency_(std::max(1, max_concurrency)) {}

void admission_policy::set_max_concurrency(int max_concurrency) { max_concurrency_ = std::max(1, max_concurrency); }

void admission_policy::enqueue(const admission_ticket& ticket) {
  if (queued_.contains(ticket.run) || live_.contains(ticket.run))
    return;
  auto& state = agent_of(ticket);
  // An agent that comes back joins at the end, or one with a short queue would always be first.
  if (state.queued == 0)
    state.slot_turn = state.borrow_turn = ++clock_;
  ++state.queued;
  queued_run queued{ticket.agent, ticket.parent, ticket.waits, ++clock_, {}, above(ticket.parent)};
  join_lane(ticket.run, queued_.emplace(ticket.run, std::move(queued)).first->second);
  if (ticket.parent)
    children_[*ticket.parent].insert(ticket.run);
}

void admission_policy::release(const run_key& run) {
  auto found = live_.find(run);
  if (found == live_.end())
    return;
  const auto ended = std::move(found->second);
  live_.erase(found);
  auto stack = stacks_.find(ended.slot);
  std::erase(stack->second, run);
  if (stack->second.empty())
    stacks_.erase(stack);
  if (ended.through)
    if (auto lender = live_.find(*ended.through); lender != live_.end() && lender->second.inside > 0)
      --lender->second.inside;
  --agents_.at(ended.agent).live;
  drop_agent_if_unused(ended.agent);
  forget_child(ended.parent, run);
  forget_waits(run);
  renew_lanes_below(run);
}

withdrawal admission_policy::withdraw(const run_key& run) {
  auto found = queued_.find(run);
  if (found == queued_.end())
    return live_.contains(run) ? withdrawal::was_live : withdrawal::unknown;
  const auto agent = found->second.agent;
  const auto parent = found->second.parent;
  remove_queued(run);
  drop_agent_if_unused(agent);
  forget_child(parent, run);
  forget_waits(run);
  return withdrawal::was_queued;
}

void admission_policy::adopt(const admission_ticket& ticket, const std::optional<run_key>& borrowed_from) {
  if (live_.contains(ticket.run))
    return;
  auto& state = agent_of(ticket);
  ++state.live; // before the queued one leaves, so that the agent stays
  if (queued_.contains(ticket.run)) {
    const auto queued = queued_.at(ticket.run);
    remove_queued(ticket.run);
    drop_agent_if_unused(queued.agent);
    forget_child(queued.parent, ticket.run);
  }
  if (ticket.parent)
    children_[*ticket.parent].insert(ticket.run);
  auto* lender = find_live(borrowed_from);
  live_run live;
  live.agent = ticket.agent;
  live.parent = ticket.parent;
  live.above = above(ticket.parent);
  live.waits = ticket.waits;
  live.slot = lender != nullptr ? lender->second.slot : borrowed_from.value_or(ticket.run);
  live.past_max_parallel = state.live > state.max_parallel;
  enter(ticket.run, std::move(live));
  relink_ = true;
}

admission_policy::agent_state& admission_policy::agent_of(const admission_ticket& ticket) {
  auto& state = agents_[ticket.agent];
  state.max_parallel = std::max(1, ticket.max_parallel);
  return state;
}

void admission_policy::drop_agent_if_unused(const agent_name& agent) {
  auto found = agents_.find(agent);
  if (found->second.live == 0 && found->second.queued == 0)
    agents_.erase(found);
}

void admission_policy::join_lane(const run_key& run, queued_run& ticket) {
  ticket.lane = find_live(ticket.parent) != nullptr ? lane_key{ticket.parent, ticket.waits} : lane_key{};
  agents_.at(ticket.agent).lanes[ticket.lane].emplace(ticket.order, run);
}

void admission_policy::leave_lane(const queued_run& ticket) {
  auto& lanes = agents_.at(ticket.agent).lanes;
  auto found = lanes.find(ticket.lane);
  found->second.erase(ticket.order);
  if (found->second.empty())
    lanes.erase(found);
}

void admission_policy::remove_queued(const run_key& run) {
  auto found = queued_.find(run);
  leave_lane(found->second);
  --agents_.at(found->second.agent).queued;
  queued_.erase(found);
}

void admission_policy::renew_lanes_below(const run_key& parent) {
  auto found = children_.find(parent);
  if (found == children_.end())
    return;
  for (const auto& child : found->second) {
    auto queued = queued_.find(child);
    if (queued == queued_.end())
      continue;
    leave_lane(queued->second);
    join_lane(child, queued->second);
  }
}

void admission_policy::forget_child(const std::optional<run_key>& parent, const run_key& run) {
  if (!parent)
    return;
  auto found = children_.find(*parent);
  if (found == children_.end())
    return;
  found->second.erase(run);
  if (found->second.empty())
    children_.erase(found);
}

// -- waits -----------------------------------------------------------------------------------------------------------

void admission_policy::add_wait(const run_key& waiter, const run_key& target) {
  ++waits_[waiter][target];
  ++waiters_[target][waiter];
}

void admission_policy::remove_wait(const run_key& waiter, const run_key& target) {
  take_one(waits_, waiter, target);
  take_one(waiters_, target, waiter);
}

bool admission_policy::depends(const run_key& run, const run_key& other) const {
  std::vector<run_key> open{run};
  std::unordered_set<run_key> seen{run};
  const auto visit = [&](const run_key& next) {
    if (seen.insert(next).second)
      open.push_back(next);
  };
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    if (at == other)
      return true;
    if (const auto children = children_.find(at); children != children_.end())
      for (const auto& child : children->second) {
        const auto queued = queued_.find(child);
        if (queued == queued_.end() ? live_.at(child).waits : queued->second.waits)
          visit(child);
      }
    if (const auto targets = waits_.find(at); targets != waits_.end())
      for (const auto& [target, count] : targets->second)
        visit(target);
  }
  return false;
}

bool admission_policy::would_wait_for_itself(const run_key& waiter, const run_key& target) const {
  auto nest = above(waiter);
  return std::any_of(nest.begin(), nest.end(), [&](const run_key& run) { return depends(target, run); });
}

/// The run itself, then what it is nested in.
std::vector<run_key> admission_policy::above(const std::optional<run_key>& parent) const {
  if (!parent)
    return {};
  std::vector<run_key> nest{*parent};
  const std::vector<run_key>* further = nullptr;
  if (auto queued = queued_.find(*parent); queued != queued_.end())
    further = &queued->second.above;
  else if (auto live = live_.find(*parent); live != live_.end())
    further = &live->second.above;
  if (further != nullptr)
    nest.insert(nest.end(), further->begin(), further->end());
  return nest;
}

void admission_policy::leave_parent(const run_key& run) {
  if (auto queued = queued_.find(run); queued != queued_.end()) {
    forget_child(queued->second.parent, run);
    leave_lane(queued->second);
    queued->second.parent.reset();
    join_lane(run, queued->second);
  } else if (auto live = live_.find(run); live != live_.end()) {
    forget_child(live->second.parent, run);
    live->second.waits = false;
  }
}

void admission_policy::forget_waits(const run_key& run) {
  drop_edges(waits_, waiters_, run);
  drop_edges(waiters_, waits_, run);
}

// -- seats and slots -------------------------------------------------------------------------------------------------

const admission_policy::live_map::value_type* admission_policy::find_live(const std::optional<run_key>& run) const {
  if (!run)
    return nullptr;
  auto found = live_.find(*run);
  return found == live_.end() ? nullptr : &*found;
}

const admission_policy::live_map::value_type*
admission_policy::waiting_ancestor(const agent_name& agent, const std::optional<run_key>& parent, bool waits) const {
  if (!waits)
    return nullptr;
  auto* above = find_live(parent);
  while (above != nullptr && above->second.agent != agent)
    above = above->second.waits ? find_live(above->second.parent) : nullptr;
  return above;
}

bool admission_policy::is_top(const run_key& live) const { return stacks_.at(live_.at(live).slot).back() == live; }

int admission_policy::free_slots() const { return max_concurrency_ - slots_used(); }

bool admission_policy::has_seat(const agent_map::value_type& agent, const lane_key& lane) const {
  if (agent.second.live < agent.second.max_parallel)
    return true;
  auto* ancestor = waiting_ancestor(agent.first, lane.parent, lane.waits);
  return ancestor != nullptr && ancestor->second.inside == 0;
}

std::optional<admission_policy::opening> admission_policy::best_opening(const agent_map::value_type& agent,
                                                                        int free_slots) const {
  std::optional<opening> best;
  auto best_order = std::numeric_limits<sequence>::max();
  auto oldest = best_order;
  for (const auto& [key, tickets] : agent.second.lanes) {
    const auto& [order, run] = *tickets.begin();
    oldest = std::min(oldest, order);
    if (order > best_order || !has_seat(agent, key))
      continue;
    const bool can_borrow = key.parent && is_top(*key.parent);
    const bool can_own = free_slots > 0;
    if (!can_borrow && !can_own)
      continue;
    const bool borrows = can_borrow && (key.waits || !can_own);
    best_order = order;
    best = opening{run, borrows ? key.parent : std::nullopt};
  }
  if (best)
    best->oldest = best_order == oldest;
  return best;
}

// -- grants ----------------------------------------------------------------------------------------------------------

std::vector<admission_grant> admission_policy::grant(std::size_t at_most) {
  if (relink_)
    relink();
  std::vector<admission_grant> granted;
  while (granted.size() < at_most && grant_round(granted, at_most)) {
  }
  while (granted.size() < at_most && break_cycle(granted)) {
  }
  return granted;
}

/// At most one grant per agent; false when there was none.
bool admission_policy::grant_round(std::vector<admission_grant>& granted, std::size_t at_most) {
  // Without a free slot all that is given are borrowed ones, which have their own turns: they must cost an agent
  // nothing.
  const auto turn = free_slots() > 0 ? &agent_state::slot_turn : &agent_state::borrow_turn;
  std::vector<agent_map::value_type*> order;
  for (auto& agent : agents_)
    if (agent.second.queued > 0)
      order.push_back(&agent);
  std::sort(order.begin(), order.end(), [&](auto* a, auto* b) { return a->second.*turn < b->second.*turn; });
  const auto before = granted.size();
  int kept = 0;
  for (auto* agent : order) {
    if (granted.size() == at_most)
      break;
    const int available = free_slots() - kept;
    if (auto found = best_opening(*agent, available))
      start(agent->second, *found, granted);
    else if (available > 0 && keeps_slot_aside(*agent, kept))
      ++kept;
  }
  return granted.size() > before;
}

/// Called when the agent could not use a free slot: then it is a seat that its oldest ticket lacks.
bool admission_policy::keeps_slot_aside(const agent_map::value_type& agent, int kept) const {
  if (agent.second.overtaken < patience)
    return false;
  const auto& lanes = agent.second.lanes;
  auto oldest = std::min_element(lanes.begin(), lanes.end(), [](const auto& a, const auto& b) {
    return a.second.begin()->first < b.second.begin()->first;
  });
  // The seat has to come without this slot: who holds it may wait for one that needs the slot.
  return outlook(*this, max_concurrency_ - kept - 1).seat_comes(agent, oldest->first);
}

/// Lets one queued run in that waits for itself; false when there is none, or when the next one comes after a run that
/// ends: one that was let in to the same agent, or one that is above its lender.
bool admission_policy::break_cycle(std::vector<admission_grant>& granted) {
  auto candidates = awaited();
  if (candidates.empty())
    return false;
  std::sort(candidates.begin(), candidates.end(),
            [](const candidate& a, const candidate& b) { return a.ticket->order > b.ticket->order; });
  outlook ahead(*this, max_concurrency_);
  auto is_stuck = [&](const candidate& blocked) {
    return !ahead.ends(blocked.agent->first, blocked.ticket->lane) &&
           ahead.on_cycle(blocked.agent->first, blocked.ticket->lane);
  };
  for (const auto& blocked : candidates)
    if (is_stuck(blocked) && !has_seat(*blocked.agent, blocked.ticket->lane) &&
        ahead.guest_leaves(blocked.agent->first))
      ahead.assume_ends(blocked.agent->first, blocked.ticket->lane);
  for (const auto& blocked : candidates) {
    auto way = is_stuck(blocked) ? way_in(blocked) : std::nullopt;
    if (!way)
      continue;
    start(agents_.at(blocked.agent->first), *way, granted);
    return true;
  }
  for (const auto& blocked : candidates) {
    const auto from = lenders(blocked);
    if (is_stuck(blocked) &&
        std::any_of(from.begin(), from.end(), [&](const run_key& run) { return ahead.becomes_top(run); }))
      ahead.assume_ends(blocked.agent->first, blocked.ticket->lane);
  }
  auto last_resort = std::find_if(candidates.begin(), candidates.end(), is_stuck);
  if (last_resort == candidates.end())
    return false;
  start(agents_.at(last_resort->agent->first), {last_resort->run, lenders(*last_resort).front(), false}, granted);
  return true;
}

/// The slot that a run past max_parallel can have without standing on a sibling.
std::optional<admission_policy::opening> admission_policy::way_in(const candidate& blocked) const {
  const auto from = lenders(blocked);
  const auto top = std::find_if(from.begin(), from.end(), [&](const run_key& run) { return is_top(run); });
  const bool own = free_slots() > 0 && (top == from.end() || !blocked.ticket->lane.waits);
  if (own)
    return opening{blocked.run, std::nullopt, false};
  if (top != from.end())
    return opening{blocked.run, *top, false};
  return std::nullopt;
}

/// Queued runs that a live run waits for; of a parent's synchronous ones for the same agent only the oldest.
std::vector<admission_policy::candidate> admission_policy::awaited() const {
  std::vector<candidate> result;
  for (const auto& agent : agents_)
    for (const auto& [key, tickets] : agent.second.lanes)
      if (key.waits)
        result.push_back({&agent, &queued_.at(tickets.begin()->second), tickets.begin()->second});
  for (const auto& [target, waiters] : waiters_) {
    auto queued = queued_.find(target);
    if (queued != queued_.end() && !queued->second.lane.waits &&
        std::any_of(waiters.begin(), waiters.end(), [&](const auto& waiter) { return live_.contains(waiter.first); }))
      result.push_back({&*agents_.find(queued->second.agent), &queued->second, target});
  }
  return result;
}

/// Its parent first, then who else waits for it; never empty.
std::vector<run_key> admission_policy::lenders(const candidate& blocked) const {
  std::vector<run_key> result;
  if (blocked.ticket->lane.parent)
    result.push_back(*blocked.ticket->lane.parent);
  if (auto waiters = waiters_.find(blocked.run); waiters != waiters_.end())
    for (const auto& [waiter, count] : waiters->second)
      if (live_.contains(waiter))
        result.push_back(waiter);
  return result;
}

void admission_policy::start(agent_state& state, const opening& way, std::vector<admission_grant>& granted) {
  const auto run = way.run;
  const auto ticket = queued_.at(run);
  remove_queued(run);
  state.overtaken = way.oldest ? 0 : state.overtaken + 1;
  (way.lender ? state.borrow_turn : state.slot_turn) = ++clock_;
  ++state.live;

  live_run live;
  live.agent = ticket.agent;
  live.parent = ticket.parent;
  live.above = ticket.above;
  live.waits = ticket.waits;
  live.slot = way.lender ? live_.at(*way.lender).slot : run;
  live.past_max_parallel = state.live > state.max_parallel;
  if (auto* ancestor = waiting_ancestor(ticket.agent, ticket.parent, ticket.waits)) {
    live.through = ancestor->first;
    ++live_.at(ancestor->first).inside;
  }
  granted.push_back({run, way.lender ? std::optional(live.slot) : std::nullopt, live.past_max_parallel});
  enter(run, std::move(live));
}

void admission_policy::enter(const run_key& run, live_run live) {
  stacks_[live.slot].push_back(run);
  live_.emplace(run, std::move(live));
  renew_lanes_below(run);
}

void admission_policy::relink() {
  relink_ = false;
  for (auto& [key, run] : live_)
    run.inside = 0;
  for (auto& [key, run] : live_) {
    auto* ancestor = waiting_ancestor(run.agent, run.parent, run.waits);
    run.through = ancestor != nullptr ? std::optional(ancestor->first) : std::nullopt;
    if (ancestor != nullptr)
      ++live_.at(ancestor->first).inside;
  }
  auto depth = [&](const run_key& run) {
    std::size_t steps = 0;
    for (auto* at = find_live(run); at->first != at->second.slot; ++steps) {
      at = find_live(at->second.parent);
      if (at == nullptr)
        return steps + orphan_depth;
    }
    return steps;
  };
  for (auto& [slot, stack] : stacks_)
    std::stable_sort(stack.begin(), stack.end(),
                     [&](const run_key& a, const run_key& b) { return depth(a) < depth(b); });
}

// -- questions -------------------------------------------------------------------------------------------------------

std::vector<run_key> admission_policy::queued_descendants(const run_key& run) const {
  std::vector<std::pair<sequence, run_key>> found;
  std::vector<run_key> open{run};
  std::unordered_set<run_key> seen{run};
  const auto visit = [&](const run_key& next) {
    if (!seen.insert(next).second)
      return;
    if (auto queued = queued_.find(next); queued == queued_.end())
      open.push_back(next);
    else if (queued->second.waits)
      found.emplace_back(queued->second.order, next);
  };
  while (!open.empty()) {
    const auto at = open.back();
    open.pop_back();
    if (auto children = children_.find(at); children != children_.end())
      for (const auto& child : children->second)
        if (queued_.contains(child) || live_.at(child).waits)
          visit(child);
    if (auto targets = waits_.find(at); targets != waits_.end())
      for (const auto& [target, count] : targets->second)
        visit(target);
  }
  std::sort(found.begin(), found.end());
  std::vector<run_key> result;
  for (auto& [order, key] : found)
    result.push_back(std::move(key));
  return result;
}

std::optional<admission_policy::queue_place> admission_policy::place(const run_key& run) const {
  auto found = queued_.find(run);
  if (found == queued_.end())
    return std::nullopt;
  const auto& ticket = found->second;
  const auto& agent = *agents_.find(ticket.agent);
  std::size_t ahead = 0;
  for (const auto& [key, tickets] : agent.second.lanes)
    ahead += static_cast<std::size_t>(std::distance(tickets.begin(), tickets.lower_bound(ticket.order)));
  const auto quoted = "agent '" + ticket.agent.value + "'";
  if (!has_seat(agent, ticket.lane))
    return queue_place{ahead + 1,
                       quoted + " is busy (" + std::to_string(agent.second.live) + " of " +
                           std::to_string(agent.second.max_parallel) + ")",
                       obstacle::seat};
  if (free_slots() <= 0 && !(ticket.lane.parent && is_top(*ticket.lane.parent)))
    return queue_place{ahead + 1,
                       max_concurrency_ == 1 ? "the only slot is in use"
                                             : "all " + std::to_string(max_concurrency_) + " slots are in use",
                       obstacle::slot};
  return queue_place{ahead + 1, ahead == 0 ? "about to start" : "older requests to " + quoted + " go first",
                     obstacle::turn};
}

std::vector<admission_policy::holder> admission_policy::holders(const run_key& run) const {
  const auto where = place(run);
  if (!where || where->waits_for == obstacle::turn)
    return {};
  const auto& agent = queued_.at(run).agent;
  std::vector<holder> result;
  for (const auto& [key, live] : live_)
    if (where->waits_for == obstacle::seat ? live.agent == agent : is_top(key))
      result.push_back({key, live.agent});
  std::sort(result.begin(), result.end(), [](const holder& a, const holder& b) { return a.run < b.run; });
  return result;
}

std::vector<admission_policy::agent_figures> admission_policy::agents() const {
  std::vector<agent_figures> result;
  for (const auto& [name, state] : agents_)
    result.push_back({name, state.live, state.queued});
  return result;
}

int admission_policy::live() const { return static_cast<int>(live_.size()); }
int admission_policy::queued() const { return static_cast<int>(queued_.size()); }
int admission_policy::slots_used() const { return static_cast<int>(stacks_.size()); }
int admission_policy::max_concurrency() const { return max_concurrency_; }

bool admission_policy::idle() const {
  return live_.empty() && queued_.empty() && agents_.empty() && stacks_.empty() && children_.empty() &&
         waits_.empty() && waiters_.empty();
}

} // namespace agent_dispatch
