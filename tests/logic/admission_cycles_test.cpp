#include <string>

#include <catch2/catch.hpp>

#include "tests/logic/admission_script.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::admission_script;

TEST_CASE("A→B while B→A: the request that closes the cycle is let in and borrows, and both complete") {
  admission_policy policy(2);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1"));
  CHECK(granted(policy) == keys{"a1", "b1"});
  CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
  CHECK(after_enqueue(policy, ticket("a2", "b1")) == keys{"a2<b1!"});
  CHECK(after_release(policy, "a2").empty());
  CHECK(after_release(policy, "b1") == keys{"b2<a1"});
  CHECK(after_release(policy, "b2").empty());
  CHECK(after_release(policy, "a1").empty());
  CHECK(policy.idle());
}

TEST_CASE("a ring of five agents is broken at one place") {
  admission_policy policy(5);
  const keys ring{"a", "b", "c", "d", "e"};
  for (const auto& agent : ring)
    policy.enqueue(ticket(agent + "1"));
  CHECK(granted(policy).size() == 5);
  for (std::size_t at = 0; at + 1 < ring.size(); ++at)
    CHECK(after_enqueue(policy, ticket(ring[at + 1] + "2", ring[at] + "1")).empty());
  CHECK(after_enqueue(policy, ticket("a2", "e1")) == keys{"a2<e1!"});
  CHECK(after_release(policy, "a2").empty());
  CHECK(after_release(policy, "e1") == keys{"e2<d1"});
}

TEST_CASE("a cycle is found however it is closed") {
  admission_policy policy(2);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1"));
  granted(policy);
  SECTION("by a wait for a job that was queued before") {
    CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
    CHECK(after_enqueue(policy, job("a2", "b1")).empty());
    policy.add_wait({"b1"}, {"a2"});
    CHECK(granted(policy) == keys{"a2<b1!"});
  }
  SECTION("by a wait for another's job, whose waiter lends its slot") {
    CHECK(after_enqueue(policy, ticket("c1")).empty());
    policy.add_wait({"a1"}, {"c1"});
    CHECK(granted(policy).empty()); // b1 will end
    CHECK(after_enqueue(policy, ticket("a2", "b1")) == keys{"a2<b1!"});
    // a1 → c1 → a slot: a2 has b1's, and ends
    CHECK(after_release(policy, "a2").empty());
    CHECK(after_release(policy, "b1") == keys{"c1"});
  }
  SECTION("by the slots alone") {
    policy.enqueue(ticket("c1"));
    policy.enqueue(ticket("d1"));
    policy.add_wait({"a1"}, {"c1"});
    CHECK(granted(policy).empty());
    policy.add_wait({"b1"}, {"d1"});
    CHECK(granted(policy) == keys{"d1<b1"});
    CHECK(after_release(policy, "d1").empty());
    CHECK(after_release(policy, "b1") == keys{"c1"});
  }
}

TEST_CASE("a run that waits for a job queued behind others of its agent is no deadlock with one slot") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  granted(policy);
  policy.enqueue(ticket("b1"));
  policy.enqueue(ticket("b2"));
  CHECK(granted(policy).empty());
  policy.add_wait({"a1"}, {"b2"});
  CHECK(granted(policy) == keys{"b2<a1"});
  CHECK(after_release(policy, "b2").empty());
  CHECK(after_release(policy, "a1") == keys{"b1"});
}

TEST_CASE("with max_parallel over one, a seat that will come free is waited for") {
  admission_policy policy(3);
  policy.enqueue(ticket("a1", "", 2));
  policy.enqueue(ticket("a2", "", 2));
  policy.enqueue(ticket("b1"));
  granted(policy);
  CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
  CHECK(after_enqueue(policy, ticket("a3", "b1", 2)).empty()); // a2 will end
  SECTION("and taken") { CHECK(after_release(policy, "a2") == keys{"a3<b1"}); }
  SECTION("until none of them ends any more") {
    CHECK(after_enqueue(policy, ticket("b3", "a2")) == keys{"b3<a2!"});
    CHECK(after_release(policy, "b3").empty());
    CHECK(after_release(policy, "a2") == keys{"a3<b1"});
  }
}

TEST_CASE("a run that only waits behind a cycle is not let in past max_parallel") {
  admission_policy policy(4);
  for (auto* run : {"a1", "b1", "v1"})
    policy.enqueue(ticket(run));
  granted(policy);
  CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
  CHECK(after_enqueue(policy, ticket("a2", "v1")).empty());
  SECTION("when the cycle is broken elsewhere") {
    CHECK(after_enqueue(policy, ticket("a3", "b1")) == keys{"a3<b1!"});
    CHECK(policy.place({"a2"}));
  }
  SECTION("when it is one of live runs, which no grant ends") {
    policy.enqueue(ticket("c1"));
    granted(policy);
    policy.add_wait({"b1"}, {"c1"});
    policy.add_wait({"c1"}, {"b1"});
    CHECK(granted(policy).empty());
    policy.remove_wait({"c1"}, {"b1"});
    CHECK(granted(policy).empty());
    CHECK(after_release(policy, "c1").empty());
    CHECK(after_release(policy, "b1") == keys{"b2<a1"});
  }
}

TEST_CASE("of many that would have to be let in to the same agent, one at a time is") {
  admission_policy policy(9);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1"));
  granted(policy);
  CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
  for (auto* run : {"a2", "a3", "a4"})
    policy.enqueue(ticket(run, "b1"));
  CHECK(granted(policy) == keys{"a2<b1!"});
  CHECK(after_release(policy, "a2") == keys{"a3<b1!"});
  CHECK(after_release(policy, "a3") == keys{"a4<b1!"});
  CHECK(after_release(policy, "a4").empty());
  CHECK(after_release(policy, "b1") == keys{"b2<a1"});
}

TEST_CASE("one goes on top of a sibling that waits only when nothing else helps") {
  admission_policy policy(1);
  policy.enqueue(ticket("p1"));
  granted(policy);
  CHECK(after_enqueue(policy, job("j1", "p1")) == keys{"j1<p1"});
  CHECK(after_enqueue(policy, ticket("t1", "p1")).empty()); // j1 will end
  policy.add_wait({"j1"}, {"p1"});
  CHECK(granted(policy) == keys{"t1<p1"});
  CHECK(after_release(policy, "t1").empty());
  CHECK(after_release(policy, "p1").empty());
  CHECK(after_release(policy, "j1").empty());
  CHECK(policy.idle());
}

TEST_CASE("a cycle is broken at once where a slot can be lent, and else when one can") {
  admission_policy policy(2);
  policy.enqueue(ticket("a1"));
  policy.enqueue(ticket("b1"));
  granted(policy);
  CHECK(after_enqueue(policy, job("i1", "a1")) == keys{"i1<a1"});
  SECTION("at once") {
    CHECK(after_enqueue(policy, ticket("a2", "b1")).empty());
    CHECK(after_enqueue(policy, ticket("b2", "a1")) == keys{"a2<b1!"});
  }
  SECTION("when one can") {
    CHECK(after_enqueue(policy, job("j1", "b1")) == keys{"j1<b1"});
    CHECK(after_enqueue(policy, ticket("a2", "b1")).empty());
    CHECK(after_enqueue(policy, ticket("b2", "a1")).empty());
    CHECK(after_release(policy, "i1") == keys{"b2<a1!"});
  }
}

TEST_CASE("a wait counts as often as it was added, and ends with either side") {
  admission_policy policy(1);
  policy.enqueue(ticket("a1"));
  granted(policy);
  policy.enqueue(ticket("b1"));
  SECTION("added and removed in pairs") {
    policy.add_wait({"a1"}, {"b1"});
    policy.add_wait({"a1"}, {"b1"});
    policy.remove_wait({"a1"}, {"b1"});
    CHECK(granted(policy) == keys{"b1<a1"});
  }
  SECTION("removed before anything was granted") {
    policy.add_wait({"a1"}, {"b1"});
    policy.remove_wait({"a1"}, {"b1"});
    policy.remove_wait({"a1"}, {"b1"});
    CHECK(granted(policy).empty());
  }
  SECTION("the waiter ends") {
    policy.add_wait({"a1"}, {"b1"});
    CHECK(after_release(policy, "a1") == keys{"b1"});
    policy.remove_wait({"a1"}, {"b1"});
    CHECK(after_release(policy, "b1").empty());
    CHECK(policy.idle());
  }
  SECTION("the target is withdrawn") {
    policy.add_wait({"a1"}, {"b1"});
    CHECK(policy.withdraw({"b1"}) == withdrawal::was_queued);
    CHECK(after_release(policy, "a1").empty());
    CHECK(policy.idle());
  }
  SECTION("the target is not known yet") {
    policy.add_wait({"a1"}, {"c1"});
    CHECK(granted(policy).empty());
    CHECK(after_enqueue(policy, ticket("c1")) == keys{"c1<a1"});
  }
}
