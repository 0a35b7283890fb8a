#include <catch2/catch.hpp>

#include "tests/actors/interleavings/supervisor_world.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::interleavings;

namespace {

/// Processes that each append their letter to one of several texts, some letters each.
class writers final : public explorable {
public:
  /// By process: the text it appends to, and how often.
  using plan = std::vector<std::pair<std::string, int>>;

  writers(plan what, std::multiset<std::string>& ends) : plan_{std::move(what)}, ends_{ends} {}

  std::vector<std::string> possible() override {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < plan_.size(); ++i)
      if (plan_[i].second > 0)
        names.emplace_back(1, static_cast<char>('a' + i));
    return names;
  }

  step take(const std::string& process) override {
    auto& [text, left] = plan_[static_cast<std::size_t>(process[0] - 'a')];
    --left;
    texts_[text] += process;
    return {.label = process + " writes", .touched = {text}};
  }

  std::optional<std::string> broken() override { return std::nullopt; }
  std::optional<std::string> broken_at_end() override {
    std::string end;
    for (const auto& [name, text] : texts_)
      end += name + "=" + text + " ";
    ends_.insert(end);
    return std::nullopt;
  }

private:
  plan plan_;
  std::map<std::string, std::string> texts_;
  std::multiset<std::string>& ends_;
};

std::multiset<std::string> ends_of(const writers::plan& what, reduction how) {
  std::multiset<std::string> ends;
  const auto found = explore([&] { return std::make_unique<writers>(what, ends); }, how);
  INFO(words(found, "writers"));
  CHECK_FALSE(found.problem);
  CHECK(found.runs == ends.size());
  return ends;
}

std::set<std::string> unique(const std::multiset<std::string>& ends) { return {ends.begin(), ends.end()}; }

} // namespace

TEST_CASE("all orders of steps that depend on each other are run, each once") {
  const auto ends = ends_of({{"x", 2}, {"x", 2}, {"x", 1}}, reduction::by_dependence);
  CHECK(ends.size() == 30); // 5! / (2! 2! 1!)
  CHECK(unique(ends).size() == 30);
}

TEST_CASE("of orders of steps that commute one is run") {
  CHECK(ends_of({{"x", 3}, {"y", 3}, {"z", 3}}, reduction::by_dependence).size() == 1);
  CHECK(ends_of({{"x", 1}, {"y", 1}, {"z", 1}}, reduction::none).size() == 6);
}

TEST_CASE("nothing is missed by leaving out what commutes") {
  const writers::plan mixed{{"x", 2}, {"y", 1}, {"x", 1}, {"y", 2}};
  const auto few = ends_of(mixed, reduction::by_dependence);
  const auto all = ends_of(mixed, reduction::none);
  CHECK(all.size() == 180); // 6! / (2! 2!)
  CHECK(few.size() == 9);   // 3 orders of x, 3 of y
  CHECK(unique(few) == unique(all));
}

namespace {

/// A job that runs and is cancelled by its id, under a supervisor that does something wrong.
struct wrong_world : supervisor_world {
  wrong_world(still_system& system, defect wrong) : supervisor_world{system, {.wrong = wrong}} {
    asks(front(1), call("alpha", call_kind::job));
    acknowledges(front(1));
    begin_when([this] { return lives(front(1).run()); });
    cancels_job_of(front(1));
  }
};

make_world with(defect wrong) {
  return [wrong](still_system& system) { return std::make_unique<wrong_world>(system, wrong); };
}

} // namespace

TEST_CASE("a slot that is given back before the keeper is gone is found") {
  const auto found = find_broken_order(with(defect::keeper_gone_early));
  CHECK(found.problem == "run front.1.0 has given back its seat and slot, and its keeper lives");
}

TEST_CASE("a terminal record that is written over is found") {
  const auto found = find_broken_order(with(defect::record_unguarded));
  CHECK(found.problem == "the record of a job goes from cancelled to done");
}

TEST_CASE("a second answer is found") {
  const auto found = find_broken_order([](still_system& system) {
    struct scenario : supervisor_world {
      explicit scenario(still_system& in) : supervisor_world{in, {.wrong = defect::answers_twice}} {
        asks(front(1), call());
      }
    };
    return std::make_unique<scenario>(system);
  });
  CHECK(found.problem == "request front.1 is answered once more than it was asked");
}

TEST_CASE("a broken order is told step by step and can be run again") {
  const auto found = find_broken_order(with(defect::record_unguarded));
  REQUIRE_FALSE(found.story.empty());
  const auto text = words(found, "a scenario");
  CHECK(text.find("the job of front.1 is cancelled\n") != std::string::npos);
  CHECK(text.find("AGENT_DISPATCH_ORDER=" + found.choices) != std::string::npos);
  still_system system;
  const auto make = with(defect::record_unguarded);
  const auto again = replay([&] { return make(system); }, found.choices);
  CHECK(again.problem == found.problem);
  CHECK(again.story == found.story);
}
