#include "actors/storage/job_files.hpp"

#include <catch2/catch.hpp>

#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <future>

#include "actors/logic/job_machine.hpp"
#include "actors/run/unique_fd.hpp"
#include "actors/storage/job_index.hpp"
#include "actors/storage/job_search.hpp"
#include "messages/json.hpp"
#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

/// Sees which names of a directory are opened by anybody.
class open_counter {
public:
  explicit open_counter(const fs::path& directory) {
    REQUIRE(inotify_);
    REQUIRE(::inotify_add_watch(inotify_.get(), directory.c_str(), IN_OPEN) >= 0);
  }

  std::size_t count() {
    std::array<char, 64u << 10> buffer{};
    const auto size = ::read(inotify_.get(), buffer.data(), buffer.size());
    std::size_t count = 0;
    for (ssize_t at = 0; at < size; ++count) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      at += static_cast<ssize_t>(sizeof event + event.len);
    }
    return count;
  }

private:
  unique_fd inotify_{::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)};
};

mode_t mode_of(const fs::path& path) {
  struct stat status {};
  REQUIRE(::lstat(path.c_str(), &status) == 0);
  return status.st_mode & 07777U;
}

/// No file of this process may grow over `bytes`: what a full disk does to a write.
class file_size_limit {
public:
  explicit file_size_limit(rlim_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, SIG_DFL);
  }

private:
  rlimit before_{};
};

} // namespace

TEST_CASE("A record is read as it was written, whole and private") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  for (const auto safety : {durability::page_cache, durability::disk}) {
    auto record = make_record(safety == durability::disk ? 1 : 2, job_status::done);
    record.result = make_result(true);
    record.progress = {"\xc3\xa4", "b"};
    REQUIRE(files.create(record, safety));
    CHECK(stored(files, record.id) == record);
    CHECK(mode_of(files.path_of(record.id)) == 0600);
  }
  CHECK(names_in(directory.path()).size() == 3); // and the lock
}

TEST_CASE("A record that is not there is absent, and so is what is no id") {
  const temporary_directory directory;
  const job_files files{directory.path() / "missing", our_mark};
  for (const auto& id : {numbered_id(1), job_id{"../jobs"}}) {
    const auto record = files.read(id);
    REQUIRE(record);
    CHECK_FALSE(record->has_value());
  }
  CHECK(files.list(std::nullopt, 10)->records.empty());
  CHECK(files.find_by_prefix("0", 10)->empty());
  CHECK(files.gc(collect::all, {}, test_now)->purged == 0);
  CHECK(files.touch(numbered_id(1)) == false);
  CHECK(files.remove_leftovers() == std::size_t{0});
  CHECK_FALSE(fs::exists(directory.path() / "missing"));
}

TEST_CASE("A missing directory is made when a record is written") {
  const temporary_directory directory;
  const job_files files{directory.path() / "a" / "jobs", our_mark};
  write_record(files, make_record(1));
  CHECK(mode_of(files.directory()) == 0700);
  fs::remove_all(directory.path() / "a");
  const auto changed = files.replace(make_record(1, job_status::running), durability::disk);
  REQUIRE(changed);
  CHECK(changed->outcome == change_outcome::written);
  CHECK(stored(files, numbered_id(1)).status == job_status::running);
}

TEST_CASE("A job is created once") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(1));
  const auto again = files.create(make_record(1, job_status::running), durability::disk);
  REQUIRE_FALSE(again);
  CHECK(again.error().kind == fault_kind::invalid_argument);
  CHECK(stored(files, numbered_id(1)) == make_record(1));
  CHECK_FALSE(files.create(job_record{.id = {"../x"}}, durability::disk));
}

TEST_CASE("A cancel that comes first stands, and the late result only adds what it cost") {
  const temporary_directory directory;
  const job_files runner{directory.path(), our_mark};
  const job_files canceller{directory.path(), our_mark};
  const auto running = make_record(1, job_status::running);
  write_record(runner, running);
  const auto cancelled = *job_machine::cancel(running, test_now, "cancelled");
  REQUIRE(canceller.replace(cancelled, durability::disk)->outcome == change_outcome::written);

  const auto late = runner.replace(*job_machine::finish(running, make_result(true), test_now + 1), durability::disk);
  REQUIRE(late);
  CHECK(late->outcome == change_outcome::kept_terminal);
  CHECK(late->record == cancelled);
  CHECK(stored(runner, running.id) == cancelled);

  const auto settled = *job_machine::settle_cancelled(cancelled, make_result(false));
  CHECK(runner.replace(settled, durability::disk)->outcome == change_outcome::written);
  CHECK(stored(runner, running.id) == settled);
}

TEST_CASE("A result that comes first stands, whatever cancel follows") {
  const temporary_directory directory;
  const job_files runner{directory.path(), our_mark};
  const job_files canceller{directory.path(), our_mark};
  const auto running = make_record(1, job_status::running);
  write_record(runner, running);
  const auto done = *job_machine::finish(running, make_result(true), test_now);
  REQUIRE(runner.replace(done, durability::disk)->outcome == change_outcome::written);
  const auto late = canceller.replace(*job_machine::cancel(running, test_now + 1, "cancelled"), durability::disk);
  REQUIRE(late);
  CHECK(late->outcome == change_outcome::kept_terminal);
  CHECK(late->record == done);
  CHECK(stored(runner, running.id) == done);
}

TEST_CASE("Nothing changes a terminal record on disk but the settlement of a cancelled one of ours") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  constexpr std::array states{job_status::pending, job_status::running, job_status::done, job_status::failed,
                              job_status::cancelled};
  unsigned number = 0;
  for (const auto on_disk : {job_status::done, job_status::failed, job_status::cancelled})
    for (const auto next : states)
      for (const bool with_result : {false, true}) {
        CAPTURE(to_string(on_disk), to_string(next), with_result);
        const auto before = make_record(++number, on_disk);
        write_record(files, before);
        auto record = make_record(number, next);
        record.error = "another";
        if (with_result)
          record.result = make_result(true);
        const auto changed = files.replace(record, durability::page_cache);
        REQUIRE(changed);
        auto wanted = before;
        const bool settles = on_disk == job_status::cancelled && next == job_status::cancelled && with_result;
        if (settles)
          wanted.result = make_result(true);
        CHECK(changed->outcome == (settles ? change_outcome::written : change_outcome::kept_terminal));
        CHECK(changed->record == wanted);
        CHECK(stored(files, before.id) == wanted);
      }
}

TEST_CASE("A cancelled record of another program is not settled, nor one that has its result, nor one that is gone") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  auto foreign = make_record(1, job_status::cancelled);
  foreign.owner.clear();
  write_record(files, foreign);
  foreign.result = make_result(true);
  CHECK(files.replace(foreign, durability::disk)->outcome == change_outcome::kept_terminal);
  CHECK_FALSE(stored(files, foreign.id).result);

  auto settled = make_record(2, job_status::cancelled);
  settled.result = make_result(false);
  write_record(files, settled);
  auto again = settled;
  again.result = make_result(true);
  CHECK(files.replace(again, durability::disk)->outcome == change_outcome::kept_terminal);
  CHECK(stored(files, settled.id) == settled);

  auto collected = make_record(3, job_status::cancelled);
  collected.result = make_result(true);
  CHECK(files.replace(collected, durability::disk)->outcome == change_outcome::gone);
  CHECK_FALSE(fs::exists(files.path_of(collected.id)));
}

TEST_CASE("The result of a job whose record has vanished is kept all the same") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto done = *job_machine::finish(make_record(1, job_status::running), make_result(true), test_now);
  CHECK(files.replace(done, durability::disk)->outcome == change_outcome::written);
  CHECK(stored(files, done.id) == done);
}

TEST_CASE("Members that another program added while a job ran are kept") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  auto rewritten = make_record(1, job_status::running);
  rewritten.owner.clear();
  rewritten.unknown["seen"] = true;
  rewritten.unknown["both"] = "theirs";
  write_record(files, rewritten);
  auto ours = make_record(1, job_status::running);
  ours.unknown["both"] = "ours";
  REQUIRE(files.replace(ours, durability::disk));
  const auto record = stored(files, ours.id);
  CHECK(record.unknown == nlohmann::json{{"seen", true}, {"both", "ours"}});
  CHECK(record.owner == our_mark);
}

TEST_CASE("A change is made from what is on disk, and only of what is not terminal") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(1));
  const auto start = [](const job_record& on_disk) { return job_machine::start(on_disk, test_now); };
  const auto started = files.update(numbered_id(1), start, durability::disk);
  REQUIRE(started);
  CHECK(started->outcome == change_outcome::written);
  CHECK(stored(files, numbered_id(1)).status == job_status::running);
  CHECK_FALSE(files.update(numbered_id(1), start, durability::disk)); // the machine's refusal is handed on
  CHECK(files.update(numbered_id(9), start, durability::disk)->outcome == change_outcome::gone);
  write_record(files, make_record(2, job_status::done));
  const auto never = [](const job_record&) -> expected<job_record> {
    FAIL("a terminal record was shown");
    return failure(fault_kind::io, "");
  };
  CHECK(files.update(numbered_id(2), never, durability::disk)->outcome == change_outcome::kept_terminal);
}

TEST_CASE("A record of the Python program is read, changed, and keeps what we do not know") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto id = numbered_id(7);
  directory.write(id.value + ".json", python_record(id, "pending"));
  const auto read = stored(files, id);
  CHECK(read.task == "count the boxes \xc3\xbc");
  CHECK(read.created_at == 1699990000.1234567);
  CHECK(read.owner.empty());
  const auto cancel = [](const job_record& on_disk) { return job_machine::cancel(on_disk, test_now, "why"); };
  REQUIRE(files.update(id, cancel, durability::disk));
  const auto json = nlohmann::json::parse(directory.read(id.value + ".json"));
  CHECK(json["status"] == "cancelled");
  CHECK(json["created_at"] == 1699990000.1234567);
  CHECK(json["pid"] == 4711);
  CHECK(json["extra"] == nlohmann::json::parse(R"({"nested": [1, 2.5, "x", null], "empty": {}})"));
  CHECK_FALSE(json.contains("owner"));
}

TEST_CASE("A touch makes a record look alive and changes nothing else") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto record = make_record(1, job_status::running);
  write_record(files, record);
  set_modified(files.path_of(record.id), 1000);
  CHECK(files.touch(record.id) == true);
  CHECK(fs::last_write_time(files.path_of(record.id)) > fs::file_time_type::clock::now() - std::chrono::hours{1});
  CHECK(stored(files, record.id) == record);
  fs::create_symlink("elsewhere", files.path_of(numbered_id(2)));
  CHECK(files.touch(numbered_id(2)) == false);
}

TEST_CASE("Ten thousand records: one is found by opening one file, a prefix by opening none") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  constexpr unsigned many = 10'000;
  for (unsigned i = 0; i < many; ++i) {
    auto record = make_record(i, i % 2 == 0 ? job_status::done : job_status::running);
    directory.write(record.id.value + ".json", dump(to_json(record)));
  }
  open_counter opened{directory.path()};
  CHECK(stored(files, numbered_id(1234)).id == numbered_id(1234));
  CHECK(opened.count() == 1);
  const auto prefix = numbered_id(0x1234).value.substr(0, 30);
  CHECK(files.find_by_prefix(prefix, 1000)->size() == 256);
  CHECK(files.find_by_prefix(prefix, 3)->size() == 3);
  CHECK(opened.count() == 1); // the directory itself
  const auto newest = files.list(job_status::running, 2);
  REQUIRE(newest);
  REQUIRE(newest->records.size() == 2);
  CHECK(newest->records[0].id == numbered_id(many - 1));
  CHECK(newest->records[1].id == numbered_id(many - 3));
  CHECK(files.gc(collect::all, {}, test_now)->purged == many / 2);
  CHECK(files.list(std::nullopt, many)->records.size() == many / 2);
}

TEST_CASE("A list has of each record what it shows, not all there is") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  auto record = make_record(1, job_status::done);
  record.task = std::string(1u << 20, 't');
  record.context = std::string(1u << 20, 'c');
  record.result = make_result(true);
  record.result->parsed_result = nlohmann::json{{"answer", 42}};
  write_record(files, record);
  job_index index{files};
  for (const auto& listed : {files.list(std::nullopt, 1), index.list(std::nullopt, 1)}) {
    REQUIRE(listed);
    const auto& row = listed->records.at(0);
    CHECK(row.task == std::string(4096, 't'));
    CHECK(row.context.empty());
    CHECK(row.result->result.empty());
    CHECK_FALSE(row.result->parsed_result);
    CHECK(row.result->cost_usd == record.result->cost_usd);
    CHECK(row.completed_at == record.completed_at);
  }
  CHECK(stored(files, record.id) == record);
}

TEST_CASE("Records are listed newest first, by id where they are of one time") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  for (const unsigned number : {3U, 1U, 2U}) {
    auto record = make_record(number);
    record.created_at = number == 3 ? test_now : test_now + 1;
    write_record(files, record);
  }
  const auto all = files.list(std::nullopt, 10);
  REQUIRE(all);
  REQUIRE(all->records.size() == 3);
  CHECK(all->records[0].id == numbered_id(2));
  CHECK(all->records[1].id == numbered_id(1));
  CHECK(all->records[2].id == numbered_id(3));
  CHECK(files.list(std::nullopt, 0)->records.empty());
  CHECK(files.list(job_status::done, 10)->records.empty());
}

TEST_CASE("A job is found by a prefix that no other has") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(0x10));
  write_record(files, make_record(0x11));
  const auto whole = numbered_id(0x10).value;
  CHECK(find_job(files, whole)->id.value == whole);
  const auto several = resolve_job(files, whole.substr(0, 31));
  REQUIRE_FALSE(several);
  CHECK_THAT(several.error().message, Catch::Matchers::Contains(numbered_id(0x11).value));
  for (const auto* text : {"", "f", "../", "0x", "00000000000000000000000000000010.json"}) {
    const auto none = find_job(files, text);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == fault_kind::invalid_argument);
    CHECK_THAT(none.error().message, Catch::Matchers::Contains("not found"));
  }
}

TEST_CASE("A write waits for the lock of the Python program") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const unique_fd other{::open((directory.path() / ".jobs.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  REQUIRE(::flock(other.get(), LOCK_EX) == 0);
  auto write = std::async(std::launch::async, [&] { return files.create(make_record(1), durability::page_cache); });
  CHECK(write.wait_for(std::chrono::milliseconds{50}) == std::future_status::timeout);
  CHECK_FALSE(fs::exists(files.path_of(numbered_id(1))));
  REQUIRE(::flock(other.get(), LOCK_UN) == 0);
  CHECK(write.get());
}

TEST_CASE("A disk without room is a fault that says what and where, and leaves nothing behind") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto before = make_record(1, job_status::running);
  write_record(files, before);
  const auto names = names_in(directory.path());
  auto after = *job_machine::finish(before, make_result(true), test_now);
  after.result->result = std::string(100'000, 'x');
  {
    const file_size_limit limit{10'000};
    const auto changed = files.replace(after, durability::disk);
    REQUIRE_FALSE(changed);
    CHECK(changed.error().kind == fault_kind::io);
    CHECK_THAT(changed.error().message,
               Catch::Matchers::Contains(directory.path().native()) && Catch::Matchers::Contains(before.id.value));
  }
  CHECK(names_in(directory.path()) == names);
  CHECK(stored(files, before.id) == before);
  CHECK(files.replace(after, durability::disk)->outcome == change_outcome::written);
  CHECK(names_in(directory.path()) == names);
}

TEST_CASE("A directory that cannot be made is a fault that names it") {
  const temporary_directory directory;
  directory.write("file", "");
  const job_files files{directory.path() / "file" / "jobs", our_mark};
  const auto created = files.create(make_record(1), durability::disk);
  REQUIRE_FALSE(created);
  CHECK(created.error().kind == fault_kind::io);
  CHECK_THAT(created.error().message, Catch::Matchers::Contains((directory.path() / "file").native()));
}

TEST_CASE("A record that could not be read back is not written") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  auto record = make_record(1);
  auto nested = nlohmann::json::array();
  for (int i = 0; i < 1100; ++i)
    nested = nlohmann::json::array({std::move(nested)});
  record.unknown["deep"] = std::move(nested);
  const auto created = files.create(record, durability::disk);
  REQUIRE_FALSE(created);
  CHECK(created.error().kind == fault_kind::io);
  CHECK(names_in(directory.path()) == std::vector<std::string>{".jobs.lock"});
}
