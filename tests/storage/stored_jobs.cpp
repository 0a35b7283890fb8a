#include "tests/storage/stored_jobs.hpp"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

namespace agent_dispatch {

job_id numbered_id(unsigned number) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%032x", number);
  return {std::string{text.data(), 32}};
}

job_record make_record(unsigned number, job_status status) {
  job_record record{.id = numbered_id(number),
                    .agent = {"shop"},
                    .task = "count the boxes",
                    .status = status,
                    .created_at = test_now - 100 + number,
                    .owner = our_mark,
                    .session = session_id{"5e551011-0000-4000-8000-000000000001"},
                    .request = job_request{}};
  if (status != job_status::pending)
    record.started_at = record.created_at + 1;
  if (is_terminal(status))
    record.completed_at = record.created_at + 2;
  return record;
}

dispatch_result make_result(bool success) {
  dispatch_result result;
  result.agent = {"shop"};
  result.success = success;
  result.result = "forty-two";
  result.cost_usd = 0.125;
  if (!success) {
    result.error = "no boxes";
    result.error_type = error_type::cli_error;
  }
  return result;
}

std::string python_record(const job_id& id, const std::string& status) {
  return "{\n  \"id\": \"" + id.value + R"(",
  "agent": "shop",
  "task": "count the boxes \u00fc",
  "context": null,
  "status": ")" +
         status + R"(",
  "created_at": 1699990000.1234567,
  "started_at": null,
  "result": null,
  "progress": [],
  "pid": 4711,
  "extra": {"nested": [1, 2.5, "x", null], "empty": {}}
}
)";
}

job_record stored(const job_files& files, const job_id& id) {
  const auto record = files.read(id);
  if (!record)
    FAIL(record.error().message);
  REQUIRE(*record);
  return **record;
}

std::vector<std::string> names_in(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator{directory})
    names.push_back(entry.path().filename().native());
  std::sort(names.begin(), names.end());
  return names;
}

void write_record(const job_files& files, const job_record& record) {
  const auto created = files.create(record, durability::page_cache);
  if (!created)
    FAIL(created.error().message);
}

void set_modified(const std::filesystem::path& file, double seconds) {
  const std::array<timespec, 2> times{{{0, UTIME_OMIT}, {static_cast<time_t>(seconds), 0}}};
  REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times.data(), 0) == 0);
}

} // namespace agent_dispatch
