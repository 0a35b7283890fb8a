#include "actors/storage/job_index.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <random>

#include <sys/stat.h>

#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t all = 1000;

std::vector<skipped_file> sorted(std::vector<skipped_file> files) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return files;
}

/// The index says what a walk over the directory says.
void check_like_a_walk(job_index& index, const job_files& files) {
  for (const auto status : {std::optional<job_status>{}, std::optional{job_status::pending},
                            std::optional{job_status::done}, std::optional{job_status::cancelled}})
    for (const std::size_t limit : {std::size_t{3}, all}) {
      const auto told = index.list(status, limit);
      const auto walked = files.list(status, limit);
      REQUIRE(told);
      REQUIRE(walked);
      CHECK(told->records == walked->records);
      CHECK(sorted(told->skipped) == sorted(walked->skipped));
    }
  CHECK(index.unfinished()->records == files.unfinished()->records);
}

void write_text(const fs::path& path, const std::string& text) {
  std::ofstream{path} << text;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
}

struct indexed_directory {
  temporary_directory place;
  job_files files{place.path() / "jobs", our_mark};
  job_files others{place.path() / "jobs", "another machine"};
  job_index index{files};
};

job_record dated_record(unsigned number, job_status status, double created_at) {
  auto record = make_record(number, status);
  record.created_at = created_at;
  return record;
}

} // namespace

TEST_CASE("Without a directory there are no jobs, and one that comes is seen") {
  indexed_directory test;
  CHECK(test.index.list(std::nullopt, all)->records.empty());
  write_record(test.files, make_record(1));
  check_like_a_walk(test.index, test.files);
  CHECK(test.index.list(std::nullopt, all)->records.size() == 1);
}

TEST_CASE("What anybody writes, changes, removes or spoils is known at the next question") {
  indexed_directory test;
  for (unsigned number = 0; number < 20; ++number)
    write_record(test.files, dated_record(number, job_status::pending, 1000 + number % 7));
  check_like_a_walk(test.index, test.files);
  std::mt19937 random{20261122}; // NOLINT: the same each time
  const std::vector statuses{job_status::pending, job_status::running, job_status::done, job_status::failed,
                             job_status::cancelled};
  for (int step = 0; step < 300; ++step) {
    const auto number = static_cast<unsigned>(random() % 30);
    const auto path = test.files.path_of(numbered_id(number));
    switch (random() % 8) {
    case 0:
      fs::remove(path);
      break;
    case 1:
      write_text(path, "{\"id\": ");
      break;
    case 2:
      fs::remove(path);
      fs::create_symlink("/nowhere", path);
      break;
    case 3:
      write_text(path, python_record(numbered_id(number), "running"));
      break;
    case 4:
      write_text(path.parent_path() / "notes.json", "no job");
      break;
    case 5:
      fs::remove(path.parent_path() / "notes.json");
      break;
    default:
      fs::remove(path);
      write_record(step % 2 == 0 ? test.files : test.others, dated_record(number, statuses[random() % statuses.size()],
                                                                          1000 + static_cast<double>(random() % 9)));
    }
    if (random() % 3 == 0)
      check_like_a_walk(test.index, test.files);
  }
  check_like_a_walk(test.index, test.files);
}

TEST_CASE("Another directory in the place is read anew") {
  indexed_directory test;
  write_record(test.files, make_record(1));
  check_like_a_walk(test.index, test.files);
  fs::rename(test.place.path() / "jobs", test.place.path() / "old");
  check_like_a_walk(test.index, test.files);
  write_record(test.files, make_record(2));
  check_like_a_walk(test.index, test.files);
  fs::remove_all(test.place.path() / "jobs");
  fs::rename(test.place.path() / "old", test.place.path() / "jobs");
  check_like_a_walk(test.index, test.files);
  CHECK(test.index.list(std::nullopt, all)->records.front().id == numbered_id(1));
}

TEST_CASE("More changes than the kernel keeps are no fewer for it") {
  indexed_directory test;
  write_record(test.files, make_record(1));
  check_like_a_walk(test.index, test.files);
  std::size_t most = 0;
  std::ifstream{"/proc/sys/fs/inotify/max_queued_events"} >> most;
  if (most > 100'000)
    return; // somebody keeps very many
  const auto scratch = test.place.path() / "jobs" / "scratch";
  for (std::size_t number = 0; number < most / 2 + 10; ++number) {
    write_text(scratch, "");
    fs::remove(scratch);
  }
  write_record(test.files, make_record(2, job_status::done));
  check_like_a_walk(test.index, test.files);
  CHECK(test.index.list(std::nullopt, all)->records.size() == 2);
}

TEST_CASE("Unfinished jobs of other programs are named apart from ours") {
  indexed_directory test;
  write_record(test.files, make_record(1));
  write_text(test.files.path_of(numbered_id(2)), python_record(numbered_id(2), "running"));
  write_text(test.files.path_of(numbered_id(3)), python_record(numbered_id(3), "done"));
  CHECK(test.index.unfinished()->records.size() == 1);
  CHECK(test.index.unfinished_of_others() == std::vector{numbered_id(2)});
}
