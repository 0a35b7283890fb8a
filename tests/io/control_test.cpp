#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "actors/run/control.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

TEST_CASE("Commands are found whatever the cuts") {
  const std::string text = "cancel\nnonsense\nextend 2500\n\ncancel \nextend 0\nextend 1x\ncancel\n";
  const std::vector<control_command> wanted{
      {control_kind::cancel, {}}, {control_kind::extend, milliseconds{2500}}, {control_kind::cancel, {}}};
  for (std::size_t cut = 1; cut <= text.size(); ++cut) {
    control_reader reader;
    std::vector<control_command> found;
    for (std::size_t at = 0; at < text.size(); at += cut)
      for (const auto& command : reader.feed(std::string_view{text}.substr(at, cut)))
        found.push_back(command);
    CHECK(found == wanted);
  }
}

TEST_CASE("An overlong line is skipped whole, and the next one counts") {
  control_reader reader;
  CHECK(reader.feed(std::string(100'000, 'c') + "\n").empty());
  CHECK(reader.feed("cancel" + std::string(100, ' ') + "\n").empty());
  CHECK(reader.feed(std::string(64, 'x')).empty());
  CHECK(reader.feed("cancel\n").empty());
  CHECK(reader.feed("cancel\n").size() == 1);
}

TEST_CASE("An extension that would overflow a clock is no command") {
  control_reader reader;
  CHECK(reader.feed("extend 9223372036854775807\nextend 99999999999999999999\n").empty());
}

TEST_CASE("A command to a keeper that is gone is a fault and no SIGPIPE") {
  temporary_directory home;
  const auto path = home / "control";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  unique_fd reader{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  const unique_fd writer{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
  CHECK(send_cancel(writer.get()));
  CHECK(send_extend(writer.get(), seconds{5}));
  char bytes[64] = {};
  CHECK(::read(reader.get(), bytes, sizeof bytes) == 19);
  CHECK(std::string_view{bytes} == "cancel\nextend 5000\n");
  reader.reset();
  const auto sent = send_cancel(writer.get());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == fault_kind::lost);
}

TEST_CASE("A keeper that reads nothing makes a command fail and not wait") {
  temporary_directory home;
  const auto path = home / "control";
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  const unique_fd reader{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
  const unique_fd writer{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
  const std::string block(4096, '\n');
  while (::write(writer.get(), block.data(), block.size()) > 0) {
  }
  const auto sent = send_cancel(writer.get());
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == fault_kind::io);
}

TEST_CASE("An extension by nothing, backwards or by ages is refused") {
  CHECK_FALSE(send_extend(-1, milliseconds{0}));
  CHECK_FALSE(send_extend(-1, milliseconds{-5}));
  CHECK(send_extend(-1, std::chrono::hours{24 * 366}).error().kind == fault_kind::invalid_argument);
}
