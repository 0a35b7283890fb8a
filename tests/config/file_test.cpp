#include "config/file.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;

namespace {

/// Makes the file look as if it had been written an hour ago. Its ctime is now all the same.
void age(const std::filesystem::path& file) {
  const timespec times[2] = {{::time(nullptr) - 3600, 0}, {::time(nullptr) - 3600, 0}};
  REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times, 0) == 0);
}

/// Asks until the file is old enough for its time stamp to be trusted.
void settle(config_file& file) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  std::uint64_t before = 0;
  do {
    REQUIRE(std::chrono::steady_clock::now() < deadline);
    before = file.read_count();
    file.current();
  } while (file.read_count() != before);
}

const std::string one_agent = "agents: {a: {directory: /a}}\n";
const std::string other_agent = "agents: {b: {directory: /b}}\n";

} // namespace

TEST_CASE("An unchanged file is parsed once") {
  const temporary_directory home;
  home.write("agents.yaml", one_agent);
  config_file file{home.config()};
  const auto first = file.current();
  REQUIRE(first->value.agents.size() == 1);
  CHECK(first->generation == 1);
  for (int i = 0; i < 100; ++i)
    CHECK(file.current() == first);
  CHECK(file.parse_count() == 1);
}

TEST_CASE("A file that has settled is not even read again") {
  const temporary_directory home;
  home.write("agents.yaml", one_agent);
  config_file file{home.config()};
  settle(file);
  const auto before = file.read_count();
  for (int i = 0; i < 100; ++i)
    file.current();
  CHECK(file.read_count() == before);
}

TEST_CASE("Without reading it is told only what is known of a file that has settled") {
  const temporary_directory home;
  config_file file{home.config()};
  CHECK(file.if_unchanged() == nullptr);
  CHECK(file.current());
  CHECK(file.if_unchanged() == nullptr); // there is none; it may come at any time
  home.write("agents.yaml", one_agent);
  CHECK(file.if_unchanged() == nullptr);
  settle(file);
  const auto known = file.current();
  CHECK(file.if_unchanged() == known);
  home.write("agents.yaml", other_agent);
  CHECK(file.if_unchanged() == nullptr);
  CHECK(file.current()->value.agents.front().name.value == "b");
}

TEST_CASE("A file that has settled is read again when anything about it changes") {
  const temporary_directory home;
  home.write("agents.yaml", one_agent);
  config_file file{home.config()};
  settle(file);
  SECTION("an edit of the same size") { home.write("agents.yaml", other_agent); }
  SECTION("another file of the same size and time in its place") {
    home.write("other", other_agent);
    std::filesystem::last_write_time(home.path() / "other", std::filesystem::last_write_time(home.config().config));
    std::filesystem::rename(home.path() / "other", home.config().config);
  }
  SECTION("an edit that sets the old time again") {
    const auto time = std::filesystem::last_write_time(home.config().config);
    home.write("agents.yaml", other_agent);
    std::filesystem::last_write_time(home.config().config, time);
  }
  CHECK(file.current()->value.agents.at(0).name.value == "b");
}

TEST_CASE("A file that was just written is not trusted by its time stamp") {
  using clock = std::chrono::steady_clock;
  const temporary_directory home;
  config_file file{home.config()};
  const auto deadline = clock::now() + std::chrono::seconds{30};
  for (;;) {
    const auto start = clock::now();
    home.write("agents.yaml", one_agent);
    const auto before = file.read_count();
    file.current();
    file.current();
    if (clock::now() - start < std::chrono::milliseconds{80}) {
      CHECK(file.read_count() == before + 2);
      return;
    }
    REQUIRE(clock::now() < deadline);
  }
}

TEST_CASE("A new time stamp with the same text is no new parse") {
  const temporary_directory home;
  const auto path = home.write("agents.yaml", one_agent);
  config_file file{home.config()};
  const auto first = file.current();
  age(path);
  CHECK(file.current() == first);
  home.write("agents.yaml", one_agent);
  CHECK(file.current() == first);
  CHECK(file.parse_count() == 1);
}

TEST_CASE("An edit of the same size at the same moment is seen") {
  const temporary_directory home;
  config_file file{home.config()};
  for (int i = 0; i < 200; ++i) {
    home.write("agents.yaml", i % 2 == 0 ? one_agent : other_agent);
    REQUIRE(file.current()->value.agents.at(0).name.value == (i % 2 == 0 ? "a" : "b"));
  }
  CHECK(file.parse_count() == 200);
  CHECK(file.current()->generation == 200);
}

TEST_CASE("A file that is replaced, removed or made is seen") {
  const temporary_directory home;
  config_file file{home.config()};
  CHECK(file.current()->value.agents.empty());
  CHECK_FALSE(file.current()->fault);
  home.write("new", one_agent);
  std::filesystem::rename(home.path() / "new", home.config().config);
  CHECK(file.current()->value.agents.size() == 1);
  std::filesystem::remove(home.config().config);
  CHECK(file.current()->value.agents.empty());
  CHECK(file.current()->generation == 3);
}

TEST_CASE("A link that points elsewhere is seen") {
  const temporary_directory home;
  home.write("one", one_agent);
  home.write("other", other_agent);
  std::filesystem::create_symlink("one", home.config().config);
  config_file file{home.config()};
  CHECK(file.current()->value.agents.at(0).name.value == "a");
  std::filesystem::create_symlink("other", home.path() / "link");
  std::filesystem::rename(home.path() / "link", home.config().config);
  CHECK(file.current()->value.agents.at(0).name.value == "b");
}

TEST_CASE("A broken file has its fault and the last good value, and a mended one works at once") {
  const temporary_directory home;
  home.write("agents.yaml", one_agent + "settings: {max_concurrency: 2}\n");
  config_file file{home.config()};
  file.current();
  home.write("agents.yaml", "agents: [\n");
  const auto broken = file.current();
  REQUIRE(broken->fault);
  CHECK(broken->fault->kind == fault_kind::config_syntax);
  CHECK(broken->value.settings.max_concurrency == 2);
  CHECK(file.current() == broken);
  CHECK(file.parse_count() == 2);
  home.write("agents.yaml", other_agent);
  CHECK_FALSE(file.current()->fault);
  CHECK(file.current()->value.agents.at(0).name.value == "b");
}

TEST_CASE("A file that turns into a directory and back has its fault meanwhile") {
  const temporary_directory home;
  home.write("agents.yaml", one_agent);
  config_file file{home.config()};
  file.current();
  std::filesystem::remove(home.config().config);
  std::filesystem::create_directory(home.config().config);
  const auto broken = file.current();
  REQUIRE(broken->fault);
  CHECK(broken->fault->kind == fault_kind::config_unreadable);
  CHECK(file.current() == broken);
  std::filesystem::remove(home.config().config);
  home.write("agents.yaml", one_agent);
  CHECK_FALSE(file.current()->fault);
}

TEST_CASE("Warnings come with the value") {
  const temporary_directory home;
  home.write("agents.yaml", "agents: {a: {directory: /a, permission_mode: yolo}}\n");
  config_file file{home.config()};
  CHECK(file.current()->warnings.size() == 1);
}
