#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "tests/logic/admission_script.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::admission_script;

TEST_CASE("an agent runs no more than max_parallel runs, oldest first") {
  admission_policy policy(5);
  policy.enqueue(ticket("a1", "", 2));
  policy.enqueue(ticket("a2", "", 2));
  policy.enqueue(ticket("a3", "", 2));
  policy.enqueue(ticket("a4", "", 2));
  CHECK(granted(policy) == keys{"a1", "a2"});
  CHECK(granted(policy).empty());
  CHECK(after_release(policy, "a2") == keys{"a3"});
  CHECK(after_release(policy, "a1") == keys{"a4"});
}

TEST_CASE("all agents together run no more than max_concurrency runs") {
  admission_policy policy(2);
  for (auto* run : {"a1", "b1", "c1"})
    policy.enqueue(ticket(run));
  CHECK(granted(policy) == keys{"a1", "b1"});
  CHECK(policy.slots_used() == 2);
  CHECK(after_release(policy, "b1") == keys{"c1"});
}

TEST_CASE("a limit below one counts as one") {
  admission_policy policy(0);
  CHECK(policy.max_concurrency() == 1);
  CHECK(after_enqueue(policy, ticket("a1", "", 0)) == keys{"a1"});
  policy.set_max_concurrency(-3);
  CHECK(policy.max_concurrency() == 1);
}

// -- nesting ---------------------------------------------------------------------------------------------------------

TEST_CASE("A→B→A with one slot completes: each borrows, and the ancestor lends its seat") {
  admission_policy policy(1);
  CHECK(after_enqueue(policy, ticket("a1")) == keys{"a1"});
  CHECK(after_enqueue(policy, ticket("b1", "a1")) == keys{"b1<a1"});
  CHECK(after_enqueue(policy, ticket("a2", "b1")) == keys{"a2<a1!"});
  CHECK(policy.slots_used() == 1);
  CHECK(policy.live() == 3);
  CHECK(after_release(policy, "a2").empty());
  CHECK(after_release(policy, "b1").empty());
  CHECK(after_release(policy, "a1").empty());
  CHECK(policy.idle());
}

TEST_CASE("of several children one borrows and the others take free slots or queue") {
  admission_policy policy(2);
  granted(policy);
  policy.enqueue(ticket("p1"));
  granted(policy);
  for (auto* run : {"a1", "b1", "c1"})
    policy.enqueue(ticket(run, "p1"));
  CHECK(granted(policy) == keys{"a1<p1", "b1"});
  SECTION("the next borrows when the borrower has ended") { CHECK(after_release(policy, "a1") == keys{"c1<p1"}); }
  SECTION("the next takes the slot that came free first") { CHECK(after_release(policy, "b1") == keys{"c1"}); }
}

TEST_CASE("a slot is free only when its owner and the whole chain of borrowers have ended") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  granted(policy);
  policy.enqueue(job("b1", "a1"));
  granted(policy);
  policy.enqueue(ticket("c1", "b1"));
  granted(policy);
  policy.enqueue(ticket("x1"));
  SECTION("the owner first") {
    CHECK(after_release(policy, "a1").empty());
    CHECK(after_release(policy, "b1").empty());
    CHECK(policy.slots_used() == 1);
    CHECK(after_release(policy, "c1") == keys{"x1"});
  }
  SECTION("the owner last") {
    CHECK(after_release(policy, "c1").empty());
    CHECK(after_release(policy, "b1").empty());
    CHECK(after_release(policy, "a1") == keys{"x1"});
  }
  SECTION("a parent does not lend again while a job of its ended child is on the slot") {
    policy.enqueue(job("d1", "b1"));
    CHECK(after_release(policy, "c1") == keys{"d1<a1"});
    CHECK(after_release(policy, "b1").empty());
    CHECK(after_enqueue(policy, ticket("e1", "a1")).empty());
    CHECK(after_release(policy, "d1") == keys{"e1<a1"});
  }
}

TEST_CASE("a parent that is not live counts as none") {
  admission_policy policy(1);
  CHECK(after_enqueue(policy, ticket("a1", "gone")) == keys{"a1"});
  CHECK(after_enqueue(policy, ticket("a2", "gone")).empty());
  CHECK(after_release(policy, "a1") == keys{"a2"});
}

TEST_CASE("a queued child whose parent ends goes on as one without a parent") {
  admission_policy policy(1);
  policy.enqueue(ticket("p1"));
  granted(policy);
  policy.enqueue(ticket("a1", "p1"));
  policy.enqueue(ticket("b1", "p1"));
  CHECK(granted(policy) == keys{"a1<p1"});
  CHECK(after_release(policy, "p1").empty());
  CHECK(after_release(policy, "a1") == keys{"b1"});
  CHECK(after_release(policy, "b1").empty());
  CHECK(policy.idle());
}

TEST_CASE("an agent that dispatches to itself many times at once lends its seat to one at a time") {
  admission_policy policy(5);
  policy.enqueue(ticket("a1"));
  granted(policy);
  for (auto* run : {"a2", "a3", "a4"})
    policy.enqueue(ticket(run, "a1"));
  CHECK(granted(policy) == keys{"a2<a1!"});
  CHECK(after_enqueue(policy, ticket("a5", "a2")) == keys{"a5<a1!"});
  CHECK(after_release(policy, "a5").empty());
  CHECK(after_release(policy, "a2") == keys{"a3<a1!"});
}

TEST_CASE("a run without a slot in front does not hold up a nested one that can borrow") {
  admission_policy policy(1);
  policy.enqueue(ticket("p1"));
  granted(policy);
  policy.enqueue(ticket("a1"));
  CHECK(granted(policy).empty());
  CHECK(after_enqueue(policy, ticket("a2", "p1")) == keys{"a2<p1"});
  CHECK(after_release(policy, "a2").empty());
  CHECK(after_release(policy, "p1") == keys{"a1"});
}

TEST_CASE("siblings for two agents take turns on their parent's slot") {
  admission_policy policy(1);
  policy.enqueue(ticket("p1"));
  granted(policy);
  for (auto* run : {"a1", "a2", "a3", "b1", "b2"})
    policy.enqueue(ticket(run, "p1"));
  keys order = granted(policy);
  for (auto* run : {"a1", "b1", "a2", "b2"})
    for (auto& next : after_release(policy, run))
      order.push_back(next);
  CHECK(order == keys{"a1<p1", "b1<p1", "a2<p1", "b2<p1", "a3<p1"});
}

// -- nested jobs -----------------------------------------------------------------------------------------------------

TEST_CASE("a nested job takes a free slot, and borrows its live parent's when there is none") {
  admission_policy policy(2);
  policy.enqueue(ticket("p1"));
  granted(policy);
  CHECK(after_enqueue(policy, job("a1", "p1")) == keys{"a1"});
  CHECK(after_enqueue(policy, job("b1", "p1")) == keys{"b1<p1"});
  CHECK(after_enqueue(policy, job("c1", "p1")).empty());
  CHECK(reason(policy, "c1") == "1: all 2 slots are in use");
}

TEST_CASE("a nested job does not enter an agent that its parent occupies, until the parent waits for it") {
  admission_policy policy(3);
  policy.enqueue(ticket("a1"));
  granted(policy);
  CHECK(after_enqueue(policy, job("a2", "a1")).empty());
  SECTION("the parent ends") { CHECK(after_release(policy, "a1") == keys{"a2"}); }
  SECTION("the parent waits") {
    policy.add_wait({"a1"}, {"a2"});
    CHECK(granted(policy) == keys{"a2!"});
  }
  SECTION("a synchronous child below the job does not use the seat of the one above it either") {
    CHECK(after_enqueue(policy, job("b1", "a1")) == keys{"b1"});
    CHECK(after_enqueue(policy, ticket("a3", "b1")).empty());
    policy.add_wait({"a1"}, {"b1"});
    CHECK(granted(policy) == keys{"a3<b1!"});
  }
}

// -- fairness --------------------------------------------------------------------------------------------------------

TEST_CASE("agents take turns on a slot, however long the queue of one of them is") {
  admission_policy policy(1);
  for (auto* run : {"c1", "c2", "c3", "b1", "a1", "b2"})
    policy.enqueue(ticket(run, "", 5));
  keys order = granted(policy);
  while (policy.live() > 0)
    for (auto& next : after_release(policy, order.back()))
      order.push_back(next);
  CHECK(order == keys{"c1", "b1", "a1", "c2", "b2", "c3"});
}

TEST_CASE("within an agent the oldest goes first, whoever dispatched it") {
  admission_policy policy(3);
  for (auto* run : {"p1", "q1", "x1"})
    policy.enqueue(ticket(run));
  granted(policy);
  policy.enqueue(ticket("x2", "p1"));
  policy.enqueue(ticket("x3", "q1"));
  policy.enqueue(ticket("x4"));
  policy.enqueue(ticket("x5", "p1"));
  CHECK(after_release(policy, "x1") == keys{"x2<p1"});
  CHECK(after_release(policy, "x2") == keys{"x3<q1"});
  CHECK(after_release(policy, "x3") == keys{"x4"});
  CHECK(after_release(policy, "x4") == keys{"x5<p1"});
}

TEST_CASE("an agent whose queue was empty joins at the end of the turns") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  granted(policy);
  policy.enqueue(ticket("b1"));
  policy.enqueue(ticket("c1"));
  policy.enqueue(ticket("a2"));
  CHECK(after_release(policy, "a1") == keys{"b1"});
  policy.enqueue(ticket("b2"));
  CHECK(after_release(policy, "b1") == keys{"c1"});
  CHECK(after_release(policy, "c1") == keys{"a2"});
  CHECK(after_release(policy, "a2") == keys{"b2"});
}

TEST_CASE("a run that nested ones overtake for ever gets its turn") {
  // Two trees p1, p2, … whose children use the only seat of x by turns; a slot comes free only while x is busy.
  admission_policy policy(2);
  policy.enqueue(ticket("p1", "", 2));
  policy.enqueue(ticket("p2", "", 2));
  granted(policy);
  CHECK(after_enqueue(policy, ticket("x1", "p1")) == keys{"x1<p1"});
  policy.enqueue(ticket("x_top"));
  bool started = false;
  for (int round = 1; round < 20 && !started; ++round) {
    const auto next = std::to_string(round + 1);
    policy.enqueue(ticket("x" + next, "p" + next));
    policy.enqueue(ticket("p" + std::to_string(round + 2), "", 2));
    for (const auto& ended : {"x" + std::to_string(round), "p" + std::to_string(round)})
      for (const auto& run : after_release(policy, ended))
        started = started || run == "x_top";
  }
  CHECK(started);
}

// -- limits ----------------------------------------------------------------------------------------------------------

TEST_CASE("a changed max_concurrency counts for later grants and revokes nothing") {
  admission_policy policy(3);
  for (auto* run : {"a1", "b1", "c1", "d1"})
    policy.enqueue(ticket(run));
  granted(policy);
  SECTION("lowered") {
    policy.set_max_concurrency(1);
    CHECK(granted(policy).empty());
    CHECK(policy.slots_used() == 3);
    CHECK(after_release(policy, "a1").empty());
    CHECK(after_release(policy, "b1").empty());
    CHECK(reason(policy, "d1") == "1: the only slot is in use");
    CHECK(after_release(policy, "c1") == keys{"d1"});
  }
  SECTION("raised") {
    policy.set_max_concurrency(4);
    CHECK(granted(policy) == keys{"d1"});
  }
}

TEST_CASE("the last ticket's max_parallel counts") {
  admission_policy policy(5);
  policy.enqueue(ticket("a1", "", 1));
  policy.enqueue(ticket("a2", "", 1));
  CHECK(granted(policy) == keys{"a1"});
  SECTION("raised") { CHECK(after_enqueue(policy, ticket("a3", "", 3)) == keys{"a2", "a3"}); }
  SECTION("lowered") {
    CHECK(after_enqueue(policy, ticket("a3", "", 2)) == keys{"a2"});
    CHECK(after_enqueue(policy, ticket("a4", "", 1)).empty());
    CHECK(after_release(policy, "a1").empty());
    CHECK(after_release(policy, "a2") == keys{"a3"});
  }
}

// -- keys and their ends ---------------------------------------------------------------------------------------------

TEST_CASE("a key that is known is not taken twice") {
  admission_policy policy(3);
  policy.enqueue(ticket("a1", "", 3));
  policy.enqueue(ticket("a1", "", 3));
  CHECK(policy.queued() == 1);
  CHECK(granted(policy) == keys{"a1"});
  policy.enqueue(ticket("a1", "", 3));
  CHECK(policy.queued() == 0);
  CHECK(granted(policy).empty());
}

TEST_CASE("withdrawing and releasing work in both orders") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("a2"));
  SECTION("withdrawn before the grant") {
    CHECK(policy.withdraw({"a1"}) == withdrawal::was_queued);
    CHECK(granted(policy) == keys{"a2"});
    policy.release({"a1"});
    CHECK(policy.live() == 1);
  }
  SECTION("withdrawn after the grant: live until its release") {
    granted(policy);
    CHECK(policy.withdraw({"a1"}) == withdrawal::was_live);
    CHECK(granted(policy).empty());
    CHECK(policy.slots_used() == 1);
    CHECK(after_release(policy, "a1") == keys{"a2"});
  }
  SECTION("withdrawn after the release") {
    granted(policy);
    CHECK(after_release(policy, "a1") == keys{"a2"});
    CHECK(policy.withdraw({"a1"}) == withdrawal::unknown);
  }
  SECTION("released while queued: nothing happens") {
    granted(policy);
    policy.release({"a2"});
    CHECK(policy.queued() == 1);
  }
  SECTION("released twice: freed once") {
    granted(policy);
    CHECK(after_release(policy, "a1") == keys{"a2"});
    CHECK(after_release(policy, "a1").empty());
    CHECK(policy.slots_used() == 1);
  }
}

TEST_CASE("withdrawing the last queued run forgets the agent") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1", "gone"));
  CHECK(policy.withdraw({"a1"}) == withdrawal::was_queued);
  CHECK(policy.withdraw({"a1"}) == withdrawal::unknown);
  CHECK(policy.idle());
}

TEST_CASE("queued runs that a run waits for are found at any depth, its jobs are not") {
  admission_policy policy(1);
  policy.enqueue(ticket("p1"));
  granted(policy);
  policy.enqueue(ticket("a1", "p1"));
  granted(policy);
  policy.enqueue(ticket("b1", "p1"));
  policy.enqueue(job("c1", "p1"));
  policy.enqueue(ticket("d1", "a1"));
  policy.enqueue(ticket("e1", "a1"));
  CHECK(granted(policy) == keys{"d1<p1"});
  CHECK(names(policy.queued_descendants({"p1"})) == keys{"b1", "e1"});
  CHECK(names(policy.queued_descendants({"a1"})) == keys{"e1"});
  CHECK(policy.queued_descendants({"d1"}).empty());
  CHECK(policy.queued_descendants({"unknown"}).empty());
  SECTION("also after the run was released") {
    policy.release({"p1"});
    CHECK(names(policy.queued_descendants({"p1"})) == keys{"b1", "e1"});
  }
  SECTION("a job's own children are not its parent's to cancel") {
    policy.enqueue(job("j1", "d1"));
    CHECK(granted(policy) == keys{"j1<p1"});
    policy.enqueue(ticket("k1", "j1"));
    policy.enqueue(ticket("k2", "j1"));
    granted(policy);
    CHECK(policy.queued_descendants({"d1"}).empty());
    CHECK(names(policy.queued_descendants({"j1"})) == keys{"k2"});
  }
}

// -- restart ---------------------------------------------------------------------------------------------------------

TEST_CASE("live runs are adopted in any order, with their slots and seats") {
  admission_policy policy(1);
  const auto top = ticket("a1");
  const auto middle = ticket("b1", "a1");
  const auto inner = ticket("a2", "b1");
  SECTION("parents first") {
    policy.adopt(top, std::nullopt);
    policy.adopt(middle, run_key{"a1"});
    policy.adopt(inner, run_key{"a1"});
  }
  SECTION("children first") {
    policy.adopt(inner, run_key{"a1"});
    policy.adopt(middle, run_key{"a1"});
    policy.adopt(top, std::nullopt);
  }
  CHECK(granted(policy).empty());
  CHECK(policy.slots_used() == 1);
  CHECK(policy.live() == 3);
  CHECK(after_enqueue(policy, ticket("c1", "b1")).empty()); // b1 has lent its slot
  CHECK(policy.withdraw({"c1"}) == withdrawal::was_queued);
  CHECK(after_enqueue(policy, ticket("c2", "a2")) == keys{"c2<a1"}); // a2 has not
  CHECK(after_release(policy, "c2").empty());
  CHECK(after_enqueue(policy, ticket("a3", "b1")).empty()); // the seat is lent
  CHECK(after_release(policy, "a2") == keys{"a3<a1!"});
}

TEST_CASE("borrowers whose owner has ended are adopted on one slot") {
  admission_policy policy(2);
  policy.adopt(ticket("c1", "b1"), run_key{"gone"});
  policy.adopt(ticket("b1", "gone"), run_key{"gone"});
  CHECK(policy.slots_used() == 1);
  CHECK(after_enqueue(policy, ticket("d1", "b1")) == keys{"d1"}); // not b1's, which c1 is on
  CHECK(after_enqueue(policy, ticket("e1", "c1")) == keys{"e1<gone"});
}

TEST_CASE("adoption goes past the limits, and what is queued waits until they hold again") {
  admission_policy policy(1);
  policy.enqueue(ticket("a3"));
  policy.adopt(ticket("a1"), std::nullopt);
  policy.adopt(ticket("a2"), std::nullopt);
  policy.adopt(ticket("a2"), std::nullopt);
  CHECK(granted(policy).empty());
  CHECK(policy.slots_used() == 2);
  CHECK(reason(policy, "a3") == "1: agent 'a' is busy (2 of 1)");
  CHECK(after_release(policy, "a1").empty());
  CHECK(after_release(policy, "a2") == keys{"a3"});
}

TEST_CASE("a queued run that turns out to be live leaves the queue") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1", "p1"));
  policy.adopt(ticket("a1", "p1"), std::nullopt);
  CHECK(policy.queued() == 0);
  CHECK(granted(policy).empty());
  CHECK(after_release(policy, "a1").empty());
  CHECK(policy.idle());
}

TEST_CASE("a queued child finds its parent when that is adopted after it") {
  admission_policy policy(1);
  policy.enqueue(ticket("b1", "a1"));
  policy.adopt(ticket("a1"), std::nullopt);
  CHECK(granted(policy) == keys{"b1<a1"});
}

// -- questions -------------------------------------------------------------------------------------------------------

TEST_CASE("a queued run is told its place and why it waits") {
  admission_policy policy(5);
  for (auto* run : {"b1", "b2", "b3"})
    policy.enqueue(ticket(run));
  CHECK(reason(policy, "b1") == "1: about to start");
  CHECK(reason(policy, "b2") == "2: older requests to agent 'b' go first");
  granted(policy);
  CHECK(reason(policy, "b1") == "none");
  CHECK(reason(policy, "b2") == "1: agent 'b' is busy (1 of 1)");
  CHECK(reason(policy, "b3") == "2: agent 'b' is busy (1 of 1)");
  for (auto* run : {"a1", "c1", "d1", "e1", "f1"})
    policy.enqueue(ticket(run));
  granted(policy);
  CHECK(reason(policy, "f1") == "1: all 5 slots are in use");
  CHECK(reason(policy, "unknown") == "none");
}

TEST_CASE("the figures count live and queued runs per agent, by name") {
  admission_policy policy(1);
  for (auto* run : {"b1", "a1", "b2"})
    policy.enqueue(ticket(run));
  granted(policy);
  const auto figures = policy.agents();
  REQUIRE(figures.size() == 2);
  CHECK(figures[0].agent.value == "a");
  CHECK(figures[0].live == 0);
  CHECK(figures[0].queued == 1);
  CHECK(figures[1].agent.value == "b");
  CHECK(figures[1].live == 1);
  CHECK(figures[1].queued == 1);
  CHECK(policy.live() == 1);
  CHECK(policy.queued() == 2);
  CHECK_FALSE(policy.idle());
}

TEST_CASE("a policy is a value: a copy goes its own way") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  granted(policy);
  policy.enqueue(ticket("b1", "a1"));
  auto copy = policy;
  CHECK(granted(copy) == keys{"b1<a1"});
  CHECK(policy.queued() == 1);
  CHECK(granted(policy) == keys{"b1<a1"});
}

TEST_CASE("ten thousand queued runs are handed out without looking at all of them each time") {
  // Looking at each would be 10⁸ steps: minutes in an instrumented build, against well under a second.
  const auto nested = GENERATE(false, true);
  const auto begin = std::chrono::steady_clock::now();
  admission_policy policy(4);
  policy.enqueue(ticket("p1"));
  granted(policy);
  constexpr int count = 10'000;
  std::vector<run_key> live;
  auto take = [&] {
    for (auto& grant : policy.grant())
      live.push_back(grant.run);
  };
  for (int at = 0; at < count; ++at) {
    policy.enqueue(ticket(std::string(1, static_cast<char>('a' + at % 5)) + std::to_string(at), nested ? "p1" : ""));
    take();
  }
  int ended = 0;
  for (; !live.empty(); ++ended) {
    policy.release(live.back());
    live.pop_back();
    take();
  }
  CHECK(ended == count);
  CHECK(after_release(policy, "p1").empty());
  CHECK(policy.idle());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(20));
}

TEST_CASE("a run depends on what it waits for, on what that waits for, and on itself") {
  admission_policy policy(5);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1", "a1"));
  policy.enqueue(ticket("c1", "b1"));
  policy.enqueue(ticket("d1"));
  auto job = ticket("e1", "c1");
  job.waits = false;
  policy.enqueue(job);
  CHECK(granted(policy).size() == 5);
  const auto depends = [&policy](const char* run, const char* other) { return policy.depends({run}, {other}); };
  CHECK(depends("a1", "a1"));
  CHECK(depends("a1", "c1"));
  CHECK_FALSE(depends("c1", "a1"));
  CHECK_FALSE(depends("c1", "e1")); // nobody waits for a job just because it is nested
  CHECK_FALSE(depends("a1", "d1"));
  CHECK_FALSE(depends("unknown", "a1"));
  policy.add_wait({"c1"}, {"d1"});
  CHECK(depends("a1", "d1"));
  CHECK_FALSE(depends("d1", "a1"));
  policy.add_wait({"d1"}, {"a1"}); // a circle ends the search too
  CHECK(depends("d1", "c1"));
  CHECK_FALSE(depends("d1", "e1"));
  policy.remove_wait({"c1"}, {"d1"});
  CHECK_FALSE(depends("a1", "d1"));
}

TEST_CASE("a queued run depends on nothing that holds it up") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1"));
  CHECK(granted(policy) == keys{"a1"});
  CHECK_FALSE(policy.depends({"b1"}, {"a1"}));
}

TEST_CASE("nobody may wait for what it is nested in, as a job or not, or for who waits for that") {
  admission_policy policy(5);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("m1", "a1"));
  auto job = ticket("b1", "m1");
  job.waits = false;
  policy.enqueue(job);
  CHECK(granted(policy).size() == 3);
  policy.enqueue(ticket("p1"));
  policy.enqueue(ticket("o1"));
  CHECK(granted(policy).size() == 2);
  const auto refused = [&policy](const char* waiter, const char* target) {
    return policy.would_wait_for_itself({waiter}, {target});
  };
  CHECK(refused("b1", "b1"));
  CHECK(refused("b1", "a1"));
  CHECK_FALSE(refused("b1", "o1"));
  CHECK_FALSE(refused("a1", "b1"));
  SECTION("also when what is between them has ended") {
    policy.release({"m1"});
    CHECK(refused("b1", "a1"));
  }
  SECTION("also when another one waits for what it is nested in") {
    policy.add_wait({"p1"}, {"a1"});
    CHECK(refused("b1", "p1"));
    CHECK_FALSE(refused("b1", "o1"));
  }
}

TEST_CASE("a run that is left to others neither borrows nor is waited for") {
  admission_policy policy(1);
  CHECK(after_enqueue(policy, ticket("a1")) == keys{"a1"});
  policy.enqueue(ticket("b1", "a1"));
  SECTION("queued") {
    policy.leave_parent({"b1"});
    CHECK(granted(policy).empty());
    CHECK_FALSE(policy.depends({"a1"}, {"b1"}));
    CHECK(policy.queued_descendants({"a1"}).empty());
    CHECK(after_release(policy, "a1") == keys{"b1"});
  }
  SECTION("live: it keeps the slot that it has") {
    CHECK(granted(policy) == keys{"b1<a1"});
    policy.leave_parent({"b1"});
    CHECK_FALSE(policy.depends({"a1"}, {"b1"}));
    CHECK(policy.slots_used() == 1);
    CHECK(after_release(policy, "a1").empty());
  }
  CHECK(after_release(policy, "b1").empty());
  CHECK(policy.idle());
}

TEST_CASE("what a cancelled run waits for is named with it, but no job") {
  admission_policy policy(1);
  CHECK(after_enqueue(policy, ticket("a1")) == keys{"a1"});
  policy.enqueue(ticket("b1"));
  auto job = ticket("j1");
  job.waits = false;
  policy.enqueue(job);
  policy.add_wait({"a1"}, {"b1"});
  policy.add_wait({"a1"}, {"j1"});
  CHECK(policy.queued_descendants({"a1"}) == std::vector<run_key>{{"b1"}});
}
