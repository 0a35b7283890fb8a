#include <catch2/catch.hpp>

#include <string>

#include "actors/logic/output_parser.hpp"
#include "messages/limits.hpp"

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

const std::string replacement = "\xef\xbf\xbd";

std::string result_line(const std::string& text, const std::string& more = "") {
  return R"({"is_error":false,"result":")" + text + "\"" + more + R"(,"type":"result"})" + "\n";
}

std::string text_line(const std::string& text, const std::string& parent = "null") {
  return R"({"message":{"content":[{"type":"text","text":")" + text + R"("}]},"parent_tool_use_id":)" + parent +
         R"(,"type":"assistant"})" + "\n";
}

parsed_output parse(std::string_view stream, const output_marks& marks = {}) {
  output_parser parser;
  parser.feed(stream);
  return parser.finish(marks);
}

std::string text_of(const parsed_output& output) {
  REQUIRE(output.result);
  return output.result->text.value_or("<none>");
}

std::vector<std::string> progress(std::string_view stream) {
  output_parser parser;
  std::vector<std::string> lines;
  for (const auto& event : parser.feed(stream))
    if (const auto* shown = std::get_if<progress_event>(&event))
      lines.push_back(shown->text);
  return lines;
}

} // namespace

TEST_CASE("the last result wins, in lines and in an array") {
  CHECK(text_of(parse(result_line("one") + result_line("two"))) == "two");
  CHECK(text_of(parse(R"([{"type":"system"},{"type":"result","result":"one"},{"type":"result","result":"two"}])")) ==
        "two");
}

TEST_CASE("a result that stands over several lines is found") {
  CHECK(text_of(parse("{\n  \"type\": \"result\",\n  \"result\": \"wide\"\n}\n")) == "wide");
  CHECK(text_of(parse("[\n{\"type\":\n\"result\",\n  \"result\": \"wide\"\n}\n]")) == "wide");
}

TEST_CASE("a last line without its newline counts") {
  auto line = result_line("answer");
  line.pop_back();
  CHECK(text_of(parse(text_line("working") + line)) == "answer");
}

TEST_CASE("a result counts when its last byte was there before the signal") {
  const auto first = result_line("before");
  const auto both = first + result_line("after");
  const auto text_at = [&](std::uint64_t mark) {
    return text_of(parse(both, {.at_signal = mark, .at_end = both.size()}));
  };
  CHECK(text_at(first.size()) == "before");
  CHECK(text_at(first.size() - 1) == "before"); // all but the newline
  CHECK(text_at(first.size() - 2) == "after");
  CHECK(text_at(0) == "after");
  CHECK(text_at(both.size()) == "after");
}

TEST_CASE("whether the answer came in time is said") {
  const auto line = result_line("x");
  CHECK(parse(line).answered_in_time);
  CHECK(parse(line, {.at_signal = line.size(), .at_end = line.size()}).answered_in_time);
  CHECK_FALSE(parse(line, {.at_signal = 3, .at_end = line.size()}).answered_in_time);
  CHECK_FALSE(parse("", {}).answered_in_time);
}

TEST_CASE("a result written after the CLI was gone is nobody's") {
  const auto line = result_line("x");
  const auto output = parse(line + result_line("forged"), {.at_signal = 0, .at_end = line.size()});
  CHECK(text_of(output) == "x");
  CHECK_FALSE(parse(line, {.at_signal = 0, .at_end = 5}).result);
}

TEST_CASE("without a signal a result after the end does not count either") {
  const auto line = result_line("x");
  CHECK(text_of(parse(line + result_line("forged"), {.at_signal = {}, .at_end = line.size()})) == "x");
}

TEST_CASE("the run's cost is the sum over its results, also of those that do not count") {
  const auto one = result_line(
      "a", R"(,"total_cost_usd":5,"model_usage_since_last_result":{"m":{"costUSD":0.25},"n":{"costUSD":0.5}})");
  const auto two = result_line("b", R"(,"total_cost_usd":6,"model_usage_since_last_result":{"m":{"costUSD":1}})");
  CHECK(parse(one + two).cost_usd == 1.75);
  CHECK(parse(one + two, {.at_signal = one.size(), .at_end = one.size() + two.size()}).cost_usd == 1.75);
  CHECK(parse(result_line("a", R"(,"total_cost_usd":6,"model_usage_since_last_result":{})")).cost_usd == 0.0);
}

TEST_CASE("costs that add up to no number are none") {
  const std::string huge = R"(,"model_usage_since_last_result":{"m":{"costUSD":1e308},"n":{"costUSD":1e308}})";
  CHECK(parse(result_line("a", huge) + result_line("b", huge)).cost_usd == 0.0);
  CHECK_FALSE(parse(result_line("a", R"(,"total_cost_usd":1e308)")).cost_usd);
}

TEST_CASE("where no result tells its own cost the last total is taken") {
  CHECK(parse(result_line("a", R"(,"total_cost_usd":5)") + result_line("b", R"(,"total_cost_usd":6)")).cost_usd == 6);
  CHECK_FALSE(parse(result_line("a")).cost_usd);
  CHECK_FALSE(parse("").cost_usd);
}

TEST_CASE("members of the wrong type are ignored, a result of another kind becomes text") {
  const auto result = [](const std::string& members) {
    const auto output = parse("{\"type\":\"result\"," + members + "}");
    REQUIRE(output.result);
    return *output.result;
  };
  CHECK(result(R"("result":{"a":[1]})").text == R"({"a":[1]})");
  CHECK(result(R"("result":5)").text == "5");
  CHECK(result(R"("result":false)").text == "false");
  CHECK_FALSE(result(R"("result":null)").text);
  const auto odd = result(
      R"("is_error":"false","num_turns":[1],"duration_ms":-4,"total_cost_usd":"0.5","session_id":5,"errors":"alone","permission_denials":"x","subtype":{},"terminal_reason":7)");
  CHECK_FALSE(odd.is_error);
  CHECK_FALSE(odd.num_turns);
  CHECK_FALSE(odd.duration_ms);
  CHECK_FALSE(odd.total_cost_usd);
  CHECK_FALSE(odd.session);
  CHECK_FALSE(odd.denials);
  CHECK(odd.errors == std::vector<std::string>{"alone"});
  CHECK(odd.subtype.empty());
  CHECK(result(R"("is_error":1)").is_error);
  CHECK(result(R"("is_error":"true")").is_error);
  CHECK(result(R"("subtype":"error_max_turns")").is_error);
  CHECK_FALSE(result(R"("subtype":"error_max_turns","is_error":false)").is_error);
  const auto huge = result(
      R"("num_turns":1e999,"duration_ms":1e300,"total_cost_usd":-1,"model_usage_since_last_result":{"m":{"costUSD":1e999},"n":5})");
  CHECK_FALSE(huge.num_turns);
  CHECK_FALSE(huge.duration_ms);
  CHECK_FALSE(huge.total_cost_usd);
  CHECK(huge.cost_since_last_result == 0.0);
  CHECK(result(R"("duration_ms":12.7)").duration_ms == 12);
}

TEST_CASE("a session id of any length but a sane one is none") {
  CHECK(parse(result_line("r", ",\"session_id\":\"" + std::string(200, 's') + "\"")).result->session);
  CHECK_FALSE(parse(result_line("r", ",\"session_id\":\"" + std::string(201, 's') + "\"")).result->session);
}

TEST_CASE("the last of two members of one name counts") {
  CHECK(text_of(parse(R"({"type":"user","result":"a","type":"result","result":"b"})")) == "b");
}

TEST_CASE("denied tools and errors are bounded, in number and length") {
  std::string denials;
  std::string errors;
  for (int i = 0; i < 30; ++i) {
    denials +=
        (i == 0 ? "" : ",") + std::string{R"({"tool_name":"T)"} + std::to_string(i) + std::string(300, 'x') + "\"}";
    errors += (i == 0 ? "\"" : ",\"") + std::to_string(i) + std::string(3000, 'y') + "\"";
  }
  const auto output = parse(result_line("r", ",\"permission_denials\":[" + denials + "],\"errors\":[" + errors + "]"));
  REQUIRE(output.result);
  REQUIRE(output.result->denials);
  CHECK(output.result->denials->size() == 10);
  CHECK(output.result->denials->front().size() == 100);
  CHECK(output.result->errors.size() == 5);
  CHECK(output.result->errors.front().size() == 300);
}

TEST_CASE("bounds count characters and do not cut one in half") {
  const std::string many = []() {
    std::string text;
    for (int i = 0; i < 400; ++i)
      text += "\xc3\xa9";
    return text;
  }();
  const auto output = parse(result_line("r", ",\"errors\":[\"" + many + "\",\"\",null,{\"a\":1}]"));
  REQUIRE(output.result);
  REQUIRE(output.result->errors.size() == 2);
  CHECK(output.result->errors.front() == many.substr(0, 600));
  CHECK(output.result->errors.back() == "{\"a\":1}");
}

TEST_CASE("a denied tool is named once, whatever form its entry has") {
  const auto output = parse(result_line(
      "r", R"(,"permission_denials":[{"tool_name":"Bash"},{"tool_name":"Bash"},"Read",{"tool_name":7},{},3])"));
  REQUIRE(output.result);
  CHECK(output.result->denials == std::vector<std::string>{"Bash", "Read"});
}

TEST_CASE("tools denied while it ran are remembered") {
  const std::string line = R"({"type":"system","subtype":"permission_denied","tool_name":"Write"})"
                           "\n";
  CHECK(parse(line + line).denied == std::vector<std::string>{"Write"});
}

TEST_CASE("output that is no event is plain text") {
  const auto output = parse("\n  hello \n\n" + text_line("not this") + " world\n\n");
  CHECK(output.plain_text == "hello \n\n world");
  CHECK(output.has_events);
  CHECK_FALSE(output.result);
}

TEST_CASE("JSON that is no event is plain text") {
  for (const char* text :
       {"{\"answer\": 42}", "[1,2,3]", "\"word\"", "42", "null", "{\"type\": 5}", "{\"type\":\"result\",}",
        "{\"type\":\"result\"", "[{\"a\":1}]", "[[{\"type\":\"result\"}]]"}) {
    INFO(text);
    const auto output = parse(text);
    CHECK(output.plain_text == text);
    CHECK_FALSE(output.has_events);
    CHECK_FALSE(output.result);
  }
}

TEST_CASE("an event cut off when the CLI died is no plain text") {
  CHECK(parse(text_line("working") + R"({"type":"assistant","mess)").plain_text.empty());
  CHECK(parse(text_line("working") + "the end").plain_text == "the end");
  CHECK(parse(text_line("working") + "{\"a\":1}").plain_text == "{\"a\":1}");
}

TEST_CASE("garbage between events hurts neither") {
  const auto output = parse("warning: \xff\xfe\n" + text_line("a") + "}{][\n" + result_line("r"));
  CHECK(text_of(output) == "r");
  CHECK(output.agent_text == "a");
  CHECK(output.plain_text == "warning: " + replacement + replacement + "\n}{][");
}

TEST_CASE("invalid UTF-8 and lone surrogates become U+FFFD, wherever they are") {
  const auto output = parse(text_line("a\xff"
                                      "b\\ud83d") +
                            result_line("c\xc3(\\ude00", ",\"session_id\":\"s\xff\""));
  CHECK(output.agent_text == "a" + replacement + "b" + replacement);
  CHECK(text_of(output) == "c" + replacement + "(" + replacement);
  CHECK(output.result->session == session_id{"s" + replacement});
}

TEST_CASE("CRLF ends a line too") { CHECK(text_of(parse("{\"type\":\"result\",\"result\":\"r\"}\r\n")) == "r"); }

TEST_CASE("brackets without end are only text") {
  const std::string bomb(3'000'000, '[');
  const auto output = parse(bomb + "\n" + result_line("r"));
  CHECK(text_of(output) == "r");
  CHECK(output.plain_text_cut);
  CHECK(text_of(parse("{\"type\":\"result\",\"result\":\"r\",\"x\":" + bomb + std::string(3'000'000, ']') + "}")) ==
        "r");
}

TEST_CASE("progress is the assistant's texts and tools, subagents' too") {
  CHECK(
      progress(
          text_line("looking") + text_line("sub", "\"tool_1\"") + text_line(" \\n") +
          R"({"type":"assistant","message":{"content":[{"type":"tool_use","name":"Bash","input":{}},{"type":"thinking","text":"hm"}]}})"
          "\n" +
          R"({"type":"user","message":{"content":[{"type":"text","text":"no"}]}})"
          "\n" +
          result_line("r")) == std::vector<std::string>{"looking", "sub", "Using tool: Bash"});
}

TEST_CASE("a progress text has at most 500 characters") {
  std::string escaped;
  std::string plain;
  for (int i = 0; i < 600; ++i) {
    escaped += "\\ud83d\\ude00";
    if (i < 500)
      plain += "\xf0\x9f\x98\x80";
  }
  CHECK(progress(text_line(escaped)) == std::vector<std::string>{plain});
}

TEST_CASE("progress comes with the bytes that complete its line") {
  output_parser parser;
  const auto line = text_line("now");
  CHECK(parser.feed(std::string_view{line}.substr(0, line.size() - 1)).empty());
  CHECK(parser.feed("\n").size() == 1);
}

TEST_CASE("the agent's text is its own, not a subagent's") {
  const auto output = parse(text_line("one") + text_line("sub", "\"tool_1\"") + text_line("") + text_line("two") +
                            R"({"type":"assistant","message":{"content":"three"}})"
                            "\n");
  CHECK(output.agent_text == "one\n\ntwo\n\nthree");
}

TEST_CASE("of too much agent text the newest is kept") {
  std::string stream;
  for (int i = 0; i < 3000; ++i)
    stream += text_line(std::to_string(i) + std::string(1000, 'x'));
  const auto output = parse(stream);
  CHECK(output.agent_text.size() <= limits::partial_text_bytes);
  CHECK(output.agent_text.size() > limits::partial_text_bytes / 2);
  CHECK(output.agent_text.substr(output.agent_text.size() - 1004, 4) == "2999");
}

TEST_CASE("one enormous text is cut, and so is plain output") {
  const std::string enormous(3 * limits::partial_text_bytes, 'x');
  CHECK(parse(text_line(enormous)).agent_text.size() == limits::partial_text_bytes);
  const auto plain = parse(enormous + "\nmore\n");
  CHECK(plain.plain_text.size() == limits::partial_text_bytes);
  CHECK(plain.plain_text_cut);
  CHECK_FALSE(parse(std::string(limits::partial_text_bytes, 'x')).plain_text_cut);
}

TEST_CASE("a line over the limit is dropped and the next ones are read") {
  output_parser parser;
  const std::string piece(16U << 20U, 'x');
  parser.feed("{\"type\":\"result\",\"result\":\"");
  for (int i = 0; i < 5; ++i)
    parser.feed(piece);
  parser.feed("\"}\n" + result_line("small"));
  const auto output = parser.finish({});
  CHECK(output.dropped_lines == 1);
  CHECK(text_of(output) == "small");
  CHECK(output.plain_text.empty());
}

TEST_CASE("a line under the limit is read, in a few large pieces") {
  output_parser parser;
  const std::string piece(16U << 20U, 'x');
  parser.feed("{\"type\":\"result\",\"result\":\"");
  for (int i = 0; i < 3; ++i)
    parser.feed(piece);
  parser.feed("\"}\n");
  CHECK(text_of(parser.finish({})).size() == 3 * piece.size());
}

TEST_CASE("of many results the last 64 are kept, and the cost of all") {
  std::string stream;
  std::uint64_t tenth_end = 0;
  for (int i = 1; i <= 100; ++i) {
    stream += result_line(std::to_string(i), R"(,"model_usage_since_last_result":{"m":{"costUSD":1}})");
    if (i == 50)
      tenth_end = stream.size();
  }
  const auto output = parse(stream, {.at_signal = tenth_end, .at_end = stream.size()});
  CHECK(text_of(output) == "50");
  CHECK(output.cost_usd == 100);
  const auto early = parse(stream, {.at_signal = 10, .at_end = stream.size()});
  CHECK(text_of(early) == "100");
}

TEST_CASE("the session is known as soon as the CLI says it") {
  output_parser parser;
  const auto events = parser.feed(R"({"type":"system","subtype":"init","session_id":"s-1"})"
                                  "\n");
  REQUIRE(events.size() == 1);
  CHECK(std::get<session_began>(events.front()).session == session_id{"s-1"});
  CHECK(parser.session() == session_id{"s-1"});
  CHECK(parser.finish({}).session == session_id{"s-1"});
}

TEST_CASE("retries of the API are told") {
  output_parser parser;
  const auto events = parser.feed(
      R"({"type":"system","subtype":"api_retry","attempt":2,"max_retries":10,"retry_delay_ms":1113,"error_status":401,"error":"authentication_failed"})"
      "\n"
      R"({"type":"system","subtype":"api_retry","error_status":null})"
      "\n");
  REQUIRE(events.size() == 2);
  CHECK(std::get<api_retry>(events.front()) == api_retry{2, 10, 1113ms, 401, "authentication_failed"});
  CHECK(std::get<api_retry>(events.back()) == api_retry{});
}

TEST_CASE("bytes are counted, and nothing at all is nothing") {
  CHECK(parse("").bytes == 0);
  CHECK(parse("").plain_text.empty());
  CHECK(parse("ab\ncd").bytes == 5);
  CHECK(parse("\n\n").plain_text.empty());
}
