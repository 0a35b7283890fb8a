#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <map>

#include "actors/logic/job_machine.hpp"
#include "actors/run/unique_fd.hpp"
#include "messages/json.hpp"
#include "messages/socket_address.hpp"
#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

std::string text_of(const job_record& record) { return dump(to_json(record)); }

std::string with_member(const job_id& id, const std::string& name, const nlohmann::json& value) {
  auto json = nlohmann::json::parse(python_record(id, "pending"));
  json[name] = value;
  return json.dump();
}

/// Puts something that is no record at `file`, which is named as one.
using planting = std::function<void(const fs::path& file, const job_id& id)>;

planting text(std::function<std::string(const job_id&)> make) {
  return [make = std::move(make)](const fs::path& file, const job_id& id) { std::ofstream{file} << make(id); };
}

void plant_socket(const fs::path& file, const job_id&) {
  const unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const auto address = make_socket_address(file);
  REQUIRE(address);
  REQUIRE(::bind(socket.get(), address->get(), address->size()) == 0);
}

void plant_huge(const fs::path& file, const job_id& id) {
  std::ofstream{file} << python_record(id, "done");
  fs::resize_file(file, (64u << 20) + 1); // sparse
}

/// Every kind of damage there is, by what is said of it.
const std::vector<std::pair<std::string, planting>>& all_damage() {
  static const std::vector<std::pair<std::string, planting>> all{
      {"is not JSON", text([](const job_id&) { return ""; })},
      {"is not JSON", text([](const job_id& id) { return text_of(make_record(0)).substr(0, 60) + id.value; })},
      {"is not JSON", text([](const job_id& id) { return python_record(id, "done") + "}"; })},
      {"is not JSON", text([](const job_id& id) { return python_record(id, "do\xff"); })},
      {"is not a job's record", text([](const job_id&) { return "[1, 2]"; })},
      {"'status'", text([](const job_id& id) { return python_record(id, "resting"); })},
      {"'task'", text([](const job_id& id) { return with_member(id, "task", 5); })},
      {"'created_at'", text([](const job_id& id) { return with_member(id, "created_at", "today"); })},
      {"another job", text([](const job_id&) { return python_record({std::string(32, 'f')}, "done"); })},
      {"nested", text([](const job_id&) { return std::string(100'000, '['); })},
      {"nested", text([](const job_id&) { return std::string(50'000, '[') + std::string(50'000, ']'); })},
      {"64 MiB", plant_huge},
      {"symbolic link", [](const fs::path& file, const job_id&) { fs::create_symlink("target.txt", file); }},
      {"symbolic link", [](const fs::path& file, const job_id&) { fs::create_symlink(file.filename(), file); }},
      {"not a regular file", [](const fs::path& file, const job_id&) { REQUIRE(::mkfifo(file.c_str(), 0600) == 0); }},
      {"not a regular file", plant_socket},
      {"directory", [](const fs::path& file, const job_id&) { fs::create_directory(file); }},
  };
  return all;
}

/// What can be told of a file without opening it.
std::tuple<ino_t, mode_t, off_t, time_t> look(const fs::path& file) {
  struct stat status {};
  REQUIRE(::lstat(file.c_str(), &status) == 0);
  return {status.st_ino, status.st_mode, status.st_size, status.st_mtim.tv_sec};
}

} // namespace

TEST_CASE("What is damaged or no record at all is passed over, named, and left alone") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto good = make_record(0, job_status::done);
  write_record(files, good);
  // The target of a link is a good record: it must not be taken for one of this name.
  directory.write("target.txt", text_of(make_record(13, job_status::done)));
  std::map<std::string, std::string> wanted;
  unsigned number = 0;
  for (const auto& [why, plant] : all_damage()) {
    const auto id = numbered_id(++number);
    plant(files.path_of(id), id);
    wanted.emplace(id.value + ".json", why);
  }
  std::map<std::string, std::tuple<ino_t, mode_t, off_t, time_t>> before;
  for (const auto& [name, why] : wanted)
    before.emplace(name, look(directory.path() / name));

  const auto listed = files.list(std::nullopt, 100);
  REQUIRE(listed);
  REQUIRE(listed->records.size() == 1);
  CHECK(listed->records.front() == good);
  REQUIRE(listed->skipped.size() == wanted.size());
  for (const auto& skipped : listed->skipped) {
    CAPTURE(skipped.name);
    CHECK_THAT(skipped.why, Catch::Matchers::Contains(wanted.at(skipped.name)));
  }

  CHECK(files.unfinished()->skipped.size() == wanted.size());
  CHECK(files.recover_stale(test_now + 1e9)->records.empty());
  CHECK(files.gc(collect::all, {}, test_now)->purged == 1);
  for (const auto& [name, state] : before)
    CHECK(look(directory.path() / name) == state);
}

TEST_CASE("A damaged record that is asked for by its id is a fault, and no write replaces it") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  unsigned number = 0;
  for (const auto& [why, plant] : all_damage()) {
    const auto id = numbered_id(++number);
    CAPTURE(why, number);
    plant(files.path_of(id), id);
    const auto before = look(files.path_of(id));
    const auto read = files.read(id);
    REQUIRE_FALSE(read);
    CHECK(read.error().kind == fault_kind::protocol);
    CHECK_THAT(read.error().message,
               Catch::Matchers::Contains(files.path_of(id).native()) && Catch::Matchers::Contains(why));
    CHECK_FALSE(files.replace(make_record(number, job_status::done), durability::disk));
    CHECK_FALSE(files.create(make_record(number), durability::disk));
    const auto never = [](const job_record& record) -> expected<job_record> { return record; };
    CHECK_FALSE(files.update(id, never, durability::disk));
    CHECK(look(files.path_of(id)) == before);
  }
}

TEST_CASE("A record of another user is passed over, however good it is") {
  if (::geteuid() != 0)
    return; // only root can give a file away
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto record = make_record(1, job_status::done);
  write_record(files, record);
  REQUIRE(::chown(files.path_of(record.id).c_str(), 12345, 12345) == 0);
  const auto listed = files.list(std::nullopt, 100);
  REQUIRE(listed);
  CHECK(listed->records.empty());
  REQUIRE(listed->skipped.size() == 1);
  CHECK_THAT(listed->skipped.front().why, Catch::Matchers::Contains("another user (uid 12345)"));
  CHECK_FALSE(files.read(record.id));
}

TEST_CASE("Files that are not named like records are no records, and those that end like one are named") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto record = text_of(make_record(1));
  for (const auto* name : {".supervisor", ".hidden.json", "notes.txt", "0123.json.bak", ".job-x.tmp"})
    directory.write(name, record);
  const auto quiet = files.for_each([](const job_record&, double) { FAIL("there is no record"); });
  REQUIRE(quiet);
  CHECK(quiet->empty());
  directory.write("notes.json", record);
  directory.write(std::string(32, 'A') + ".json", record);
  directory.write("line\nbreak\xff.json", record);
  const auto skipped = files.for_each([](const job_record&, double) { FAIL("there is no record"); });
  REQUIRE(skipped);
  CHECK(skipped->size() == 3);
  for (const auto& file : *skipped) {
    CHECK(file.name.find('\n') == std::string::npos);
    CHECK(to_valid_utf8(file.name) == file.name);
  }
  CHECK(files.gc(collect::all, {}, test_now)->purged == 0);
}
