#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <unistd.h>

#include "actors/storage/request_file.hpp"
#include "messages/json.hpp"
#include "tests/storage/stored_jobs.hpp"

using namespace agent_dispatch;

namespace {

const request_key whole{{"0e2a4d3c-1111-4222-8333-444455556666"}, 12};

std::shared_ptr<run_spec> spec_of(const request_key& key) {
  auto spec = std::make_shared<run_spec>();
  spec->key = key.run();
  spec->request = {.agent = {"alpha"},
                   .task = "täsk\n",
                   .context = "context",
                   .caller = "me",
                   .goal = "goal",
                   .format = response_format::json,
                   .resume = session_id{"s"},
                   .timeout = std::chrono::seconds{7},
                   .group = "g",
                   .clamp_timeout = false};
  spec->agent = {.name = {"alpha"},
                 .directory = "/a\xff",
                 .timeout = std::chrono::seconds{9},
                 .max_budget_usd = 0.5,
                 .model = "m",
                 .permission_mode = "plan",
                 .allowed_tools = std::vector<std::string>{"Read"},
                 .disallowed_tools = std::nullopt,
                 .max_parallel = 3};
  spec->session = {"session"};
  spec->resumed = true;
  spec->depth = 2;
  spec->parent = run_key{"parent"};
  spec->shared_context = "shared";
  return spec;
}

accepted_request read_back(const accepted_request& request) {
  const auto read = decode_request(encode_request(request, our_mark));
  INFO((read ? "" : read.error().message));
  REQUIRE(read);
  CHECK(read->owner == our_mark);
  CHECK(read->request.key == request.key);
  CHECK(read->request.deaths == request.deaths);
  return read->request;
}

void check_same(const run_spec_ptr& left, const run_spec_ptr& right) {
  REQUIRE(left);
  REQUIRE(right);
  CHECK(left->key == right->key);
  CHECK(left->request == right->request);
  CHECK(left->agent == right->agent);
  CHECK(left->session == right->session);
  CHECK(left->resumed == right->resumed);
  CHECK(left->timeout == right->timeout);
  CHECK(left->depth == right->depth);
  CHECK(left->parent == right->parent);
  CHECK(left->job == right->job);
  CHECK(left->retry_of == right->retry_of);
  CHECK(left->ref == right->ref);
  CHECK(left->shared_context == right->shared_context);
}

composite_plan_ptr a_parallel_plan() {
  parallel_plan plan;
  plan.items.push_back({.spec = spec_of(whole.part_of("0")), .refused = {}, .summary_chars = 40});
  plan.items.push_back({.spec = nullptr, .refused = make_result(false)});
  plan.aggregator = spec_of(whole.part_of("agg"));
  return std::make_shared<const composite_plan>(std::move(plan));
}

composite_plan_ptr a_dialogue_plan() {
  return std::make_shared<const composite_plan>(
      dialogue_plan{spec_of(whole.part_of("t1")), spec_of(whole.part_of("t1")), "topic", 4});
}

} // namespace

TEST_CASE("A request's file has everything that its execution needs, and no environment") {
  auto spec = spec_of(whole);
  spec->job = numbered_id(1);
  spec->retry_of = numbered_id(2);
  spec->ref = numbered_id(3);
  auto caller = std::make_shared<caller_context>();
  caller->environment = {"SECRET=hush"};
  spec->caller = caller;
  const accepted_request request{.key = whole, .spec = spec, .deaths = 2};
  CHECK(encode_request(request, our_mark).find("hush") == std::string::npos);
  check_same(read_back(request).spec, spec);
}

TEST_CASE("A part of a request has a file of its own") {
  const auto key = whole.part_of("t1");
  const accepted_request part{.key = key, .spec = spec_of(key)};
  check_same(read_back(part).spec, part.spec);
  const temporary_directory directory;
  REQUIRE(write_request(directory.path(), part, our_mark));
  CHECK(names_in(directory.path()) == std::vector<std::string>{key.text()});
}

TEST_CASE("A parallel request is read back item for item") {
  const accepted_request request{.key = whole, .spec = nullptr, .plan = a_parallel_plan()};
  const auto read = read_back(request);
  CHECK_FALSE(read.spec);
  const auto& plan = std::get<parallel_plan>(*read.plan);
  const auto& written = std::get<parallel_plan>(*request.plan);
  REQUIRE(plan.items.size() == 2);
  check_same(plan.items[0].spec, written.items[0].spec);
  CHECK(plan.items[0].summary_chars == 40);
  CHECK_FALSE(plan.items[1].spec);
  CHECK(plan.items[1].refused == written.items[1].refused);
  check_same(plan.aggregator, written.aggregator);
}

TEST_CASE("A dialogue is read back with its topic and both sides") {
  const accepted_request request{.key = whole, .spec = nullptr, .plan = a_dialogue_plan()};
  const auto read = read_back(request);
  const auto& plan = std::get<dialogue_plan>(*read.plan);
  check_same(plan.requester, spec_of(whole.part_of("t1")));
  check_same(plan.responder, spec_of(whole.part_of("t1")));
  CHECK(plan.topic == "topic");
  CHECK(plan.most_rounds == 4);
}

TEST_CASE("A request whose file is damaged is no request, whatever is missing") {
  const auto plan = GENERATE(composite_plan_ptr{}, a_parallel_plan(), a_dialogue_plan());
  const accepted_request request{.key = whole, .spec = plan ? nullptr : spec_of(whole), .plan = plan};
  const auto text = encode_request(request, our_mark);
  const auto json = nlohmann::json::parse(text);
  CHECK_FALSE(decode_request(text.substr(0, text.size() / 2)));
  CHECK_FALSE(decode_request("[]"));
  const auto flat = json.flatten();
  for (const auto& [place, value] : flat.items()) {
    CAPTURE(place);
    auto without = json;
    const nlohmann::json::json_pointer pointer{place};
    const auto parent = pointer.parent_pointer();
    if (without[parent].is_object()) {
      without[parent].erase(pointer.back());
      static_cast<void>(decode_request(without.dump())); // a fault or a default, and no crash
    }
    auto strange = json;
    strange[pointer] = nlohmann::json{{"strange", {1, 2}}};
    static_cast<void>(decode_request(strange.dump()));
  }
  for (const auto* name : {"owner", "frontend", "line", "part", "deaths", "plan"}) {
    CAPTURE(name);
    auto without = json;
    without.erase(name);
    CHECK_FALSE(decode_request(without.dump()));
  }
}

TEST_CASE("A number that nothing can be done with makes a request a damaged one") {
  const auto plan = GENERATE(composite_plan_ptr{}, a_parallel_plan(), a_dialogue_plan());
  const accepted_request request{.key = whole, .spec = plan ? nullptr : spec_of(whole), .plan = plan};
  const auto json = nlohmann::json::parse(encode_request(request, our_mark));
  const auto flat = json.flatten();
  for (const auto& [place, value] : flat.items()) {
    const nlohmann::json::json_pointer pointer{place};
    const bool is_of_caller = pointer.parent_pointer().to_string().ends_with("/request");
    if (!value.is_number_integer() || is_of_caller || pointer.back() == "duration_ms" || pointer.back() == "num_turns")
      continue;
    CAPTURE(place);
    auto strange = json;
    for (const auto& number : {nlohmann::json(-1), nlohmann::json(1e300), nlohmann::json(1.5), nlohmann::json(true)}) {
      strange[pointer] = number;
      CHECK_FALSE(decode_request(strange.dump()));
    }
    strange[pointer] = std::numeric_limits<std::uint64_t>::max();
    CHECK(decode_request(strange.dump()).has_value() == (pointer.back() == "line"));
  }
}

TEST_CASE("A request whose file nests too deep is a damaged one, and no end of the stack") {
  auto json = nlohmann::json::parse(encode_request({.key = whole, .spec = spec_of(whole)}, our_mark));
  json["known"] = {{"parsed_result", "DEEP"}};
  auto text = json.dump();
  const auto with = [&](std::size_t depth) {
    return std::string{text}.replace(text.find("\"DEEP\""), 6, std::string(depth, '[') + std::string(depth, ']'));
  };
  CHECK(decode_request(with(256)));
  CHECK_FALSE(decode_request(with(1'000'000)));
}

TEST_CASE("A request of a newer program is left to it") {
  auto json = nlohmann::json::parse(encode_request({.key = whole, .spec = spec_of(whole)}, our_mark));
  json["format"] = 999;
  const auto read = decode_request(json.dump());
  REQUIRE_FALSE(read);
  CHECK(read.error().kind == fault_kind::version_mismatch);
}

TEST_CASE("What is no request is left alone and named, and what a killed writer left is removed") {
  const temporary_directory directory;
  REQUIRE(write_request(directory.path(), {.key = whole, .spec = spec_of(whole)}, our_mark));
  directory.write("half", "{\"format\":");
  directory.write(whole.part_of("7").text(), encode_request({.key = whole, .spec = spec_of(whole)}, our_mark));
  directory.write("." + whole.text() + ".aB3xyz", "x");
  const auto listing = read_requests(directory.path());
  CHECK(listing.requests.size() == 1);
  CHECK(listing.skipped.size() == 2);
  CHECK(names_in(directory.path()).size() == 3);
}

TEST_CASE("The requests are all there are, unless one of them may be a newer program's") {
  const temporary_directory directory;
  REQUIRE(write_request(directory.path(), {.key = whole, .spec = spec_of(whole)}, our_mark));
  directory.write("other", R"({"format":999})");
  directory.write(whole.part_of("7").text(), ""); // as after a power cut
  CHECK(read_requests(directory.path()).is_whole);
  directory.write(whole.part_of("8").text(), R"({"format":999})");
  CHECK_FALSE(read_requests(directory.path()).is_whole);
}

TEST_CASE("What only looks like a killed writer's is left alone and named") {
  const temporary_directory directory;
  directory.write(".other", "x");
  directory.write("." + whole.text() + ".toolong", "x");
  std::filesystem::create_directory(directory.path() / ("." + whole.text() + ".aB3xyz"));
  std::filesystem::create_symlink("elsewhere", directory.path() / ("." + whole.text() + ".bB3xyz"));
  CHECK(read_requests(directory.path()).skipped.size() == 4);
  CHECK(names_in(directory.path()).size() == 4);
}

TEST_CASE("The run of a request that nests too deep is known") {
  const temporary_directory directory;
  auto text = encode_request({.key = whole, .spec = spec_of(whole)}, our_mark);
  const std::string deep = "\"deep\":" + std::string(1'000'000, '[') + std::string(1'000'000, ']') + ",";
  text.insert(1, deep);
  text.insert(text.find("\"key\""), deep);
  directory.write(whole.text(), text);
  CHECK(read_requests(directory.path()).runs == std::vector{whole.run()});
}

TEST_CASE("A request that another user has put there, or that a link leads to, is not executed") {
  const temporary_directory directory;
  const auto text = encode_request({.key = whole, .spec = spec_of(whole)}, our_mark);
  directory.write("elsewhere/request", text);
  const auto file = directory.path() / "requests" / whole.text();
  directory.write("requests/" + whole.text(), text);
  CHECK(read_requests(file.parent_path()).requests.size() == 1);
  const auto check_skipped = [&](const std::string& why) {
    const auto listing = read_requests(file.parent_path());
    CHECK(listing.requests.empty());
    CHECK(listing.runs.empty());
    REQUIRE(listing.skipped.size() == 1);
    CHECK_THAT(listing.skipped.front(), Catch::Matchers::Contains(why));
  };
  std::filesystem::remove(file);
  std::filesystem::create_symlink("../elsewhere/request", file);
  check_skipped("is a symbolic link");
  CHECK(directory.read("elsewhere/request") == text);
  std::filesystem::remove(file);
  REQUIRE(::mkfifo(file.c_str(), 0600) == 0);
  check_skipped("is not a regular file");
  if (::geteuid() != 0)
    return; // only root can give a file away
  std::filesystem::remove(file);
  directory.write("requests/" + whole.text(), text);
  REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
  check_skipped("belongs to another user (uid 12345)");
}
