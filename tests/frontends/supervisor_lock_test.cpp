#include "actors/storage/supervisor_lock.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <memory>
#include <vector>

#include "messages/version.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

const supervisor_entry usual{
    .socket = "/r/x.sock", .state = "/s", .config = {}, .version = program_version, .protocol = protocol_version};

supervisor_lock acquired(const fs::path& file) {
  auto lock = supervisor_lock::acquire(file);
  REQUIRE(lock);
  REQUIRE(lock->has_value());
  return std::move(**lock);
}

bool is_held_by_another(const fs::path& file) {
  const auto lock = supervisor_lock::acquire(file);
  REQUIRE(lock);
  return !lock->has_value();
}

/// A process that tries to have the lock, tells how that went, and keeps what it has until it is killed.
class other_supervisor {
public:
  /// `gate`: the end of a pipe; it starts to try when it has read a byte from there. -1: at once.
  explicit other_supervisor(const fs::path& file, int gate = -1) {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ == 0)
      live(file, gate, ends[1]);
    ::close(ends[1]);
    answers_ = unique_fd{ends[0]};
  }
  other_supervisor(const other_supervisor&) = delete;
  other_supervisor& operator=(const other_supervisor&) = delete;
  ~other_supervisor() { kill(); }

  bool has_it() {
    if (answer_ == 0)
      REQUIRE(::read(answers_.get(), &answer_, 1) == 1);
    REQUIRE(answer_ != 'e');
    return answer_ == 'y';
  }

  void kill() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(process_, nullptr, 0);
    }
    process_ = -1;
  }

private:
  [[noreturn]] static void live(const fs::path& file, int gate, int answers) {
    ::alarm(60); // never outlives a test that was itself killed
    char byte = 0;
    if (gate >= 0 && ::read(gate, &byte, 1) != 1)
      ::_exit(1);
    const auto lock = supervisor_lock::acquire(file);
    const char answer = !lock ? 'e' : lock->has_value() ? 'y' : 'n';
    if (::write(answers, &answer, 1) != 1)
      ::_exit(1);
    for (;;)
      ::pause();
  }

  pid_t process_ = -1;
  unique_fd answers_;
  char answer_ = 0;
};

} // namespace

TEST_CASE("A lock has one holder, in this process and in others") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  CHECK_FALSE(is_supervisor_alive(file));
  {
    const auto lock = acquired(file);
    CHECK(is_supervisor_alive(file));
    CHECK(is_held_by_another(file));
    CHECK_FALSE(other_supervisor{file}.has_it());
    CHECK(lock.is_still_ours());
  }
  CHECK_FALSE(is_supervisor_alive(file));
  CHECK(other_supervisor{file}.has_it());
}

TEST_CASE("Whether somebody else listens on the socket afterwards is told, and an entry without it says no") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  auto lock = acquired(file);
  supervisor_entry entry{.socket = "/r/s", .state = "/s", .config = {}, .version = "1", .is_activated = true};
  REQUIRE(lock.publish(entry));
  CHECK(read_supervisor_entry(file)->is_activated);
  entry.is_activated = false;
  REQUIRE(lock.publish(entry));
  CHECK_FALSE(read_supervisor_entry(file)->is_activated);
  std::ofstream{file} << R"({"socket": "/r/s", "state": "/s"})";
  CHECK_FALSE(read_supervisor_entry(file)->is_activated);
}

TEST_CASE("The lock's file is private and stays when its holder is gone") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  { const auto lock = acquired(file); }
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600);
}

TEST_CASE("A holder that is killed frees the lock") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  other_supervisor other{file};
  REQUIRE(other.has_it());
  CHECK(is_held_by_another(file));
  CHECK(is_supervisor_alive(file));
  other.kill();
  CHECK_FALSE(is_supervisor_alive(file));
  const auto lock = acquired(file);
  CHECK(lock.is_still_ours());
}

TEST_CASE("Of processes that want the lock at the same moment one has it") {
  for (int round = 0; round < 10; ++round) {
    const temporary_directory directory;
    const auto file = directory.path() / ".supervisor";
    std::array<int, 2> gate{};
    REQUIRE(::pipe2(gate.data(), O_CLOEXEC) == 0);
    std::vector<std::unique_ptr<other_supervisor>> all;
    for (int i = 0; i < 4; ++i)
      all.push_back(std::make_unique<other_supervisor>(file, gate[0]));
    REQUIRE(::write(gate[1], "abcd", all.size()) == 4);
    ::close(gate[1]);
    ::close(gate[0]);
    int holders = 0;
    for (const auto& one : all)
      holders += one->has_it() ? 1 : 0;
    CHECK(holders == 1);
  }
}

TEST_CASE("A holder sees that its file was deleted") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  const auto lock = acquired(file);
  fs::remove(file);
  CHECK_FALSE(lock.is_still_ours());
  CHECK_FALSE(is_supervisor_alive(file));
  const auto next = acquired(file);
  CHECK(next.is_still_ours());
  CHECK_FALSE(lock.is_still_ours());
}

TEST_CASE("A holder sees that its file was replaced, by a file or a link to itself") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  auto lock = acquired(file);
  REQUIRE(lock.publish(usual));
  fs::rename(directory.write("copy", directory.read(".supervisor")), file);
  CHECK_FALSE(lock.is_still_ours());

  const auto second = acquired(file);
  fs::rename(file, directory.path() / "moved");
  fs::create_symlink("moved", file);
  CHECK_FALSE(second.is_still_ours());
}

TEST_CASE("A lock that cannot be had at all is a fault that names its file") {
  const temporary_directory directory;
  fs::create_symlink("elsewhere", directory.path() / "link");
  fs::create_directory(directory.path() / "directory");
  for (const auto* name : {"link", "directory", "missing/file"}) {
    const auto lock = supervisor_lock::acquire(directory.path() / name);
    REQUIRE_FALSE(lock);
    CHECK(lock.error().kind == fault_kind::io);
    CHECK_THAT(lock.error().message, Catch::Matchers::Contains((directory.path() / name).native()));
  }
  CHECK_FALSE(fs::exists(directory.path() / "elsewhere"));
}

TEST_CASE("What is no file of this user is no lock: it is left alone, and the fault says how to move it away") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  const auto check_refused = [&] {
    const auto lock = supervisor_lock::acquire(file);
    REQUIRE_FALSE(lock);
    CHECK_THAT(lock.error().message, Catch::Matchers::EndsWith("mv " + file.native() + " " + file.native() + ".old"));
    CHECK_FALSE(is_supervisor_alive(file));
    CHECK_FALSE(read_supervisor_entry(file));
    fs::remove(file);
  };
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  check_refused();
  fs::create_directory(file);
  check_refused();
  fs::create_symlink("other", file);
  check_refused();
  if (::geteuid() != 0)
    return; // only root can give a file away
  directory.write(".supervisor", R"({"socket":"/x","state":"/s"})");
  REQUIRE(read_supervisor_entry(file));
  REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
  check_refused();
}

TEST_CASE("A lock file that has another name is not written to: a new one takes its place") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  directory.write("copy", "mine");
  fs::create_hard_link(directory.path() / "copy", file);
  auto lock = acquired(file);
  REQUIRE(lock.publish(usual));
  CHECK(lock.is_still_ours());
  CHECK(read_supervisor_entry(file)->socket == usual.socket);
  CHECK(directory.read("copy") == "mine");
}

TEST_CASE("A lock that is held is held, also when its file has another name") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  const auto lock = acquired(file);
  fs::create_hard_link(file, directory.path() / "copy");
  CHECK(is_held_by_another(file));
  CHECK(lock.is_still_ours());
}

TEST_CASE("What a supervisor publishes is read by others while it holds the lock, and after") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  auto read = [&] { return read_supervisor_entry(file); };
  CHECK_FALSE(read());
  {
    auto lock = acquired(file);
    CHECK_FALSE(read());
    auto longer = usual;
    longer.socket = "/" + std::string(3000, 'x');
    longer.version = "10.20.30-and-more";
    for (const auto& entry : {longer, usual}) {
      REQUIRE(lock.publish(entry));
      const auto found = read();
      REQUIRE(found);
      CHECK(found->socket == entry.socket);
      CHECK(found->state == entry.state);
      CHECK(found->version == entry.version);
      CHECK(found->protocol == entry.protocol);
    }
  }
  CHECK(read());
}

TEST_CASE("An entry that is half written is none") {
  const temporary_directory directory;
  const auto file = directory.path() / ".supervisor";
  {
    auto lock = acquired(file);
    REQUIRE(lock.publish(usual));
  }
  const auto whole = directory.read(".supervisor");
  const auto closing = whole.rfind('}');
  REQUIRE(closing != std::string::npos);
  for (std::size_t size = 0; size <= closing; ++size) {
    directory.write(".supervisor", whole.substr(0, size));
    CHECK_FALSE(read_supervisor_entry(file));
  }
  directory.write(".supervisor", whole);
  CHECK(read_supervisor_entry(file));
}

TEST_CASE("What is no entry is none") {
  const temporary_directory directory;
  for (const auto* text : {"[]", "null", "{}", R"({"socket":"/x"})", R"({"socket":"x","state":"/s"})",
                           R"({"socket":"/x","state":"s"})", R"({"socket":5,"state":"/s"})", "\xff\xfe"}) {
    CAPTURE(text);
    CHECK_FALSE(read_supervisor_entry(directory.write("entry", text)));
  }
  CHECK(read_supervisor_entry(directory.write("entry", R"({"socket":"/x","state":"/s"})"))->protocol == 0);
  fs::create_symlink("entry", directory.path() / "link");
  CHECK_FALSE(read_supervisor_entry(directory.path() / "link"));
  REQUIRE(::mkfifo((directory.path() / "fifo").c_str(), 0600) == 0);
  CHECK_FALSE(read_supervisor_entry(directory.path() / "fifo"));
}
