#include <catch2/catch.hpp>

#include "actors/storage/job_files.hpp"
#include "messages/json.hpp"
#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

constexpr double hour = 3600;

std::vector<job_id> ids_of(const std::vector<job_record>& records) {
  std::vector<job_id> ids;
  for (const auto& record : records)
    ids.push_back(record.id);
  return ids;
}

/// A record without an owner, with a file of that age.
void plant_foreign(const job_files& files, unsigned number, job_status status, double created, double modified) {
  auto record = make_record(number, status);
  record.owner.clear();
  record.created_at = created;
  if (record.started_at)
    record.started_at = created;
  write_record(files, record);
  set_modified(files.path_of(record.id), modified);
}

} // namespace

TEST_CASE("Old terminal records are removed, and nothing else") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  unsigned number = 0;
  for (const auto status :
       {job_status::pending, job_status::running, job_status::done, job_status::failed, job_status::cancelled})
    for (const double age : {1.0, 3.0}) {
      auto record = make_record(++number, status);
      record.created_at = test_now - 10 * hour;
      if (is_terminal(status))
        record.completed_at = test_now - age * hour;
      write_record(files, record);
    }
  const auto collected = files.gc(collect::older_than_age, std::chrono::hours{2}, test_now);
  REQUIRE(collected);
  CHECK(collected->purged == 3);
  CHECK(files.list(std::nullopt, 100)->records.size() == 7);
  CHECK(files.gc(collect::all, std::chrono::hours{2}, test_now)->purged == 3);
  const auto left = files.list(std::nullopt, 100);
  REQUIRE(left->records.size() == 4);
  for (const auto& record : left->records)
    CHECK_FALSE(is_terminal(record.status));
}

TEST_CASE("The unfinished jobs of ours are given oldest first, also those from before a reboot") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  write_record(files, make_record(3, job_status::pending));
  auto earlier = make_record(2, job_status::running);
  earlier.owner = mark_before_reboot;
  write_record(files, earlier);
  write_record(files, make_record(4, job_status::done));
  auto foreign = make_record(1, job_status::running);
  foreign.owner = "another:boot:1:jobs";
  write_record(files, foreign);
  const auto found = files.unfinished();
  REQUIRE(found);
  CHECK(ids_of(found->records) == std::vector{numbered_id(2), numbered_id(3)});
}

TEST_CASE("What another program has abandoned becomes failed, once; what is ours or lives does not") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  plant_foreign(files, 1, job_status::running, test_now - 2 * hour, test_now - 2 * hour);
  plant_foreign(files, 2, job_status::pending, test_now - 25 * hour, test_now - 25 * hour);
  plant_foreign(files, 3, job_status::running, test_now - 2 * hour, test_now - 60);
  plant_foreign(files, 4, job_status::pending, test_now - 23 * hour, test_now - 23 * hour);
  plant_foreign(files, 5, job_status::done, test_now - 90 * hour, test_now - 90 * hour);
  auto ours = make_record(6, job_status::running);
  ours.created_at = 0;
  ours.started_at = 0;
  write_record(files, ours);
  set_modified(files.path_of(ours.id), 1000);
  const auto recovered = files.recover_stale(test_now);
  REQUIRE(recovered);
  CHECK(ids_of(recovered->records).size() == 2);
  for (const unsigned number : {1U, 2U}) {
    const auto record = stored(files, numbered_id(number));
    CHECK(record.status == job_status::failed);
    CHECK(record.completed_at == test_now);
    CHECK_FALSE(record.error.value_or("").empty());
  }
  CHECK(stored(files, numbered_id(3)).status == job_status::running);
  CHECK(stored(files, numbered_id(4)).status == job_status::pending);
  CHECK(stored(files, numbered_id(5)).status == job_status::done);
  CHECK(stored(files, ours.id) == ours);
  CHECK(files.recover_stale(test_now)->records.empty());
}

TEST_CASE("What a killed writer has left is removed; what another has made is not") {
  const temporary_directory directory;
  const job_files files{directory.path(), our_mark};
  const auto id = std::string(32, 'a');
  const std::string uuid = "01234567-89ab-4cde-8f01-23456789abcd";
  const auto ours = directory.write(".job-" + id + "." + uuid + ".tmp", "{");
  const std::vector others{directory.write(".job-" + id + ".tmp", "{"), directory.write("." + id + ".json.tmp", "{"),
                           directory.write("x.job-" + id + "." + uuid + ".tmp", "{")};
  fs::create_symlink("target", directory.path() / (".job-" + std::string(32, 'b') + "." + uuid + ".tmp"));
  CHECK(files.remove_leftovers() == std::size_t{1});
  CHECK_FALSE(fs::exists(ours));
  for (const auto& other : others)
    CHECK(fs::exists(other));
  CHECK(files.remove_leftovers() == std::size_t{0});
}
