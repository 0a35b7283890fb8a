#include "messages/json.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace agent_dispatch;

namespace {

const std::string mark = "\xef\xbf\xbd"; // U+FFFD

std::string marks(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += mark;
  return text;
}

dispatch_result full_result() {
  return {.agent = {"a"},
          .success = true,
          .result = "text",
          .session = session_id{"s"},
          .cost_usd = 0.25,
          .duration_ms = 1234,
          .num_turns = 3,
          .error = "e",
          .error_type = error_type::budget,
          .parsed_result = nlohmann::json{{"z", 1}, {"a", nullptr}},
          .denied_tools = {"Bash", "Write"},
          .hint = "h",
          .budget_exceeded = true};
}

dispatch_result least_result() {
  dispatch_result result;
  result.agent = {"a"};
  return result;
}

std::vector<std::string> keys(const ordered_json& json) {
  std::vector<std::string> all;
  for (const auto& [key, value] : json.items())
    all.push_back(key);
  return all;
}

nlohmann::json plain(const ordered_json& json) { return nlohmann::json(json); }

} // namespace

TEST_CASE("A result has its members in the interface's order") {
  CHECK(keys(to_json(full_result())) ==
        std::vector<std::string>{"agent", "success", "result", "session_id", "cost_usd", "duration_ms", "num_turns",
                                 "error", "error_type", "parsed_result", "denied_tools", "hint", "budget_exceeded"});
  CHECK(dump(to_json(full_result())) ==
        R"({"agent":"a","success":true,"result":"text","session_id":"s","cost_usd":0.25,"duration_ms":1234,)"
        R"("num_turns":3,"error":"e","error_type":"budget","parsed_result":{"a":null,"z":1},)"
        R"("denied_tools":["Bash","Write"],"hint":"h","budget_exceeded":true})");
}

TEST_CASE("What a result does not have is left out; its text is there even when empty") {
  CHECK(dump(to_json(least_result())) == R"({"agent":"a","success":false,"result":""})");
}

TEST_CASE("A result's zeros and empty texts are not absent") {
  auto result = least_result();
  result.cost_usd = 0.0;
  result.num_turns = 0;
  result.error = "";
  result.parsed_result = nullptr;
  CHECK(keys(to_json(result)) ==
        std::vector<std::string>{"agent", "success", "result", "cost_usd", "num_turns", "error", "parsed_result"});
}

TEST_CASE("A job's record has its members in the interface's order") {
  const job_record record{.id = {"0123"},
                          .agent = {"a"},
                          .task = "t",
                          .context = "c",
                          .caller = "d",
                          .goal = "g",
                          .status = job_status::done,
                          .created_at = 1.5,
                          .started_at = 2.5,
                          .completed_at = 3.5,
                          .result = least_result(),
                          .error = "e",
                          .progress = {"p"},
                          .progress_updated_at = 3,
                          .owner = "o",
                          .session = session_id{"s"},
                          .retry_of = job_id{"4567"}};
  CHECK(keys(to_json(record)) == std::vector<std::string>{"id", "agent", "task", "context", "caller", "goal", "status",
                                                          "created_at", "started_at", "completed_at", "result", "error",
                                                          "progress", "progress_updated_at", "owner", "session_id",
                                                          "retry_of"});
  CHECK(to_json(record)["status"] == "done");
  CHECK(keys(to_json(job_record{})) == std::vector<std::string>{"id", "agent", "task", "status", "created_at"});
}

TEST_CASE("A result comes back as it was") {
  CHECK(dispatch_result_from(plain(to_json(full_result()))) == full_result());
  const auto least = least_result();
  CHECK(dispatch_result_from(plain(to_json(least))) == least);
  for (const auto type : {error_type::permission, error_type::timeout, error_type::recursion, error_type::not_found,
                          error_type::budget, error_type::cancelled, error_type::cli_error}) {
    auto result = least;
    result.error_type = type;
    CHECK(dispatch_result_from(plain(to_json(result))) == result);
  }
}

TEST_CASE("A member of null is an absent one") {
  const auto json = nlohmann::json::parse(
      R"({"agent":"a","success":true,"result":"r","session_id":null,"cost_usd":null,"error_type":null,
          "denied_tools":null,"parsed_result":null})");
  auto result = least_result();
  result.success = true;
  result.result = "r";
  CHECK(dispatch_result_from(json) == result);
}

TEST_CASE("A result with a member of the wrong type is refused, by the member's name") {
  for (const auto* name : {"agent", "success", "result", "session_id", "cost_usd", "duration_ms", "num_turns", "error",
                           "error_type", "hint", "budget_exceeded"}) {
    CAPTURE(name);
    auto json = plain(to_json(full_result()));
    json[name] = nlohmann::json::array({1});
    const auto back = dispatch_result_from(json);
    REQUIRE_FALSE(back);
    CHECK(back.error().kind == fault_kind::protocol);
    CHECK_THAT(back.error().message, Catch::Matchers::Contains(std::string{"'"} + name + "'"));
  }
  for (const auto* text : {"[]", "null", "1", "\"x\""})
    CHECK_FALSE(dispatch_result_from(nlohmann::json::parse(text)));
}

TEST_CASE("A result of another version may lack members, and denied tools that are no text are passed over") {
  CHECK(dispatch_result_from(nlohmann::json::object()) == dispatch_result{});
  const auto tools = nlohmann::json::parse(R"({"agent":"a","denied_tools":["Bash",5,null]})");
  CHECK(dispatch_result_from(tools)->denied_tools == std::vector<std::string>{"Bash"});
  CHECK(dispatch_result_from(nlohmann::json{{"denied_tools", "Bash"}})->denied_tools.empty());
}

TEST_CASE("A type of error of a later version is one of the CLI's") {
  auto json = plain(to_json(full_result()));
  json["error_type"] = "weather";
  CHECK(dispatch_result_from(json)->error_type == error_type::cli_error);
}

TEST_CASE("The words of states and errors come back as they were") {
  for (const auto status :
       {job_status::pending, job_status::running, job_status::done, job_status::failed, job_status::cancelled})
    CHECK(job_status_from(to_string(status)) == status);
  CHECK(job_status_from("Done") == std::nullopt);
  CHECK(error_type_from("timeout") == error_type::timeout);
  CHECK(error_type_from("") == std::nullopt);
  CHECK_FALSE(is_terminal(job_status::pending));
  CHECK_FALSE(is_terminal(job_status::running));
  CHECK(is_terminal(job_status::cancelled));
}

TEST_CASE("Valid UTF-8 stays as it is") {
  for (const std::string& text :
       {std::string{}, std::string{"plain\n\0x", 8}, std::string{"\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf"},
        std::string{"\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"}, mark})
    CHECK(to_valid_utf8(text) == text);
}

// The Unicode Standard, section 3.9, tables 3-8 to 3-11.
TEST_CASE("Each maximal subpart of what is not UTF-8 becomes one mark, as in the Unicode standard's tables") {
  CHECK(to_valid_utf8("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41") == marks(8) + "A");
  CHECK(to_valid_utf8("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41") == marks(8) + "A");
  CHECK(to_valid_utf8("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42") == marks(5) + "A" + marks(2) + "B");
  CHECK(to_valid_utf8("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41") == marks(4) + "A");
}

TEST_CASE("A sequence that the end cuts off becomes one mark") {
  for (const auto* bytes : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xe2", "\xf0"})
    CHECK(to_valid_utf8(std::string{"a"} + bytes) == "a" + mark);
}

TEST_CASE("Characters are counted and cut as code points, never in their middle") {
  const std::string text = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z";
  CHECK(count_characters(text) == 5);
  CHECK(count_characters("") == 0);
  CHECK(first_characters(text, 0).empty());
  CHECK(first_characters(text, 1) == "a");
  CHECK(first_characters(text, 2) == "a\xc3\xa4");
  CHECK(first_characters(text, 3) == "a\xc3\xa4\xe2\x82\xac");
  CHECK(first_characters(text, 4) == "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(first_characters(text, 5) == text);
  CHECK(first_characters(text, 6) == text);
  CHECK(first_characters(text, std::numeric_limits<std::size_t>::max()) == text);
}

TEST_CASE("Bytes are cut between characters too") {
  CHECK(first_bytes("a\u00e9b", 0).empty());
  CHECK(first_bytes("a\u00e9b", 2) == "a");
  CHECK(first_bytes("a\u00e9b", 3) == "a\u00e9");
  CHECK(first_bytes("a\u00e9b", 9) == "a\u00e9b");
  CHECK(first_bytes("\xa9\xa9\xa9", 2).empty());
}

TEST_CASE("JSON is written on one line, unescaped, whatever bytes its texts have") {
  const ordered_json json{{"b", "\xc3\xa4\n"}, {"a\xff", "x\xed\xa0\x80y\xe2\x82"}};
  const auto text = dump(json);
  CHECK_THAT(text, Catch::Matchers::StartsWith("{\"b\":\"\xc3\xa4\\n\",\"a" + mark + "\":\"x"));
  CHECK(text.find('\n') == std::string::npos);
  CHECK(nlohmann::json::accept(text));
  CHECK(to_valid_utf8(text) == text);
  CHECK(nlohmann::json::accept(dump_pretty(json)));
  CHECK(dump(nlohmann::json("\xff")) == "\"" + mark + "\"");
}

TEST_CASE("Each byte that is no text can be written out") {
  for (int i = 0; i < 256; ++i) {
    const std::string bytes(3, static_cast<char>(i));
    CHECK(nlohmann::json::accept(dump(ordered_json(bytes))));
    auto result = least_result();
    result.result = bytes;
    CHECK(nlohmann::json::accept(dump(to_json(result))));
  }
}

TEST_CASE("Numbers that JSON does not have are written as null") {
  CHECK(dump(ordered_json(std::numeric_limits<double>::infinity())) == "null");
  CHECK(dump(ordered_json(std::numeric_limits<double>::quiet_NaN())) == "null");
}

TEST_CASE("Pretty JSON is indented by two") { CHECK(dump_pretty(ordered_json{{"a", 1}}) == "{\n  \"a\": 1\n}"); }
