#include "frontends/client/version_order.hpp"

#include <catch2/catch.hpp>

#include <string>

#include "messages/version.hpp"

using namespace agent_dispatch;

TEST_CASE("Versions are ordered by their numbers, not by their letters") {
  const std::string_view ascending[] = {"",       "0.0.1", "0.1.0", "0.1.1",  "0.2.0", "0.9.9",
                                        "0.10.0", "1",     "1.0.1", "1.2.10", "2.0.0", "10.0.0"};
  for (std::size_t i = 0; i < std::size(ascending); ++i)
    for (std::size_t j = 0; j < std::size(ascending); ++j) {
      CAPTURE(ascending[i], ascending[j]);
      CHECK(version_order(ascending[i], ascending[j]) == (i <=> j));
    }
}

TEST_CASE("Numbers that are missing count as 0") {
  CHECK(version_order("1.2", "1.2.0") == std::strong_ordering::equal);
  CHECK(version_order("1", "1.0.0.0") == std::strong_ordering::equal);
  CHECK(version_order("1.2", "1.2.0.1") == std::strong_ordering::less);
}

TEST_CASE("What is no number counts as 0, and nothing hangs") {
  CHECK(version_order("x.y", "0.0") == std::strong_ordering::equal);
  CHECK(version_order("...", "") == std::strong_ordering::equal);
  CHECK(version_order("1.-2", "1.0") == std::strong_ordering::equal);
  CHECK(version_order("1.2-rc1", "1.2") == std::strong_ordering::equal);
  CHECK(version_order("99999999999999999999.1", "0.1") == std::strong_ordering::equal);
  CHECK(version_order(std::string(100000, '.'), "1") == std::strong_ordering::less);
}

TEST_CASE("This program's version has numbers") {
  CHECK(version_order(program_version, "0") == std::strong_ordering::greater);
}
