#include <catch2/catch.hpp>

#include "actors/logic/composite.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;

namespace {

const request_key key{{"0e2a4d3c-1111-4222-8333-444455556666"}, 7};

std::shared_ptr<run_spec> spec_of(const std::string& agent, const std::string& task = "look") {
  auto spec = std::make_shared<run_spec>();
  spec->agent.name = {agent};
  spec->request = {.agent = {agent}, .task = task};
  spec->session = {"session of " + agent};
  return spec;
}

dispatch_result result_of(const std::string& agent, const std::string& text, double cost = 0.5) {
  dispatch_result result;
  result.agent = {agent};
  result.success = true;
  result.result = text;
  result.cost_usd = cost;
  result.duration_ms = 10;
  return result;
}

dispatch_answer said(const std::string& agent, const std::string& text) { return {result_of(agent, text)}; }

dispatch_answer failed(const std::string& agent, const std::string& error) {
  auto result = result_of(agent, "what there was");
  result.success = false;
  result.error = error;
  result.error_type = error_type::timeout;
  return {result};
}

dispatch_result too_deep(const std::string& agent) {
  dispatch_result refused;
  refused.agent = {agent};
  refused.error = "too deep";
  refused.error_type = error_type::recursion;
  return refused;
}

std::vector<std::string> names_of(const std::vector<due_part>& due) {
  std::vector<std::string> names;
  for (const auto& part : due)
    names.push_back(part.part);
  return names;
}

using parts = std::vector<std::string>;

std::unique_ptr<composite> make(composite_plan plan) {
  return make_composite(key, std::make_shared<const composite_plan>(std::move(plan)));
}

parallel_plan three_items() {
  parallel_plan plan;
  for (const auto* agent : {"a", "b", "c"})
    plan.items.push_back({.spec = spec_of(agent)});
  return plan;
}

dialogue_plan talk(int rounds) { return {spec_of("asks"), spec_of("knows"), "the topic", rounds}; }

} // namespace

// --- several at once
// ------------------------------------------------------------------------------------------------------------

TEST_CASE("All items of a parallel request are due at once, and it is done with the last") {
  const auto order = GENERATE(parts{"0", "1", "2"}, parts{"2", "0", "1"}, parts{"1", "2", "0"});
  auto all = make(three_items());
  CHECK(names_of(all->begin()) == parts{"0", "1", "2"});
  for (const auto& part : order) {
    CHECK_FALSE(all->result());
    CHECK(all->answered(part, said("x", "answer " + part)).empty());
  }
  const auto result = all->result();
  REQUIRE(result);
  REQUIRE(result->parallel);
  CHECK_FALSE(result->parallel->aggregated);
  REQUIRE(result->parallel->items.size() == 3);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(result->parallel->items[i].value->result == "answer " + std::to_string(i));
}

TEST_CASE("An item that is refused has its answer before anything runs") {
  auto plan = three_items();
  plan.items[1] = {.spec = nullptr, .refused = too_deep("b")};
  SECTION("one of them") {
    auto all = make(plan);
    CHECK(names_of(all->begin()) == parts{"0", "2"});
    all->answered("0", said("a", "x"));
    all->answered("2", said("c", "y"));
    CHECK(all->result()->parallel->items[1].value->error == "too deep");
  }
  SECTION("all of them") {
    plan.items[0] = plan.items[2] = plan.items[1];
    auto all = make(plan);
    CHECK(all->begin().empty());
    CHECK(all->result());
  }
}

TEST_CASE("A parallel request of which nothing can run has the form of any other") {
  const auto answer = refused_parallel({{.spec = nullptr, .refused = too_deep("a")}}, too_deep("sums up"));
  CHECK(answer.parallel->items.at(0).value->error == "too deep");
  CHECK(answer.parallel->aggregated->value->agent == agent_name{"sums up"});
  CHECK(answer.parallel->aggregated->value->error_type == error_type::recursion);
}

TEST_CASE("A dialogue one side of which is refused is a turn that failed") {
  const auto said = *refused_dialogue(dialogue_role::requester, too_deep("asks")).dialogue;
  CHECK_FALSE(said.resolved);
  CHECK(said.final_answer == "too deep");
  CHECK(said.total_cost_usd == 0);
  REQUIRE(said.conversation.size() == 1);
  CHECK(said.conversation[0].agent == agent_name{"asks"});
  CHECK(said.conversation[0].role == dialogue_role::requester);
  CHECK(said.conversation[0].round == 1);
  CHECK(said.conversation[0].message.empty());
  CHECK(said.conversation[0].error_type == error_type::recursion);
}

TEST_CASE("The aggregator is due after the last item, with what became of each") {
  auto plan = three_items();
  auto with_ref = spec_of("b");
  with_ref->ref = make_job_id();
  plan.items[1] = {.spec = with_ref, .refused = {}, .summary_chars = 4};
  plan.aggregator = spec_of("sums up", "make one of them");
  auto all = make(plan);
  all->begin();
  CHECK(all->answered("0", said("a", "fine")).empty());
  CHECK(all->answered("1", said("b", "long answer")).empty());
  const auto due = all->answered("2", failed("c", "it took too long"));
  REQUIRE(names_of(due) == parts{"agg"});
  CHECK_FALSE(all->result());
  CHECK(due[0].spec->key.value == key.text() + ".agg");
  CHECK(due[0].spec->request.task == "make one of them");
  const auto& context = due[0].spec->request.context;
  CHECK(context.find("## a: done\nfine") == 0);
  CHECK(context.find("\n\n## b: done, the first 4 characters\nlong\n\n") != std::string::npos);
  CHECK(context.find("## c: failed (timeout)\nit took too long") != std::string::npos);
  CHECK(all->answered("agg", said("sums up", "together")).empty());
  CHECK(all->result()->parallel->aggregated->value->result == "together");
}

TEST_CASE("A cancelled parallel request waits for its items and aggregates nothing") {
  auto plan = three_items();
  plan.aggregator = spec_of("sums up");
  auto all = make(plan);
  all->begin();
  all->answered("0", said("a", "x"));
  all->cancel();
  all->answered("1", failed("b", "cancelled"));
  CHECK_FALSE(all->result());
  CHECK(all->answered("2", failed("c", "cancelled")).empty());
  REQUIRE(all->result());
  CHECK_FALSE(all->result()->parallel->aggregated);
}

TEST_CASE("An item that could not be done at all is an item's answer") {
  auto plan = three_items();
  plan.aggregator = spec_of("sums up");
  auto all = make(plan);
  all->begin();
  all->answered("0", said("a", "x"));
  all->answered("1", {failure(fault_kind::lost, "gone")});
  const auto due = all->answered("2", said("c", "y"));
  REQUIRE(due.size() == 1);
  CHECK(due[0].spec->request.context.find("## b: failed (cli_error)\ngone") != std::string::npos);
}

// --- two that talk
// --------------------------------------------------------------------------------------------------------------

TEST_CASE("In a dialogue the responder begins, and each goes on in its own session") {
  auto both = make(talk(2));
  auto due = both->begin();
  REQUIRE(names_of(due) == parts{"t1"});
  CHECK(due[0].spec->agent.name.value == "knows");
  CHECK(due[0].spec->key.value == key.text() + ".t1");
  CHECK(due[0].spec->request.caller == "asks");
  CHECK(due[0].spec->request.goal == "the topic");
  CHECK(due[0].spec->request.task.find("the topic") != std::string::npos);
  CHECK_FALSE(due[0].spec->resumed);

  due = both->answered("t1", said("knows", "first"));
  REQUIRE(names_of(due) == parts{"t2"});
  CHECK(due[0].spec->agent.name.value == "asks");
  CHECK(due[0].spec->request.task.find("first") != std::string::npos);
  CHECK(due[0].spec->request.task.find("the topic") != std::string::npos); // it has not heard it yet
  CHECK_FALSE(due[0].spec->resumed);

  auto second = result_of("asks", "second");
  second.session = session_id{"another session"};
  due = both->answered("t2", {second});
  REQUIRE(names_of(due) == parts{"t3"});
  CHECK(due[0].spec->resumed);
  CHECK(due[0].spec->session.value == "session of knows");
  CHECK(due[0].spec->request.resume->value == "session of knows");
  CHECK(due[0].spec->request.task.find("the topic") == std::string::npos);

  due = both->answered("t3", said("knows", "third"));
  REQUIRE(names_of(due) == parts{"t4"});
  CHECK(due[0].spec->session.value == "another session");
  CHECK_FALSE(both->result());

  CHECK(both->answered("t4", said("asks", "last")).empty());
  const auto talk = both->result()->dialogue;
  REQUIRE(talk);
  CHECK_FALSE(talk->resolved);
  CHECK(talk->final_answer == "last");
  CHECK(talk->total_cost_usd == 2);
  CHECK(talk->total_duration_ms == 40);
  REQUIRE(talk->conversation.size() == 4);
  CHECK(talk->conversation[0].role == dialogue_role::responder);
  CHECK(talk->conversation[1].role == dialogue_role::requester);
  CHECK(talk->conversation[1].round == 1);
  CHECK(talk->conversation[2].round == 2);
}

TEST_CASE("The marker anywhere ends a dialogue, and is not part of the answer") {
  const auto message = GENERATE(as<std::string>{}, "[RESOLVED]", "so it is. [RESOLVED]", "[RESOLVED] so it is.",
                                "so [RESOLVED]it is.[RESOLVED]\n");
  auto both = make(talk(3));
  both->begin();
  CHECK(both->answered("t1", said("knows", message)).empty());
  const auto talk = both->result()->dialogue;
  CHECK(talk->resolved);
  CHECK(talk->final_answer == (message == "[RESOLVED]" ? "" : "so it is."));
  CHECK(talk->conversation[0].message == message);
}

TEST_CASE("A failed turn ends a dialogue with its error") {
  auto both = make(talk(3));
  both->begin();
  both->answered("t1", said("knows", "first"));
  SECTION("of the agent") {
    CHECK(both->answered("t2", failed("asks", "it broke [RESOLVED]")).empty());
    CHECK(both->result()->dialogue->final_answer == "it broke [RESOLVED]");
    CHECK(both->result()->dialogue->conversation[1].error_type == error_type::timeout);
  }
  SECTION("of ours") {
    CHECK(both->answered("t2", {failure(fault_kind::io, "no room")}).empty());
    CHECK(both->result()->dialogue->final_answer == "no room");
    CHECK(both->result()->dialogue->conversation[1].agent.value == "asks");
  }
  CHECK_FALSE(both->result()->dialogue->resolved);
}

TEST_CASE("A cancelled dialogue takes no further turn, whatever the last one says") {
  auto both = make(talk(3));
  both->begin();
  both->cancel();
  CHECK(both->answered("t1", said("knows", "still fine")).empty());
  CHECK(both->result()->dialogue->conversation.size() == 1);
}

TEST_CASE("Told the same again, a dialogue comes to the same place") {
  const auto play = [](composite& both) {
    std::vector<std::string> tasks{both.begin()[0].spec->request.task};
    for (const auto* text : {"one", "two", "three"})
      tasks.push_back(both.answered("t" + std::to_string(tasks.size()), said("x", text))[0].spec->request.task);
    return tasks;
  };
  const auto first = make(talk(5));
  const auto second = make(talk(5));
  CHECK(play(*first) == play(*second));
}

TEST_CASE("Markers are taken out of a message in one go, however many and wherever they meet") {
  auto both = make(talk(3));
  both->begin();
  std::string message;
  for (int i = 0; i < 300'000; ++i)
    message += "[RES[RESOLVED]OLVED]x";
  // A search from the front for each marker would take hours, and a test is ended long before.
  CHECK(both->answered("t1", said("knows", message)).empty());
  CHECK(both->result()->dialogue->final_answer == std::string(300'000, 'x'));
}

// --- what goes from one agent to another
// ------------------------------------------------------------------------------------------------------------

TEST_CASE("An aggregator is told as much as a caller may ask, and what was cut off") {
  auto plan = three_items();
  plan.aggregator = spec_of("sums up");
  auto all = make(plan);
  all->begin();
  all->answered("0", said("a", std::string(limits::prompt_bytes, 'a')));
  all->answered("1", failed("b", std::string(limits::prompt_bytes, 'b')));
  const auto due = all->answered("2", said("c", "all of it"));
  REQUIRE(due.size() == 1);
  const auto& context = due[0].spec->request.context;
  CHECK(context.size() < limits::prompt_bytes);
  CHECK(context.find("[cut off here: these are the first 3495253 of 10485771 bytes]\n\n") != std::string::npos);
  CHECK(context.ends_with("all of it"));
}

TEST_CASE("What an aggregator is told is whole when all of it fits") {
  auto plan = three_items();
  plan.aggregator = spec_of("sums up");
  auto all = make(plan);
  all->begin();
  const std::string most_of_it(limits::prompt_bytes - 1000, 'a');
  all->answered("0", said("a", most_of_it));
  all->answered("1", said("b", "short"));
  const auto due = all->answered("2", said("c", "short"));
  REQUIRE(due.size() == 1);
  CHECK(due[0].spec->request.context.find(most_of_it) != std::string::npos);
}

TEST_CASE("Whoever answers in a dialogue is told as much as a caller may ask, in whole characters") {
  auto both = make(talk(3));
  both->begin();
  std::string message = "x";
  while (message.size() <= limits::prompt_bytes)
    message += "\u00e9";
  const auto due = both->answered("t1", said("knows", message));
  REQUIRE(due.size() == 1);
  const auto& task = due[0].spec->request.task;
  CHECK(task.size() < limits::prompt_bytes + 1000);
  CHECK(task.find("\u00e9\n[cut off here: these are the first 10485759 of 10485761 bytes]") != std::string::npos);
}
