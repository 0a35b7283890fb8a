#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "actors/run/handover.hpp"
#include "actors/run/holder.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

struct handover_fixture {
  handover_fixture() {
    std::filesystem::create_directory(requests);
    write_file(requests / "one", "{}");
  }

  /// Starts a holder, which is ended with the test.
  pid_t hand_over(std::string_view content) {
    const auto held = agent_dispatch::hand_over(*program, socket, requests, content);
    INFO((held ? "" : held.error().message));
    REQUIRE(held);
    holders.push_back(*held);
    return *held;
  }

  ~handover_fixture() {
    for (const auto holder : holders) {
      ::kill(holder, SIGKILL);
      reap_keeper(holder);
    }
  }

  std::string take() const {
    const auto taken = take_handover(socket);
    return taken ? *taken : "failed: " + taken.error().message;
  }

  /// A connection.
  unique_fd visit() const {
    const unique_fd place{::open(directory.c_str(), O_PATH | O_CLOEXEC)};
    const auto path = "/proc/self/fd/" + std::to_string(place.get()) + "/handover";
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    unique_fd visitor{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(visitor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    return visitor;
  }

  /// One whose holder looks around again as soon as it is closed.
  unique_fd knock() const {
    auto visitor = visit();
    char first = 0;
    REQUIRE(::recv(visitor.get(), &first, 1, 0) == 1);
    return visitor;
  }

  holder_exit end_of(pid_t holder) {
    int status = 0;
    REQUIRE(::waitpid(holder, &status, 0) == holder);
    REQUIRE(WIFEXITED(status));
    holders.erase(std::find(holders.begin(), holders.end(), holder));
    return static_cast<holder_exit>(WEXITSTATUS(status));
  }

  expected<keeper_program> program = keeper_program::open(KEEPER_PROGRAM);
  temporary_directory home;
  // A path that no socket address has room for.
  std::filesystem::path directory = [this] {
    auto path = home / std::string(120, 'd');
    std::filesystem::create_directory(path);
    return path;
  }();
  std::filesystem::path socket = directory / "handover";
  std::filesystem::path requests = directory / "requests";
  std::vector<pid_t> holders; ///< not reaped
};

} // namespace

TEST_CASE_METHOD(handover_fixture, "What is handed over is held until it is taken, once") {
  const auto size = GENERATE(std::size_t{0}, std::size_t{5}, std::size_t{3} << 20);
  const std::string content(size, 'x');
  const auto holder = hand_over(content);
  CHECK((std::filesystem::status(socket).permissions() & std::filesystem::perms{077}) == std::filesystem::perms::none);
  CHECK(take() == content);
  CHECK(end_of(holder) == holder_exit::taken);
  CHECK_FALSE(std::filesystem::exists(socket));
  CHECK(take().empty());
}

TEST_CASE_METHOD(handover_fixture, "Of two handovers the second one is taken") {
  hand_over("first");
  const auto second = hand_over("second");
  CHECK(take() == "second");
  CHECK(end_of(second) == holder_exit::taken);
}

TEST_CASE_METHOD(handover_fixture, "A holder that was killed leaves a socket, which is said and removed") {
  const auto holder = hand_over("lost");
  ::kill(holder, SIGKILL);
  reap_keeper(holder);
  holders.clear();
  CHECK(take().rfind("failed: cannot connect to", 0) == 0);
  CHECK(take().empty());
}

TEST_CASE_METHOD(handover_fixture,
                 "A holder that is stopped is waited for only so long, also when others wait for it") {
  const auto holder = hand_over("held");
  ::kill(holder, SIGSTOP);
  // As many as the socket lets wait; after them a connect would wait as well.
  std::vector<unique_fd> visitors;
  for (int i = 0; i < 5; ++i)
    visitors.push_back(visit());
  CHECK(take().rfind("failed: ", 0) == 0);
  CHECK_FALSE(std::filesystem::exists(socket));
  CHECK(take().empty());
}

TEST_CASE_METHOD(handover_fixture, "A holder gives what it holds as often as nobody says that he has it") {
  const auto holder = hand_over("held");
  knock();
  CHECK(take() == "held");
  CHECK(end_of(holder) == holder_exit::taken);
}

TEST_CASE_METHOD(handover_fixture, "A holder ends when nothing waits any more for what it holds") {
  const auto holder = hand_over("held");
  auto visitor = knock();
  SECTION("no request") { std::filesystem::remove(requests / "one"); }
  SECTION("no directory of requests") { std::filesystem::remove_all(requests); }
  visitor.reset();
  CHECK(end_of(holder) == holder_exit::not_needed);
  CHECK_FALSE(std::filesystem::exists(socket));
}

TEST_CASE_METHOD(handover_fixture, "A holder whose socket is gone ends, and leaves alone what is in its place") {
  const bool replaced = GENERATE(true, false);
  const auto holder = hand_over("held");
  auto visitor = knock();
  std::filesystem::remove(socket);
  if (replaced)
    write_file(socket, "another's");
  visitor.reset();
  CHECK(end_of(holder) == holder_exit::not_needed);
  CHECK(std::filesystem::exists(socket) == replaced);
}
