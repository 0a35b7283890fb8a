// What a CLI may write, in whatever pieces: it says the same as when it comes at once, and the answer that is made of
// it is text, within the bounds of messages/limits.hpp, however the run ended. Two bytes choose the cuts and the end of
// the run, the rest is stdout, and stderr too.

#include <cmath>
#include <cstdint>
#include <string>
#include <tuple>

#include "actors/logic/outcome.hpp"
#include "actors/logic/output_parser.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;

bool is_bounded(std::string_view text, std::size_t characters) {
  return fuzz::is_utf8(text) && count_characters(text) <= characters;
}

bool is_amount(const std::optional<double>& amount) { return !amount || (std::isfinite(*amount) && *amount >= 0); }
bool is_count(const std::optional<std::int64_t>& count) { return !count || *count >= 0; }

void check_event(const output_event& event) {
  if (const auto* shown = std::get_if<progress_event>(&event)) {
    INVARIANT(!shown->text.empty() && is_bounded(shown->text, limits::progress_characters));
  } else if (const auto* denied = std::get_if<tool_denied>(&event)) {
    INVARIANT(is_bounded(denied->tool, limits::denied_tool_characters));
  } else if (const auto* retry = std::get_if<api_retry>(&event)) {
    INVARIANT(is_bounded(retry->error, limits::error_characters));
  } else {
    INVARIANT(fuzz::is_utf8(std::get<session_began>(event).session.value));
  }
}

void check_tools(const std::vector<std::string>& tools) {
  INVARIANT(tools.size() <= limits::denied_tools);
  for (const auto& tool : tools)
    INVARIANT(!tool.empty() && is_bounded(tool, limits::denied_tool_characters));
}

void check_output(const parsed_output& output) {
  INVARIANT(is_amount(output.cost_usd));
  INVARIANT(fuzz::is_utf8(output.agent_text) && fuzz::is_utf8(output.plain_text));
  check_tools(output.denied);
  if (!output.result)
    return;
  const auto& result = *output.result;
  INVARIANT(fuzz::is_utf8(result.text.value_or("")));
  INVARIANT(is_bounded(result.subtype, limits::error_characters));
  INVARIANT(is_bounded(result.terminal_reason, limits::error_characters));
  INVARIANT(is_amount(result.total_cost_usd) && is_amount(result.cost_since_last_result));
  INVARIANT(is_count(result.duration_ms) && is_count(result.num_turns));
  INVARIANT(result.errors.size() <= limits::errors);
  for (const auto& error : result.errors)
    INVARIANT(is_bounded(error, limits::error_characters));
  check_tools(result.denials.value_or(std::vector<std::string>{}));
}

void check_answer(const dispatch_result& answer) {
  INVARIANT(answer.success == !answer.error && answer.success == !answer.error_type);
  INVARIANT(!answer.error || !answer.error->empty());
  INVARIANT(is_amount(answer.cost_usd));
  check_tools(answer.denied_tools);
  // As a caller and a job's record have it. Nothing has to be repaired: text that is not UTF-8 would throw here.
  const auto line = to_json(answer).dump();
  const auto again = dispatch_result_from(nlohmann::json::parse(line, nullptr, false));
  INVARIANT(again && *again == answer);
}

exit_record end_of_run(unsigned choice, std::size_t size) {
  exit_record record;
  record.started = choice % 16 != 15;
  if (!record.started) {
    record.start_errno = choice & 0x10U ? 2 : 13;
    record.start_step = choice & 0x20U ? "chdir" : "execve";
  }
  record.reason = static_cast<end_reason>(choice % 4);
  if (record.reason != end_reason::none)
    record.output_at_signal = size * (choice / 16 % 4) / 3;
  if (choice & 0x80U)
    record.signal = 9;
  else
    record.exit_code = static_cast<int>(choice / 4 % 2);
  record.output_end = choice & 0x100U ? size - size / 4 : 0;
  record.disk_full = (choice & 0x600U) == 0x600U;
  record.left_over = (choice & 0x1800U) == 0x1800U ? 3 : 0;
  return record;
}

run_facts facts_of(unsigned choice) {
  run_facts facts;
  facts.agent.name = {"alpha"};
  facts.agent.directory = "/alpha";
  facts.timeout = std::chrono::seconds{300};
  facts.session = {{choice & 0x40U ? "" : "5f0c5a3c-0000-4000-8000-000000000000"}, session_start::fresh};
  facts.format = choice & 0x2000U ? response_format::json : response_format::text;
  if (choice & 0x4000U)
    facts.agent.max_budget_usd = 0.01;
  if (choice & 0x8000U)
    facts.agent.allowed_tools = std::vector<std::string>{"Read"};
  return facts;
}

auto members_of(const parsed_output& output) {
  return std::tie(output.result, output.answered_in_time, output.cost_usd, output.agent_text, output.plain_text,
                  output.session, output.denied, output.bytes, output.has_events, output.plain_text_cut,
                  output.dropped_lines);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2)
    return 0;
  const unsigned choice = data[0] | unsigned{data[1]} << 8U;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 2, size - 2};
  const auto record = end_of_run(choice, bytes.size());
  const auto marks = marks_of(record);

  output_parser at_once;
  const auto expected_events = at_once.feed(bytes);
  const auto output = at_once.finish(marks);

  output_parser parser;
  std::vector<output_event> events;
  fuzz::in_pieces(bytes, choice, [&](std::string_view piece) {
    for (auto& event : parser.feed(piece))
      events.push_back(std::move(event));
  });
  INVARIANT(events == expected_events);
  INVARIANT(members_of(parser.finish(marks)) == members_of(output));

  for (const auto& event : events)
    check_event(event);
  check_output(output);
  INVARIANT(output.bytes == bytes.size());

  const auto facts = facts_of(choice);
  check_answer(conclude(facts, output, record, bytes));
  check_answer(conclude_lost(facts, output));
  INVARIANT(output.bytes == 0 || !is_session_id_rejected(output, record, bytes));
  return 0;
}
