#include "actors/config_editor.hpp"

#include <catch2/catch.hpp>

#include "config/lock.hpp"
#include "messages/limits.hpp"
#include "tests/actors/actor_world.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;

namespace {

struct editor_fixture {
  /// The answer to an order for which the lock is waited for so long.
  expected<saved_configuration> edit(agent_order order,
                                     std::chrono::steady_clock::duration patience = limits::shared_lock) {
    std::optional<expected<saved_configuration>> answer;
    const edit_agents message{std::move(order), std::chrono::steady_clock::now() + patience};
    const auto ask = [&](caf::event_based_actor* self) {
      self->request(editor, caf::infinite, message).then([&](const agents_edited& done) { answer = done.saved; });
    };
    world.keep(world.system().spawn(ask));
    world.settle();
    REQUIRE(answer);
    return *std::move(answer);
  }

  add_agent_order addition(const std::string& name, const std::string& directory) const {
    return {
        .name = name, .directory = directory, .form = {}, .home = home.path() / "home", .base = home.path() / "base"};
  }

  temporary_directory home;
  actor_world world;
  config_editor_actor editor = world.keep(world.system().spawn(config_editor, home.config()));
};

} // namespace

TEST_CASE_METHOD(editor_fixture, "an agent is added from where the caller is, updated and removed") {
  home.write("base/one/README.md", "One.");
  home.write("home/two/CLAUDE.md", "Does two things.");
  const auto first = edit(addition("one", "one"));
  REQUIRE(first);
  CHECK(first->value.agents.at(0).directory == home.path() / "base/one");
  const auto second = edit(addition("two", "~/two"));
  REQUIRE(second);
  CHECK(second->value.agents.at(1).directory == home.path() / "home/two");
  CHECK(second->value.agents.at(1).description == "Does two things.");
  agent_update update;
  update.timeout = 7;
  const auto third = edit(update_agent_order{{"one"}, update});
  REQUIRE(third);
  CHECK(third->value.agents.at(0).timeout == 7);
  const auto last = edit(remove_agent_order{{"one"}});
  REQUIRE(last);
  CHECK(last->value.agents.size() == 1);
  CHECK(load_configuration(home.config())->value == last->value);
}

TEST_CASE_METHOD(editor_fixture, "what cannot be edited is a fault, and the next order is carried out") {
  home.write("base/file", "");
  CHECK(edit(addition("one", "gone")).error().kind == fault_kind::invalid_argument);
  CHECK(edit(addition("a b", ".")).error().kind == fault_kind::invalid_argument);
  CHECK(edit(update_agent_order{{"one"}, {}}).error().kind == fault_kind::unknown_agent);
  CHECK(edit(remove_agent_order{{"one"}}).error().kind == fault_kind::unknown_agent);
  CHECK(edit(addition("one", ".")));
  CHECK(edit(addition("one", ".")).error().kind == fault_kind::invalid_argument);
}

TEST_CASE_METHOD(editor_fixture, "a lock is waited for only as long as the order has time") {
  home.write("base/file", "");
  const auto held = file_lock::acquire(home.path() / "agents.yaml.lock", std::chrono::milliseconds{0});
  REQUIRE(held);
  CHECK(edit(addition("one", "."), std::chrono::seconds{-60}).error().kind == fault_kind::lock_timeout);
  CHECK(edit(addition("one", "."), std::chrono::milliseconds{30}).error().kind == fault_kind::lock_timeout);
}
