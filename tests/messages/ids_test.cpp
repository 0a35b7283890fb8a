#include "messages/ids.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "messages/fault.hpp"

using namespace agent_dispatch;

TEST_CASE("A request's key names its file and its runs") {
  const request_key key{.frontend = {"0e2a4d3c-1111-4222-8333-444455556666"}, .line = 12};
  CHECK(key.text() == "0e2a4d3c-1111-4222-8333-444455556666.12");
  CHECK(key.run().value == "0e2a4d3c-1111-4222-8333-444455556666.12.0");
  CHECK(key.part_of("agg").text() == "0e2a4d3c-1111-4222-8333-444455556666.12.agg");
  CHECK(key.part_of("agg").run().value == key.part_of("agg").text());
  CHECK(key.part_of("agg").whole() == key);
  CHECK(key < key.part_of("0"));
  CHECK(is_run_key(key.run().value));
  CHECK(is_run_key(request_key{key.frontend, UINT64_MAX}.part_of("t10").run().value));
}

TEST_CASE("Keys of different lines and frontends differ, and are ordered by both") {
  const frontend_id a{"a"};
  const frontend_id b{"b"};
  CHECK(request_key{a, 1} == request_key{a, 1});
  CHECK(request_key{a, 1} != request_key{a, 2});
  CHECK(request_key{a, 1} != request_key{b, 1});
  CHECK(request_key{a, 2} < request_key{a, 10});
  CHECK(request_key{a, 10} < request_key{b, 1});
}

TEST_CASE("A new UUID is random, of version 4, in lower case") {
  std::set<std::string> all;
  for (int i = 0; i < 500; ++i) {
    const auto uuid = make_uuid();
    CAPTURE(uuid);
    REQUIRE(is_uuid(uuid));
    CHECK(uuid[14] == '4');
    CHECK(std::string_view{"89ab"}.find(uuid[19]) != std::string_view::npos);
    CHECK(std::none_of(uuid.begin(), uuid.end(), [](char c) { return c >= 'A' && c <= 'Z'; }));
    all.insert(uuid);
  }
  CHECK(all.size() == 500);
}

TEST_CASE("A UUID has hexadecimal digits of any case, and dashes where they belong") {
  CHECK(is_uuid("0e2a4d3c-1111-4222-8333-444455556666"));
  CHECK(is_uuid("0E2A4D3C-1111-1222-0333-FFFF5555abcd"));
  for (const auto* text : {"", "0e2a4d3c-1111-4222-8333-44445555666", "0e2a4d3c-1111-4222-8333-4444555566667",
                           "0e2a4d3c11114222833344445555666600aa", "0e2a4d3-c1111-4222-8333-444455556666",
                           "0e2a4d3g-1111-4222-8333-444455556666", "-e2a4d3c-1111-4222-8333-444455556666",
                           "{e2a4d3c-1111-4222-8333-44445555666}"}) {
    CAPTURE(text);
    CHECK_FALSE(is_uuid(text));
  }
}

TEST_CASE("A job's id is 32 lowercase hexadecimal digits") {
  CHECK(is_job_id("0123456789abcdef0123456789abcdef"));
  for (const auto* text :
       {"", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0", "0123456789ABCDEF0123456789abcdef",
        "0123456789abcdeg0123456789abcdef", "../3456789abcdef0123456789abcdef"}) {
    CAPTURE(text);
    CHECK_FALSE(is_job_id(text));
  }
}

TEST_CASE("A name begins with a letter or digit and goes on with those, dashes and underscores") {
  for (const auto* text : {"a", "Z", "0", "a-b_c", "9lives", "a-", "a_"})
    CHECK(is_valid_name(text));
  for (const auto* text : {"", "-a", "_a", ".a", "a.b", "a b", "a/b", "a\n", "\xc3\xa4", "a\xff"}) {
    CAPTURE(text);
    CHECK_FALSE(is_valid_name(text));
  }
  CHECK_FALSE(is_valid_name(std::string_view{"a\0b", 3}));
}

TEST_CASE("A run's key is safe as a file name") {
  CHECK(is_run_key("a.1.0"));
  CHECK(is_run_key("a..b"));
  CHECK(is_run_key(std::string(200, 'a')));
  for (const std::string& text :
       {std::string{}, std::string{"."}, std::string{".."}, std::string{".a"}, std::string{"a/b"}, std::string{"../a"},
        std::string{"a b"}, std::string{"-a"}, std::string{"a\n"}, std::string(201, 'a'), std::string{"a\0", 2}}) {
    CAPTURE(text);
    CHECK_FALSE(is_run_key(text));
  }
}

TEST_CASE("Ids of one kind are equal, ordered and hashed by their text") {
  CHECK(agent_name{"a"} == agent_name{"a"});
  CHECK(agent_name{"a"} < agent_name{"b"});
  CHECK(std::hash<agent_name>{}({"a"}) == std::hash<agent_name>{}({"a"}));
  CHECK(agent_name{}.empty());
  CHECK_FALSE(agent_name{"a"}.empty());
}

TEST_CASE("Each kind of fault has a description of its own") {
  std::set<std::string_view> all;
  for (int i = 0; i <= static_cast<int>(fault_kind::lost); ++i) {
    const auto text = describe(static_cast<fault_kind>(i));
    CHECK_FALSE(text.empty());
    CHECK(all.insert(text).second);
  }
  CHECK(all.count("unknown fault") == 0);
}

TEST_CASE("A fault of the system names operation, object and reason") {
  const auto fault_of_io = io_failure("opening", "/no/file", ENOENT).value();
  CHECK(fault_of_io.kind == fault_kind::io);
  CHECK(fault_of_io.message == "opening /no/file: No such file or directory");
}
