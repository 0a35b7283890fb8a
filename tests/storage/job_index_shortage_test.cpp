#include "actors/storage/job_index.hpp"

#include <catch2/catch.hpp>

#include "tests/storage/stored_jobs.hpp"
#include "tests/support/no_descriptors.hpp"

using namespace agent_dispatch;

TEST_CASE("A record that cannot be opened for want of a descriptor is there again afterwards") {
  const temporary_directory place;
  const job_files files{place.path() / "jobs", our_mark};
  job_index index{files};
  const auto count = [&index] { return index.list(std::nullopt, 10)->records.size(); };
  write_record(files, make_record(1));
  REQUIRE(count() == 1);
  write_record(files, make_record(2));
  {
    const no_descriptors shortage;
    const auto told = index.list(std::nullopt, 10);
    REQUIRE_FALSE(told);
    CHECK(told.error().kind == fault_kind::io);
  }
  CHECK(count() == 2);
  CHECK(index.list(std::nullopt, 10)->skipped.empty());
}
