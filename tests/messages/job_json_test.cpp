#include <catch2/catch.hpp>

#include "messages/json.hpp"

using namespace agent_dispatch;

namespace {

const std::string id(32, 'a');

job_record full_record() {
  dispatch_result result;
  result.agent = {"shop"};
  result.success = true;
  result.result = "text";
  result.cost_usd = 0.25;
  return {.id = {id},
          .agent = {"shop"},
          .task = "t\n\xc3\xa4",
          .context = "c",
          .caller = "d",
          .goal = "g",
          .status = job_status::done,
          .created_at = 1700000000.123456,
          .started_at = 1700000001.5,
          .completed_at = 1700000002.5,
          .result = result,
          .error = "e",
          .progress = {"p", "q"},
          .progress_updated_at = 1700000002.25,
          .owner = "m:b:n:j",
          .session = session_id{"s"},
          .retry_of = job_id{std::string(32, 'b')},
          .request = job_request{.format = response_format::json,
                                 .timeout = std::chrono::seconds{600},
                                 .clamp_timeout = false,
                                 .group = "friends"},
          .unknown = nlohmann::json{{"priority", 5}, {"tags", {"a", nullptr}}}};
}

job_record least_record() { return {.id = {id}, .agent = {"shop"}, .task = "t"}; }

nlohmann::json plain(const job_record& record) { return nlohmann::json::parse(dump(to_json(record))); }

void check_refused(const nlohmann::json& json, const std::string& member) {
  const auto record = job_record_from(json);
  REQUIRE_FALSE(record);
  CHECK(record.error().kind == fault_kind::protocol);
  CHECK_THAT(record.error().message, Catch::Matchers::Contains("'" + member + "'"));
}

} // namespace

TEST_CASE("A record comes back as it was") {
  CHECK(job_record_from(plain(full_record())) == full_record());
  CHECK(job_record_from(plain(least_record())) == least_record());
  for (const auto status :
       {job_status::pending, job_status::running, job_status::done, job_status::failed, job_status::cancelled}) {
    auto record = least_record();
    record.status = status;
    CHECK(job_record_from(plain(record)) == record);
  }
  auto record = least_record();
  record.request = job_request{};
  CHECK(job_record_from(plain(record)) == record);
}

TEST_CASE("What retry needs is in the record's request") {
  CHECK(dump(to_json(*full_record().request)) ==
        R"({"response_format":"json","timeout_seconds":600,"clamp_timeout":false,"group":"friends"})");
  CHECK(dump(to_json(job_request{})) == R"({"response_format":"text","timeout_seconds":0,"clamp_timeout":true})");
}

TEST_CASE("Members that are not ours come last and as they were") {
  CHECK_THAT(dump(to_json(full_record())), Catch::Matchers::EndsWith(R"("priority":5,"tags":["a",null]})"));
}

TEST_CASE("A member of null is an absent one in a record too") {
  auto json = plain(least_record());
  for (const auto* name : {"context", "started_at", "completed_at", "result", "error", "progress", "owner", "request",
                           "session_id", "retry_of", "progress_updated_at"})
    json[name] = nullptr;
  CHECK(job_record_from(json) == least_record());
}

TEST_CASE("A record's member of the wrong type is refused, by its name") {
  const auto good = plain(full_record());
  for (const auto* name :
       {"id", "agent", "task", "context", "caller", "goal", "status", "created_at", "started_at", "completed_at",
        "result", "error", "progress", "progress_updated_at", "owner", "session_id", "retry_of", "request"})
    for (const auto& wrong : {nlohmann::json{{"x", {1}}}, nlohmann::json{true}}) {
      CAPTURE(name, wrong.dump());
      // An object is a result and a request; what is in it is looked at below.
      if (wrong.is_object() && (std::string_view{name} == "result" || std::string_view{name} == "request"))
        continue;
      auto json = good;
      json[name] = wrong;
      check_refused(json, name);
    }
}

TEST_CASE("A record without what every record has is refused") {
  for (const auto* name : {"id", "agent", "task", "status", "created_at"}) {
    auto json = plain(full_record());
    json.erase(name);
    check_refused(json, name);
    json[name] = nullptr;
    check_refused(json, name);
  }
  for (const auto* text : {"[]", "null", "1", "\"x\""})
    CHECK_FALSE(job_record_from(nlohmann::json::parse(text)));
}

TEST_CASE("A record's values must be possible ones") {
  const auto with = [](const char* name, nlohmann::json value) {
    auto json = plain(full_record());
    json[name] = std::move(value);
    return json;
  };
  check_refused(with("id", "../../etc/passwd"), "id");
  check_refused(with("id", std::string(32, 'A')), "id");
  check_refused(with("status", "Done"), "status");
  check_refused(with("status", ""), "status");
  check_refused(with("progress", {"a", 1}), "progress");
  check_refused(with("result", {{"cost_usd", "much"}}), "result");
  check_refused(with("request", {{"timeout_seconds", "600"}}), "request");
}

TEST_CASE("A number that its member cannot hold is of the wrong type") {
  for (const auto& value : {nlohmann::json(1e300), nlohmann::json(-1e300), nlohmann::json(18446744073709551615U)}) {
    auto json = plain(full_record());
    json["result"]["duration_ms"] = value;
    check_refused(json, "result");
  }
  auto json = plain(full_record());
  json["result"]["duration_ms"] = 12.0;
  CHECK(job_record_from(json)->result->duration_ms == 12);
}
