#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "actors/logic/admission_policy.hpp"

using namespace agent_dispatch;

namespace {

enum class stage { queued, live, ended };

struct simulated_run {
  std::size_t agent = 0;
  int depth = 1;
  std::optional<std::size_t> parent;
  bool waits = true;
  stage at = stage::queued;
  std::size_t slot = 0;
  std::optional<std::size_t> through; ///< whose seat it may share, as of its start
  std::set<std::size_t> waited_for;   ///< by dispatch_wait: always runs younger than this one
};

/// What the world looks like: the runs, and per slot its live runs, bottom first.
struct world {
  int max_concurrency = 1;
  std::vector<int> max_parallel;
  std::vector<simulated_run> runs;
  std::map<std::size_t, std::vector<std::size_t>> stacks;

  bool is(std::size_t run, stage at) const { return runs[run].at == at; }

  int live_of(std::size_t agent) const {
    return static_cast<int>(std::count_if(runs.begin(), runs.end(), [&](const simulated_run& run) {
      return run.at == stage::live && run.agent == agent;
    }));
  }

  bool blocked(std::size_t run) const {
    for (auto target : runs[run].waited_for)
      if (!is(target, stage::ended))
        return true;
    for (const auto& child : runs)
      if (child.parent == run && child.waits && child.at != stage::ended)
        return true;
    return false;
  }

  bool lends(std::size_t run) const { return is(run, stage::live) && stacks.at(runs[run].slot).back() == run; }

  /// The nearest live ancestor of the same agent that waits for this run, over live runs.
  std::optional<std::size_t> lender_of_seat(std::size_t run) const {
    for (auto at = run; runs[at].waits && runs[at].parent && is(*runs[at].parent, stage::live);) {
      at = *runs[at].parent;
      if (runs[at].agent == runs[run].agent)
        return at;
    }
    return std::nullopt;
  }

  bool seat_by_ancestor(std::size_t run) const {
    const auto ancestor = lender_of_seat(run);
    if (!ancestor)
      return false;
    return std::none_of(runs.begin(), runs.end(), [&](const simulated_run& other) {
      return other.at == stage::live && other.through == ancestor;
    });
  }

  bool has_seat(std::size_t run) const {
    return live_of(runs[run].agent) < max_parallel[runs[run].agent] || seat_by_ancestor(run);
  }
  bool can_borrow(std::size_t run) const { return runs[run].parent && lends(*runs[run].parent); }
  bool has_slot(std::size_t run) const { return static_cast<int>(stacks.size()) < max_concurrency || can_borrow(run); }

  void end(std::size_t run) {
    if (is(run, stage::live)) {
      auto stack = stacks.find(runs[run].slot);
      std::erase(stack->second, run);
      if (stack->second.empty())
        stacks.erase(stack);
    }
    runs[run].at = stage::ended;
  }

  /// Whether a queued run gets its turn with nobody let in past a limit: all that can end does, again and again.
  bool gets_its_turn(std::size_t run) const {
    auto future = *this;
    for (bool changed = true; changed && future.is(run, stage::queued);) {
      changed = false;
      for (std::size_t at = 0; at < runs.size(); ++at) {
        if (future.is(at, stage::ended))
          continue;
        if (future.is(at, stage::live) ? future.blocked(at) : !(future.has_seat(at) && future.has_slot(at)))
          continue;
        future.end(at);
        changed = true;
      }
    }
    return !future.is(run, stage::queued);
  }
};

class simulation {
public:
  simulation(unsigned seed, int max_concurrency, std::size_t agents, int depth)
      : random_(seed), policy_(max_concurrency), depth_(depth) {
    now_.max_concurrency = max_concurrency;
    for (std::size_t at = 0; at < agents; ++at)
      now_.max_parallel.push_back(draw(4) == 0 ? 2 : 1);
  }

  void step() {
    switch (draw(20)) {
    case 0:
    case 1:
      dispatch(std::nullopt);
      break;
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 7:
    case 8:
    case 9:
      if (auto parent = some(stage::live); parent && now_.runs[*parent].depth < depth_)
        dispatch(parent);
      break;
    case 10:
      wait_for_a_job();
      break;
    case 11:
      if (draw(4) == 0)
        cancel();
      break;
    case 12:
      if (draw(10) == 0)
        policy_.set_max_concurrency(now_.max_concurrency = 1 + static_cast<int>(draw(3)));
      break;
    case 13:
      if (draw(10) == 0)
        restart();
      break;
    default:
      end_one();
    }
    settle();
  }

  /// Nothing new comes; what can end does, in a random order, until all has ended. False: a deadlock.
  bool finish() {
    while (policy_.live() + policy_.queued() > 0) {
      if (!end_one())
        return false;
      settle();
    }
    return true;
  }

  std::size_t queue_length() const { return static_cast<std::size_t>(policy_.queued()); }
  bool left_nothing() const { return policy_.idle(); }
  int let_in = 0;     ///< past max_parallel without an ancestor's seat
  int on_sibling = 0; ///< on top of a run that is not the lender

private:
  std::size_t draw(std::size_t below) { return std::uniform_int_distribution<std::size_t>(0, below - 1)(random_); }
  static run_key key(std::size_t run) { return {"r" + std::to_string(run)}; }

  std::optional<std::size_t> some(stage at) {
    std::vector<std::size_t> found;
    for (std::size_t run = 0; run < now_.runs.size(); ++run)
      if (now_.is(run, at))
        found.push_back(run);
    return found.empty() ? std::nullopt : std::optional(found[draw(found.size())]);
  }

  admission_ticket ticket(std::size_t run) const {
    const auto& made = now_.runs[run];
    return {.run = key(run),
            .agent = {std::string(1, static_cast<char>('a' + made.agent))},
            .max_parallel = now_.max_parallel[made.agent],
            .parent = made.parent ? std::optional(key(*made.parent)) : std::nullopt,
            .waits = made.waits};
  }

  void dispatch(std::optional<std::size_t> parent) {
    if (policy_.queued() > 30)
      return;
    auto& made = now_.runs.emplace_back();
    made.agent = draw(now_.max_parallel.size());
    made.parent = parent;
    made.waits = !parent || draw(4) != 0;
    made.depth = parent ? now_.runs[*parent].depth + 1 : 1;
    policy_.enqueue(ticket(now_.runs.size() - 1));
  }

  void wait_for_a_job() {
    const auto waiter = some(stage::live);
    const auto target = some(stage::queued);
    if (!waiter || !target || *waiter >= *target || !now_.runs[*waiter].waited_for.insert(*target).second)
      return;
    policy_.add_wait(key(*waiter), key(*target));
  }

  bool end_one() {
    std::vector<std::size_t> able;
    for (std::size_t run = 0; run < now_.runs.size(); ++run)
      if (now_.is(run, stage::live) && !now_.blocked(run))
        able.push_back(run);
    if (able.empty())
      return false;
    end(able[draw(able.size())]);
    return true;
  }

  void end(std::size_t run) {
    now_.end(run);
    policy_.release(key(run));
    for (std::size_t waiter = 0; waiter < now_.runs.size(); ++waiter)
      if (now_.runs[waiter].waited_for.erase(run) > 0 && draw(2) == 0)
        policy_.remove_wait(key(waiter), key(run));
  }

  /// Of a queued run: it leaves. Of a live one: what is queued below it leaves, and it ends, blocked or not.
  void cancel() {
    const auto run = some(draw(2) == 0 ? stage::queued : stage::live);
    if (!run)
      return;
    if (now_.is(*run, stage::queued)) {
      REQUIRE(policy_.withdraw(key(*run)) == withdrawal::was_queued);
      now_.end(*run);
      return;
    }
    for (const auto& below : policy_.queued_descendants(key(*run))) {
      const auto number = static_cast<std::size_t>(std::stoul(below.value.substr(1)));
      REQUIRE(now_.is(number, stage::queued));
      REQUIRE(now_.runs[number].waits);
      REQUIRE(policy_.withdraw(below) == withdrawal::was_queued);
      now_.end(number);
    }
    end(*run);
  }

  /// A new policy is given what a supervisor finds on disk: live runs in no order, then what was queued.
  void restart() {
    admission_policy next(now_.max_concurrency);
    std::vector<std::size_t> live;
    for (std::size_t run = 0; run < now_.runs.size(); ++run)
      if (now_.is(run, stage::live))
        live.push_back(run);
    std::shuffle(live.begin(), live.end(), random_);
    for (auto run : live)
      now_.runs[run].through = now_.lender_of_seat(run);
    for (auto run : live)
      next.adopt(ticket(run), now_.runs[run].slot == run ? std::nullopt : std::optional(key(now_.runs[run].slot)));
    for (std::size_t run = 0; run < now_.runs.size(); ++run) {
      if (now_.is(run, stage::queued))
        next.enqueue(ticket(run));
      for (auto target : now_.runs[run].waited_for)
        if (now_.is(run, stage::live))
          next.add_wait(key(run), key(target));
    }
    REQUIRE(next.slots_used() == policy_.slots_used());
    REQUIRE(next.live() == policy_.live());
    REQUIRE(next.queued() == policy_.queued());
    policy_ = next;
    for (const auto& [slot, stack] : now_.stacks)
      for (std::size_t at = 1; at < stack.size(); ++at)
        if (now_.runs[stack[at]].parent != stack[at - 1])
          guessed_.insert(slot);
  }

  void settle() {
    for (const auto& grant : policy_.grant())
      check(grant, static_cast<std::size_t>(std::stoul(grant.run.value.substr(1))));
    auto gone = [&](std::size_t slot) { return !now_.stacks.contains(slot); };
    std::erase_if(irregular_, gone);
    std::erase_if(guessed_, gone);
    check_figures();
  }

  void check(const admission_grant& grant, std::size_t run) {
    auto& started = now_.runs[run];
    REQUIRE(started.at == stage::queued);
    const bool over = now_.live_of(started.agent) >= now_.max_parallel[started.agent];
    REQUIRE(grant.past_max_parallel == over);
    bool forced = false;
    if (over && !now_.seat_by_ancestor(run)) {
      forced = true;
      ++let_in;
    }
    if (!grant.borrowed_from) {
      REQUIRE(static_cast<int>(now_.stacks.size()) < now_.max_concurrency);
      started.slot = run;
    } else {
      started.slot = static_cast<std::size_t>(std::stoul(grant.borrowed_from->value.substr(1)));
      REQUIRE(now_.stacks.contains(started.slot));
      if (!now_.can_borrow(run) || now_.runs[*started.parent].slot != started.slot) {
        forced = true;
        ++on_sibling;
        irregular_.insert(started.slot);
      }
    }
    // Only what would wait for ever is let in past a limit.
    if (forced && guessed_.empty())
      REQUIRE_FALSE(now_.gets_its_turn(run));
    started.through = now_.lender_of_seat(run);
    started.at = stage::live;
    now_.stacks[started.slot].push_back(run);
  }

  void check_figures() {
    REQUIRE(policy_.slots_used() == static_cast<int>(now_.stacks.size()));
    for (const auto& figures : policy_.agents())
      REQUIRE(figures.live == now_.live_of(static_cast<std::size_t>(figures.agent.value[0] - 'a')));
    for (const auto& [slot, stack] : now_.stacks)
      if (!irregular_.contains(slot))
        REQUIRE(static_cast<int>(stack.size()) <= depth_);
    for (std::size_t run = 0; run < now_.runs.size(); ++run)
      if (now_.is(run, stage::queued) && guessed_.empty())
        REQUIRE_FALSE((now_.can_borrow(run) && now_.has_seat(run)));
  }

  std::mt19937 random_;
  admission_policy policy_;
  world now_;
  int depth_;
  std::set<std::size_t> irregular_; ///< slots with a run that its parent, not at the top, did not lend it
  std::set<std::size_t> guessed_;   ///< slots whose order a restart could not know
};

} // namespace

TEST_CASE("random call trees always complete, within the limits, and leave nothing") {
  int let_in = 0;
  int on_sibling = 0;
  std::size_t longest = 0;
  for (unsigned seed = 1; seed <= 400; ++seed) {
    CAPTURE(seed);
    simulation world(seed, 1 + static_cast<int>(seed % 3), 2 + seed % 4, 3 + static_cast<int>(seed % 2));
    for (int step = 0; step < 200; ++step) {
      world.step();
      longest = std::max(longest, world.queue_length());
    }
    REQUIRE(world.finish());
    REQUIRE(world.left_nothing());
    let_in += world.let_in;
    on_sibling += world.on_sibling;
  }
  // The trees are of the kind that needs all this.
  CHECK(let_in > 100);
  CHECK(on_sibling > 10);
  CHECK(longest > 10);
}
