#include "frontends/views/jobs_view.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;

namespace {

const std::string id(32, 'a');

std::vector<std::string> keys(const ordered_json& json) {
  std::vector<std::string> all;
  for (const auto& [key, value] : json.items())
    all.push_back(key);
  return all;
}

std::string umlauts(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i)
    text += "\xc3\xa4";
  return text;
}

dispatch_result make_result(std::string text = "text") {
  dispatch_result result;
  result.agent = {"shop"};
  result.success = true;
  result.result = std::move(text);
  result.session = session_id{"s"};
  result.cost_usd = 0.5;
  return result;
}

job_record make_record(job_status status) {
  job_record record{.id = {id}, .agent = {"shop"}, .task = "t", .status = status, .created_at = 1.5};
  if (status != job_status::pending)
    record.started_at = 2.5;
  if (is_terminal(status))
    record.completed_at = 3.5;
  return record;
}

job_record make_done(std::string text = "text") {
  auto record = make_record(job_status::done);
  record.result = make_result(std::move(text));
  return record;
}

} // namespace

TEST_CASE("A row of a fresh job has what every job has") {
  CHECK(dump(job_row_json(make_record(job_status::pending))) ==
        R"({"id":")" + id + R"(","agent":"shop","status":"pending","task":"t","created_at":1.5})");
}

TEST_CASE("A row has its members in the interface's order") {
  auto record = make_done();
  record.progress = {"first", "last"};
  record.result->error_type = error_type::budget;
  const auto row = job_row_json(record);
  CHECK(keys(row) == std::vector<std::string>{"id", "agent", "status", "task", "created_at", "started_at",
                                              "completed_at", "success", "cost_usd", "last_progress", "error_type"});
  CHECK(row["last_progress"] == "last");
  CHECK(row["error_type"] == "budget");
}

TEST_CASE("A row shows 120 characters of the task") {
  auto record = make_record(job_status::pending);
  record.task = umlauts(200);
  CHECK(job_row_json(record)["task"] == umlauts(120));
  record.task = std::string(119, 'x') + "\xff\xff";
  CHECK(job_row_json(record)["task"] == std::string(119, 'x') + "\xef\xbf\xbd");
}

TEST_CASE("No jobs are an empty array") {
  CHECK(dump(job_rows_json({})) == "[]");
  const std::vector records{make_record(job_status::pending), make_done()};
  CHECK(job_rows_json(records).size() == 2);
}

TEST_CASE("Waiting that was given up says so beside the record") {
  const auto running = make_record(job_status::running);
  auto wanted = to_json(running);
  CHECK(job_json(running) == wanted);
  wanted["timed_out_waiting"] = true;
  CHECK(waited_job_json(running) == wanted);
  CHECK(waited_job_json(make_done()) == to_json(make_done()));
}

TEST_CASE("A cancel answers with a message only where there is one") {
  CHECK(dump(cancel_json({.id = {"x"}})) == R"({"job_id":"x","outcome":"cancelled","status":"cancelled"})");
  CHECK(dump(cancel_json(
            {.id = {"x"}, .outcome = cancel_outcome::running, .status = job_status::running, .message = "why"})) ==
        R"({"job_id":"x","outcome":"running","status":"running","message":"why"})");
}

TEST_CASE("An accepted job and a collection answer with the interface's members") {
  CHECK(dump(accepted_job_json(make_record(job_status::pending))) ==
        R"({"job_id":")" + id + R"(","status":"pending","agent":"shop"})");
  CHECK(dump(gc_json(3, 7)) == R"({"purged":3,"max_age_days":7.0})");
}

TEST_CASE("A job that ended without a result has one made from its record") {
  auto failed = make_record(job_status::failed);
  failed.error = "lost";
  failed.session = session_id{"s"};
  const auto lost = result_of_job(failed);
  CHECK_FALSE(lost.success);
  CHECK(lost.error == "lost");
  CHECK(lost.error_type == error_type::cli_error);
  CHECK(lost.session == session_id{"s"});
  CHECK(result_of_job(make_record(job_status::cancelled)).error_type == error_type::cancelled);
  CHECK(result_of_job(make_done()) == make_result());
}

TEST_CASE("A fetched result is the whole one, or cut in characters with its full size") {
  const auto record = make_done(umlauts(10));
  const auto whole = to_json(*record.result);
  for (const std::int64_t most : {0, -1, 10, 11})
    CHECK(fetched_result_json(record, most) == whole);
  const auto cut = fetched_result_json(record, 9);
  CHECK(cut["result"] == umlauts(9));
  CHECK(cut["truncated"] == true);
  CHECK(cut["full_size"] == 10);
  CHECK(cut["cost_usd"] == 0.5);
  const auto running = make_record(job_status::running);
  CHECK(fetched_result_json(running, 1) == to_json(running));
}

TEST_CASE("A ref shows the beginning of the text and its size in characters") {
  const auto ref = ref_json({id}, make_result(umlauts(10)), 4);
  CHECK(dump(ref) == R"({"ref":")" + id + R"(","agent":"shop","success":true,"size":10,"summary_chars":4,"summary":")" +
                         umlauts(4) + R"(","session_id":"s","cost_usd":0.5})");
  CHECK(ref_json({id}, make_result("abc"), 500)["summary_chars"] == 3);
  CHECK(ref_json({id}, make_result("abc"), -5)["summary"] == "");
  const auto large = ref_json({id}, make_result(std::string(200'000, 'x')), 1'000'000);
  CHECK(large["summary_chars"] == 100'000);
  CHECK(large["summary"].get<std::string>().size() == 100'000);
  CHECK(large["size"] == 200'000);
}

TEST_CASE("A ref has what is set of the result, in the interface's order") {
  auto result = make_result();
  result.duration_ms = 5;
  result.num_turns = 2;
  result.error = "e";
  result.error_type = error_type::budget;
  result.parsed_result = nullptr;
  result.denied_tools = {"Bash"};
  result.hint = "h";
  result.budget_exceeded = true;
  CHECK(keys(ref_json({id}, result, 1)) == std::vector<std::string>{"ref", "agent", "success", "size", "summary_chars",
                                                                    "summary", "session_id", "cost_usd", "duration_ms",
                                                                    "num_turns", "error", "error_type", "denied_tools",
                                                                    "hint", "parsed_result"});
}
