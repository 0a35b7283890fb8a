// The parser reads events without a JSON library. Here it is held against one, on recorded and on made-up streams, in
// whatever cuts.

#include <catch2/catch.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>

#include "actors/logic/output_parser.hpp"
#include "messages/json.hpp"

using namespace agent_dispatch;
using nlohmann::json;

namespace {

/// What a stream says, in a form to compare.
struct reading {
  std::vector<std::string> shown;
  std::string agent_text;
  std::string last_result;
  std::optional<double> cost;
  std::string plain;

  bool operator==(const reading&) const = default;
};

std::string describe(const reading& r) {
  std::string text;
  for (const auto& line : r.shown)
    text += line + "\n";
  return text + "agent: " + r.agent_text + "\nresult: " + r.last_result + "\nplain: " + r.plain +
         "\ncost: " + (r.cost ? std::to_string(*r.cost) : "none");
}

// ---- with a JSON library -------------------------------------------------------------------------------------------

class oracle {
public:
  reading read(const std::string& stream) {
    std::istringstream lines{stream};
    for (std::string line; std::getline(lines, line);) {
      const auto value = json::parse(line, nullptr, false);
      if (value.is_array())
        for (const auto& item : value)
          take(item);
      else
        take(value);
    }
    return std::move(read_);
  }

private:
  static std::string text(const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
  }

  void take(const json& event) {
    const auto type = text(event, "type");
    if (type == "assistant")
      take_assistant(event);
    else if (type == "system" && text(event, "subtype") == "permission_denied")
      read_.shown.push_back("denied " + text(event, "tool_name"));
    else if (type == "result")
      take_result(event);
  }

  void take_assistant(const json& event) {
    const auto parent = event.find("parent_tool_use_id");
    const bool of_agent = parent == event.end() || parent->is_null();
    for (const auto& block : event.at("message").at("content")) {
      if (text(block, "type") == "tool_use")
        read_.shown.push_back("Using tool: " + std::string{first_characters(text(block, "name"), 100)});
      if (text(block, "type") != "text")
        continue;
      const auto said = text(block, "text");
      if (of_agent && !said.empty())
        read_.agent_text += (read_.agent_text.empty() ? "" : "\n\n") + said;
      const std::string start{first_characters(said, 500)};
      if (start.find_first_not_of(" \t\r\n") != std::string::npos)
        read_.shown.push_back(start);
    }
  }

  void take_result(const json& event) {
    read_.last_result = text(event, "result") + "|" + text(event, "subtype") + "|" +
                        (event.at("is_error").get<bool>() ? "error" : "fine") + "|" +
                        std::to_string(event.at("num_turns").get<int>());
    double sum = read_.cost.value_or(0);
    for (const auto& model : event.at("model_usage_since_last_result"))
      sum += model.at("costUSD").get<double>();
    read_.cost = sum;
  }

  reading read_;
};

// ---- with ours -----------------------------------------------------------------------------------------------------

void show(const std::vector<output_event>& events, reading& read) {
  for (const auto& event : events) {
    if (const auto* progress = std::get_if<progress_event>(&event))
      read.shown.push_back(progress->text);
    else if (const auto* denied = std::get_if<tool_denied>(&event))
      read.shown.push_back("denied " + denied->tool);
  }
}

template <class Cut>
reading read_in_cuts(const std::string& stream, Cut cut) {
  output_parser parser;
  reading read;
  for (std::size_t at = 0; at < stream.size();) {
    const std::size_t length = std::min<std::size_t>(cut(), stream.size() - at);
    show(parser.feed(std::string_view{stream}.substr(at, length)), read);
    at += length;
  }
  const auto output = parser.finish({});
  read.agent_text = output.agent_text;
  read.cost = output.cost_usd;
  read.plain = output.plain_text;
  if (output.result)
    read.last_result = output.result->text.value_or("") + "|" + output.result->subtype + "|" +
                       (output.result->is_error ? "error" : "fine") + "|" +
                       std::to_string(output.result->num_turns.value_or(0));
  return read;
}

// ---- made-up streams -----------------------------------------------------------------------------------------------

class event_maker {
public:
  explicit event_maker(unsigned seed) : random_{seed} {}

  std::string stream() {
    std::string text;
    for (int i = below(12); i >= 0; --i)
      text += event() + "\n";
    return text;
  }

  int below(int limit) { return std::uniform_int_distribution<int>{0, limit - 1}(random_); }

private:
  using members = std::vector<std::pair<std::string, std::string>>;

  std::string blanks() {
    static const char* const some[] = {"", "", "", " ", "\t ", "  "};
    return some[below(6)];
  }

  std::string string() {
    static const char* const pieces[] = {
        "a",
        "word ",
        "\\\"",
        "\\\\",
        "\\n",
        "\\u00e9",
        "\\ud83d\\ude00",
        "\xc3\xa9",
        "\xf0\x9f\x98\x80",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\\\"type\\\":\\\"result\\\"",
        "\\/",
        " ",
        "\\t",
        "\\\\\\\"",
    };
    std::string text = "\"";
    for (int i = below(below(10) == 0 ? 900 : 8); i > 0; --i)
      text += pieces[below(20)];
    return text + "\"";
  }

  std::string array(const std::vector<std::string>& items) {
    std::string text = "[" + blanks();
    for (std::size_t i = 0; i < items.size(); ++i)
      text += (i == 0 ? "" : "," + blanks()) + items[i] + blanks();
    return text + "]";
  }

  std::string object(members list) {
    std::shuffle(list.begin(), list.end(), random_);
    std::string text = "{" + blanks();
    for (std::size_t i = 0; i < list.size(); ++i)
      text += (i == 0 ? "" : "," + blanks()) + "\"" + list[i].first + "\"" + blanks() + ":" + blanks() +
              list[i].second + blanks();
    return text + "}";
  }

  std::string anything(int depth) {
    switch (below(depth > 0 ? 7 : 5)) {
    case 0:
      return string();
    case 1:
      return std::to_string(below(1000) - 500) + (below(2) == 0 ? ".25e-3" : "");
    case 2:
      return "true";
    case 3:
      return "null";
    case 4:
      return "[ ]";
    case 5:
      return array({anything(depth - 1), anything(depth - 1)});
    default:
      return object({{"type", anything(depth - 1)}, {"result", anything(depth - 1)}, {"text", anything(depth - 1)}});
    }
  }

  std::string block() {
    switch (below(4)) {
    case 0:
      return object({{"type", "\"tool_use\""}, {"name", string()}, {"input", anything(3)}});
    case 1:
      return object({{"type", "\"thinking\""}, {"text", string()}});
    default:
      return object({{"type", "\"text\""}, {"text", string()}, {"extra", anything(2)}});
    }
  }

  std::string assistant() {
    std::vector<std::string> blocks;
    for (int i = below(4); i > 0; --i)
      blocks.push_back(block());
    members list{{"type", below(5) == 0 ? "\"\\u0061ssistant\"" : "\"assistant\""},
                 {"message", object({{"content", array(blocks)}, {"usage", anything(2)}})},
                 {"uuid", anything(1)}};
    if (below(2) == 0)
      list.emplace_back("parent_tool_use_id", below(2) == 0 ? "null" : "\"tool_1\"");
    return object(list);
  }

  std::string result() {
    return object({{"type", "\"result\""},
                   {"result", string()},
                   {"subtype", below(2) == 0 ? "\"success\"" : "\"error_max_turns\""},
                   {"is_error", below(2) == 0 ? "true" : "false"},
                   {"num_turns", std::to_string(below(50))},
                   {"usage", anything(3)},
                   {"model_usage_since_last_result",
                    object({{"a", object({{"costUSD", "0.25"}, {"x", anything(1)}})}, {"b", "{\"costUSD\":0.5}"}})}});
  }

  std::string event() {
    switch (below(7)) {
    case 0:
      return object({{"type", "\"user\""}, {"message", anything(4)}, {"result", anything(2)}});
    case 1:
      return object({{"type", "\"system\""}, {"subtype", "\"permission_denied\""}, {"tool_name", "\"Write\""}});
    case 2:
      return result();
    case 3:
      return array({assistant(), result()});
    case 4:
      return object({{"type", "\"stream_event\""}, {"event", anything(4)}});
    default:
      return assistant();
    }
  }

  std::mt19937 random_;
};

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("made-up streams are read as a JSON library reads them") {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    event_maker maker{seed};
    const auto stream = maker.stream();
    const auto expected = oracle{}.read(stream);
    const auto whole = read_in_cuts(stream, [&] { return stream.size(); });
    INFO("seed " << seed << "\n" << stream << "\nexpected\n" << describe(expected) << "\nread\n" << describe(whole));
    REQUIRE(whole == expected);
    REQUIRE(read_in_cuts(stream, [&] { return static_cast<std::size_t>(maker.below(40) + 1); }) == expected);
  }
}

TEST_CASE("recorded streams are read as a JSON library reads them, byte by byte too") {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator{RECORDINGS}) {
    if (entry.path().extension() != ".jsonl")
      continue;
    ++files;
    const auto stream = content_of(entry.path());
    INFO(entry.path().filename());
    auto whole = read_in_cuts(stream, [&] { return stream.size(); });
    for (const std::size_t cut : {1U, 2U, 3U, 7U, 64U, 1000U})
      CHECK(read_in_cuts(stream, [&] { return cut; }) == whole);
    auto without_cost_and_plain = whole;
    if (stream.find("since_last_result") == std::string::npos)
      continue; // the oracle asks for members that only later versions print
    CHECK(describe(without_cost_and_plain) == describe(oracle{}.read(stream)));
  }
  CHECK(files >= 18);
}
