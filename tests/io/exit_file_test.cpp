#include <limits>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "actors/run/exit_file.hpp"
#include "actors/run/exit_reading.hpp"
#include "tests/io/run_fixture.hpp"

using namespace agent_dispatch;
using namespace agent_dispatch::test;

namespace {

exit_record full_record() {
  exit_record record;
  record.started = true;
  record.start_errno = std::numeric_limits<int>::max();
  record.start_step = "read the launch order";
  record.exit_code = 255;
  record.signal = 64;
  record.reason = end_reason::output_limit;
  record.output_at_signal = std::numeric_limits<std::uint64_t>::max();
  record.output_end = std::numeric_limits<std::uint64_t>::max();
  record.wall_ms = std::numeric_limits<std::int64_t>::max();
  record.disk_full = true;
  record.left_over = std::numeric_limits<int>::max();
  return record;
}

} // namespace

TEST_CASE("An exit record is read as it was written") {
  CHECK(parse_exit_record(exit_json(exit_record{})) == exit_record{});
  CHECK(parse_exit_record(exit_json(full_record())) == full_record());
  for (const auto reason : {end_reason::none, end_reason::deadline, end_reason::cancelled, end_reason::output_limit}) {
    exit_record record;
    record.reason = reason;
    CHECK(parse_exit_record(exit_json(record)) == record);
  }
}

TEST_CASE("The longest exit record fits into the space that is kept for it") {
  CHECK(exit_json(full_record()).size() < exit_file_bytes);
}

TEST_CASE("exit.json is there whole or not at all, and nothing else is left") {
  temporary_directory home;
  const unique_fd directory{::open(home.path().c_str(), O_RDONLY | O_CLOEXEC)};
  exit_file file;
  REQUIRE(reserve_exit_file(directory.get()) == 0);
  REQUIRE(file.open(directory.get()) == 0);
  auto read = read_exit_record(home.path());
  REQUIRE(read);
  CHECK_FALSE(*read);
  CHECK(file.publish(directory.get(), full_record()) == 0);
  CHECK(file.sync() == 0);
  read = read_exit_record(home.path());
  REQUIRE(read);
  CHECK(**read == full_record());
  CHECK_FALSE(std::filesystem::exists(home / "exit.json.part"));
  CHECK(std::filesystem::file_size(home / "exit.json") == exit_file_bytes);
}

TEST_CASE("A draft that is there already is not taken over") {
  temporary_directory home;
  write_file(home / "exit.json.part", "");
  const unique_fd directory{::open(home.path().c_str(), O_RDONLY | O_CLOEXEC)};
  CHECK(reserve_exit_file(directory.get()) == EEXIST);
}

TEST_CASE("A malformed exit.json is a fault that names the file") {
  temporary_directory home;
  const auto whole = exit_json(exit_record{});
  for (const std::string& content :
       {std::string{}, std::string{"{"}, std::string{"[]"}, std::string{"null"}, std::string{"\0\0\0\0", 4},
        std::string{"{}"}, std::string{"\xff\xfe"}, whole + "x", whole.substr(0, whole.size() - 1),
        std::string(1 << 20, ' ') + whole}) {
    INFO(content.substr(0, 100));
    write_file(home / "exit.json", content);
    const auto read = read_exit_record(home.path());
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == fault_kind::protocol);
    CHECK(read.error().message.find((home / "exit.json").string()) != std::string::npos);
  }
}

TEST_CASE("Each member of exit.json must be there, of its type and in its range") {
  const auto whole = nlohmann::json::parse(exit_json(full_record()));
  for (const auto& [key, value] : whole.items()) {
    INFO(key);
    auto damaged = whole;
    damaged.erase(key);
    const bool is_nullable = key == "exit_code" || key == "signal" || key == "output_at_signal";
    CHECK_FALSE(parse_exit_record(damaged.dump()));
    damaged[key] = nullptr;
    CHECK(parse_exit_record(damaged.dump()).has_value() == is_nullable);
    for (const auto& wrong : {nlohmann::json::array(), nlohmann::json::object(), nlohmann::json(1.5)}) {
      damaged[key] = wrong;
      CHECK_FALSE(parse_exit_record(damaged.dump()));
    }
    damaged[key] = value.is_string() ? nlohmann::json(1) : nlohmann::json("text");
    CHECK_FALSE(parse_exit_record(damaged.dump()));
  }
  for (const char* key : {"exit_code", "signal", "left_over", "start_errno"}) {
    auto damaged = whole;
    damaged[key] = 1'000'000'000'000;
    CHECK_FALSE(parse_exit_record(damaged.dump()));
  }
  auto damaged = whole;
  damaged["output_end"] = -1;
  CHECK_FALSE(parse_exit_record(damaged.dump()));
  damaged = whole;
  damaged["reason"] = "boredom";
  CHECK_FALSE(parse_exit_record(damaged.dump()));
}

TEST_CASE("An exit.json of a newer format is told apart from a malformed one") {
  auto json = nlohmann::json::parse(exit_json(exit_record{}));
  json["format"] = 2;
  const auto record = parse_exit_record(json.dump());
  REQUIRE_FALSE(record);
  CHECK(record.error().kind == fault_kind::version_mismatch);
}

TEST_CASE("An exit.json that is a symlink or a FIFO is a fault, and a missing directory is one too") {
  temporary_directory home;
  write_file(home / "real", exit_json(exit_record{}));
  std::filesystem::create_symlink(home / "real", home / "exit.json");
  CHECK_FALSE(read_exit_record(home.path()));
  CHECK_FALSE(read_exit_record(home / "missing"));
}
