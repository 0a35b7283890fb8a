#include "messages/hello.hpp"

#include <catch2/catch.hpp>

#include <nlohmann/json.hpp>

#include <limits>

#include "messages/version.hpp"

using namespace agent_dispatch;

namespace {

std::string all_bytes_but(std::string_view left_out) {
  std::string bytes;
  for (int i = 0; i < 256; ++i)
    if (left_out.find(static_cast<char>(i)) == std::string_view::npos)
      bytes += static_cast<char>(i);
  return bytes;
}

const std::string nul{"\0", 1};

caller_context caller_in(std::string directory, std::vector<std::string> environment) {
  caller_context caller;
  caller.directory = std::move(directory);
  caller.environment = std::move(environment);
  return caller;
}

frontend_hello hello_of(caller_context caller) {
  return {.protocol = protocol_version,
          .version = program_version,
          .role = frontend_role::mcp,
          .frontend = {"0e2a4d3c-1111-4222-8333-444455556666"},
          .caller = std::make_shared<const caller_context>(std::move(caller))};
}

nlohmann::json usual() { return nlohmann::json::parse(encode_hello(hello_of(caller_in("/d", {"A=1"})))); }

/// The usual hello with one member changed.
expected<frontend_hello> with(const char* name, const nlohmann::json& value) {
  auto json = usual();
  json[name] = value;
  return decode_hello(json.dump());
}

} // namespace

TEST_CASE("A hello comes back as it was") {
  caller_context caller{.environment = {"PATH=/bin", "EMPTY=", "no equals sign", ""},
                        .directory = "/home/ann/a b",
                        .umask = 0027,
                        .limits = {{7, 1024, 4096}, {3, 0, std::numeric_limits<std::uint64_t>::max()}},
                        .parent = run_key{"0e2a4d3c-1111-4222-8333-444455556666.3.0"},
                        .depth = 2};
  for (const auto role : {frontend_role::mcp, frontend_role::cli}) {
    auto hello = hello_of(caller);
    hello.role = role;
    const auto back = decode_hello(encode_hello(hello));
    REQUIRE(back);
    CHECK(back->protocol == hello.protocol);
    CHECK(back->version == hello.version);
    CHECK(back->role == role);
    CHECK(back->frontend == hello.frontend);
    CHECK(back->caller->environment == caller.environment);
    CHECK(back->caller->directory == caller.directory);
    CHECK(back->caller->umask == caller.umask);
    CHECK(back->caller->limits == caller.limits);
    CHECK(back->caller->parent == caller.parent);
    CHECK(back->caller->depth == caller.depth);
  }
}

TEST_CASE("Environment and directory may hold every byte but NUL") {
  const auto bytes = all_bytes_but(nul);
  const auto text = encode_hello(hello_of(caller_in("/" + bytes, {"X=" + bytes, bytes})));
  CHECK(text.find('\n') == std::string::npos);
  const auto back = decode_hello(text);
  REQUIRE(back);
  CHECK(back->caller->environment == std::vector<std::string>{"X=" + bytes, bytes});
  CHECK(back->caller->directory.native() == "/" + bytes);
}

TEST_CASE("A caller without parent, limits or environment is a caller") {
  const auto back = decode_hello(encode_hello(hello_of(caller_in("/", {}))));
  REQUIRE(back);
  CHECK(back->caller->environment.empty());
  CHECK(back->caller->limits.empty());
  CHECK(back->caller->parent == std::nullopt);
  CHECK(back->caller->depth == 0);
}

TEST_CASE("What is no JSON object is no hello") {
  for (const auto* payload : {"", "hello", "[]", "null", "1", "\"x\"", "{", "{\"protocol\":\"\xff\"}"}) {
    CAPTURE(payload);
    const auto back = decode_hello(payload);
    REQUIRE_FALSE(back);
    CHECK(back.error().kind == fault_kind::protocol);
  }
}

TEST_CASE("A hello that lacks a member it needs is refused, by the member's name") {
  for (const auto* name : {"protocol", "role", "frontend", "environment", "directory"}) {
    CAPTURE(name);
    auto json = usual();
    REQUIRE(json.erase(name) == 1);
    const auto back = decode_hello(json.dump());
    REQUIRE_FALSE(back);
    CHECK(back.error().kind == fault_kind::protocol);
    CHECK_THAT(back.error().message, Catch::Matchers::Contains(std::string{"'"} + name + "'"));
  }
}

TEST_CASE("A hello with an unusable member is refused") {
  using nlohmann::json;
  CHECK(with("protocol", 1));
  CHECK_FALSE(with("protocol", "1"));
  CHECK_FALSE(with("protocol", 1.0));
  CHECK_FALSE(with("protocol", 4294967296U + protocol_version));
  CHECK_FALSE(with("protocol", std::numeric_limits<std::uint64_t>::max()));
  CHECK_FALSE(with("role", "admin"));
  CHECK_FALSE(with("role", 1));
  CHECK_FALSE(with("frontend", "../../etc"));
  CHECK_FALSE(with("frontend", nullptr));
  CHECK_FALSE(with("environment", "A=1"));
  CHECK_FALSE(with("environment", json::array({"A=1", 2})));
  CHECK_FALSE(with("environment", json::array({nul})));
  CHECK_FALSE(with("directory", ""));
  CHECK_FALSE(with("directory", "relative"));
  CHECK_FALSE(with("directory", "/a" + nul));
  CHECK_FALSE(with("directory", json::array()));
}

TEST_CASE("A code point that is no byte is refused") {
  CHECK(with("directory", "/\xc3\xbf"));                        // U+00FF
  CHECK_FALSE(with("directory", "/\xc4\x80"));                  // U+0100
  CHECK_FALSE(with("directory", "/\xe2\x82\xac"));              // U+20AC
  CHECK_FALSE(with("environment", {"A=\xf0\x9f\x98\x80", ""})); // U+1F600
}

TEST_CASE("A parent that is no run's key is no parent") {
  CHECK(with("run", "0e2a.1.0")->caller->parent == run_key{"0e2a.1.0"});
  CHECK(with("run", "../x")->caller->parent == std::nullopt);
  CHECK(with("run", 5)->caller->parent == std::nullopt);
}

TEST_CASE("Members that a later version may add are passed over") {
  CHECK(with("colour", {{"a", 1}}));
  CHECK(with("limits", {{1, 2}, "x", {1, 2, 3}})->caller->limits == std::vector<caller_limit>{{1, 2, 3}});
}

TEST_CASE("A hello that is nested too deeply is refused") {
  auto text = usual().dump();
  text.insert(1, R"("new":)" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + ",");
  const auto read = decode_hello(text);
  REQUIRE_FALSE(read);
  CHECK(read.error().message == "a hello is nested too deeply");
}

TEST_CASE("An environment larger than any that Linux hands on is refused, with the figure") {
  const auto refusal = [](std::size_t entries, std::size_t size) {
    const auto read = with("environment", std::vector<std::string>(entries, std::string(size, 'x')));
    return read ? "" : read.error().message;
  };
  CHECK(refusal(8, (1u << 20) - 1).empty());
  CHECK(refusal(9, 1u << 20) ==
        "the environment takes more than 8388608 bytes, which is what is taken; unset what is not needed");
  CHECK(refusal(100'000, 1).empty());
  CHECK(refusal(100'001, 1) ==
        "the environment has 100001 entries, and at most 100000 are taken; unset what is not needed");
}
