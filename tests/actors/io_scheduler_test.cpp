#include <catch2/catch.hpp>

#include <atomic>
#include <future>

#include <asio/post.hpp>
#include <caf/all.hpp>

#include "actors/io/io_scheduler.hpp"

using namespace agent_dispatch;

namespace {

using namespace std::chrono_literals;

struct io_settings : caf::actor_system_config {
  explicit io_settings(io_thread& io) { io_scheduler::install(*this, io); }
};

/// An actor system on the I/O thread. Its end waits for its actors.
struct io_world {
  io_thread io;
  io_settings settings{io};
  caf::actor_system system{settings};

  std::thread::id thread() {
    std::promise<std::thread::id> told;
    asio::post(io.context(), [&] { told.set_value(std::this_thread::get_id()); });
    return told.get_future().get();
  }
};

/// Answers each number with the next one and the thread that it runs on, and ends with zero.
caf::behavior counter(caf::event_based_actor* self, std::promise<std::thread::id>* where) {
  return {[self, where](int number) {
    if (number == 0) {
      where->set_value(std::this_thread::get_id());
      self->quit();
    }
    return number + 1;
  }};
}

caf::behavior partner(caf::event_based_actor* self, const std::atomic<bool>* is_over) {
  return {[self, is_over](int number, const caf::actor& other) {
    if (*is_over) {
      self->send_exit(other, caf::exit_reason::user_shutdown);
      self->quit();
    } else {
      self->send(other, number + 1, caf::actor{self});
    }
  }};
}

} // namespace

TEST_CASE("actors run on the I/O thread, whoever sends to them") {
  io_world world;
  std::promise<std::thread::id> told;
  const auto actor = world.system.spawn(counter, &told);
  int answer = 0;
  caf::scoped_actor here{world.system};

  SECTION("a thread that is none of the system's") {
    here->request(actor, caf::infinite, 1).receive([&](int next) { answer = next; }, [](const caf::error&) {});
  }
  SECTION("a detached actor") {
    const auto asker = world.system.spawn<caf::detached>([actor](caf::event_based_actor* self) -> caf::behavior {
      return {[self, actor](int number) { return self->delegate(actor, number); }};
    });
    here->request(asker, caf::infinite, 1).receive([&](int next) { answer = next; }, [](const caf::error&) {});
  }
  SECTION("one of them, and later") {
    const auto asker = world.system.spawn([actor](caf::event_based_actor* self) -> caf::behavior {
      return {[self, actor](int number) {
        auto promise = self->make_response_promise<int>();
        self->request(actor, caf::infinite, number).then([promise](int next) mutable { promise.deliver(next); });
        self->delayed_send(actor, 1ms, number + 5);
        return promise;
      }};
    });
    here->request(asker, caf::infinite, 1).receive([&](int next) { answer = next; }, [](const caf::error&) {});
  }
  SECTION("the I/O thread") {
    const auto self = here.ptr();
    asio::post(world.io.context(), [actor, self] { caf::send_as(caf::actor_cast<caf::actor>(self), actor, 1); });
    here->receive([&](int next) { answer = next; });
  }
  caf::anon_send(actor, 0);
  CHECK(told.get_future().get() == world.thread());
  CHECK(answer == 2);
}

TEST_CASE("an actor whose mailbox never empties leaves the I/O thread its turns") {
  std::atomic<bool> is_over = false;
  io_world world;
  const auto actor = world.system.spawn([&is_over](caf::event_based_actor* self) -> caf::behavior {
    return {[self, &is_over](int number) {
      if (is_over)
        self->quit();
      else
        self->send(self, number);
    }};
  });
  caf::anon_send(actor, 1);
  asio::steady_timer timer{world.io.context(), 1ms};
  timer.async_wait([&](const asio::error_code&) { is_over = true; });
  world.system.await_all_actors_done();
  CHECK(is_over);
}

TEST_CASE("actors that never rest leave the I/O thread its turns") {
  std::atomic<bool> is_over = false;
  io_world world;
  const auto one = world.system.spawn(partner, &is_over);
  caf::anon_send(one, 1, world.system.spawn(partner, &is_over));
  asio::steady_timer timer{world.io.context(), 1ms};
  timer.async_wait([&](const asio::error_code&) { is_over = true; });
  world.system.await_all_actors_done();
  CHECK(is_over);
}

TEST_CASE("what is queued when the system ends is released") {
  const auto content = std::make_shared<int>(1);
  std::promise<void> go_on;
  {
    io_world world;
    asio::post(world.io.context(), [&go_on] { go_on.get_future().wait(); });
    const auto hidden = world.system.spawn<caf::hidden>(
        [content](caf::event_based_actor*) -> caf::behavior { return {[content](int) {}}; });
    caf::anon_send(hidden, 1);
    caf::anon_send(hidden, 2);
    go_on.set_value();
  }
  CHECK(content.use_count() == 1);
}
