#include <cstdint>
#include <limits>
#include <string>

#include <catch2/catch.hpp>

#include "actors/run/launch_order.hpp"

using namespace agent_dispatch;
using std::chrono::milliseconds;

namespace {

launch_order some_order() {
  launch_order order;
  order.run.value = "f.1.0";
  order.program = "/usr/bin/claude";
  order.argv = {"claude", "-p", "", "--model=\xff\n"};
  order.environment = {"A=1", "AGENT_DISPATCH_RUN=f.1.0", "EMPTY="};
  order.directory = "/home";
  order.umask = 027;
  order.limits = {{7, 1024, 4096}, {4, 0, std::numeric_limits<std::uint64_t>::max()}};
  order.deadline = milliseconds{123456789};
  order.grace = milliseconds{1};
  order.output_limit = 42;
  order.written = durability::disk;
  return order;
}

} // namespace

TEST_CASE("A launch order comes out as it went in") {
  const auto order = some_order();
  const auto bytes = encode(order);
  REQUIRE(bytes);
  const auto decoded = decode_launch_order(*bytes);
  REQUIRE(decoded);
  CHECK(*decoded == order);
}

TEST_CASE("A launch order that is cut off anywhere, or goes on, is refused") {
  const auto bytes = *encode(some_order());
  for (std::size_t size = 0; size < bytes.size(); ++size)
    CHECK_FALSE(decode_launch_order(std::string_view{bytes}.substr(0, size)));
  CHECK_FALSE(decode_launch_order(bytes + '\0'));
}

TEST_CASE("A launch order of another magic or format is refused") {
  auto bytes = *encode(some_order());
  bytes[0] = 'X';
  CHECK_FALSE(decode_launch_order(bytes));
  bytes = *encode(some_order());
  bytes[8] = 2;
  const auto decoded = decode_launch_order(bytes);
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().kind == fault_kind::protocol);
  CHECK(decoded.error().message.find("version") != std::string::npos);
}

TEST_CASE("No change of a byte makes the reader of a launch order do more than refuse") {
  const auto bytes = *encode(some_order());
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (const unsigned change : {0x01U, 0x80U, 0xffU}) {
      auto damaged = bytes;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ change);
      if (const auto decoded = decode_launch_order(damaged))
        CHECK_FALSE(decoded->argv.empty());
    }
}

TEST_CASE("What cannot be executed is refused when it is written, too") {
  auto order = some_order();
  SECTION("no arguments") { order.argv.clear(); }
  SECTION("NUL in an argument") { order.argv.push_back(std::string{"a\0b", 3}); }
  SECTION("NUL in a variable") { order.environment.push_back(std::string{"A=\0", 3}); }
  SECTION("relative program") { order.program = "claude"; }
  SECTION("relative directory") { order.directory = "home"; }
  SECTION("no directory") { order.directory.clear(); }
  SECTION("key that leads elsewhere") { order.run.value = "../x"; }
  SECTION("negative deadline") { order.deadline = milliseconds{-1}; }
  SECTION("too large") { order.environment.push_back("A=" + std::string(launch_order_bytes, 'x')); }
  const auto bytes = encode(order);
  REQUIRE_FALSE(bytes);
  CHECK(bytes.error().kind == fault_kind::invalid_argument);
}
