#include "frontends/cli/result_output.hpp"

#include <ostream>

#include "frontends/cli/presentation.hpp"
#include "frontends/cli/supervisor_text.hpp"

namespace agent_dispatch {

namespace {

void print_notes(cli_io& io, const dispatch_result& result) {
  const auto note = [&io](std::string_view text) { io.err << painted_note(io, colour::yellow, text) << '\n'; };
  if (!result.denied_tools.empty()) {
    std::string tools;
    for (const auto& tool : result.denied_tools)
      tools += (tools.empty() ? "" : ", ") + printable(tool);
    note("Denied tools: " + tools);
  }
  if (result.hint)
    note(printable(*result.hint));
}

/// One line of figures: session, cost, time, turns.
void print_figures(cli_io& io, const dispatch_result& result) {
  std::string line;
  const auto add = [&line](const std::string& text) { line += (line.empty() ? "" : "  ") + text; };
  if (result.session)
    add("session " + printable(result.session->value));
  if (result.cost_usd)
    add("cost $" + std::to_string(*result.cost_usd));
  if (result.duration_ms)
    add(std::to_string(*result.duration_ms) + " ms");
  if (result.num_turns)
    add(std::to_string(*result.num_turns) + (*result.num_turns == 1 ? " turn" : " turns"));
  if (!line.empty())
    io.err << painted_note(io, colour::dim, line) << '\n';
}

} // namespace

int print_result(cli_io& io, const dispatch_result& result) {
  if (!result.result.empty())
    io.out << result.result << (result.result.ends_with('\n') ? "" : "\n") << std::flush;
  if (!result.success) {
    const auto type = result.error_type ? std::string{to_string(*result.error_type)} : std::string{"failed"};
    io.err << painted_note(io, colour::red, type) << ": " << result.error.value_or("") << '\n';
  }
  print_notes(io, result);
  print_figures(io, result);
  return result.success ? exit_success : exit_failure;
}

bool is_ref(const ordered_json& answer) {
  return answer.is_object() && answer.contains("ref") && answer["ref"].is_string();
}

int print_ref(cli_io& io, const ordered_json& answer) {
  auto result = dispatch_result_from(nlohmann::json(answer));
  if (!result)
    return report_failure(io, output_format::text, result.error().message);
  if (const auto summary = answer.find("summary"); summary != answer.end() && summary->is_string())
    result->result = summary->get<std::string>();
  const int code = print_result(io, *result);
  const auto size = answer.find("size");
  io.err << painted_note(io, colour::dim,
                         supervisor_text::kept_under(
                             size != answer.end() && size->is_number_unsigned() ? size->get<std::size_t>() : 0,
                             printable(answer["ref"].get<std::string>())))
         << '\n';
  return code;
}

bool is_failed_dialogue(const ordered_json& answer) {
  const auto turns = answer.value("conversation", ordered_json::array());
  return turns.empty() || turns.back().contains("error");
}

int print_dialogue(cli_io& io, const ordered_json& answer) {
  const auto turns = answer.value("conversation", ordered_json::array());
  for (const auto& turn : turns)
    io.err << painted_note(io, colour::dim, printable(turn.value("agent", "")) + ":") << ' '
           << printable(turn.value("message", "")) << '\n';
  const bool has_failed = is_failed_dialogue(answer);
  const auto said = answer.value("final_answer", "");
  if (has_failed)
    io.err << painted_note(io, colour::red, "failed") << ": " << said << '\n';
  else
    io.out << said << (said.ends_with('\n') ? "" : "\n") << std::flush;
  const auto rounds = answer.value("rounds", 0);
  io.err << painted_note(io, colour::dim,
                         std::string{answer.value("resolved", false) ? "resolved" : "not resolved"} + "  " +
                             std::to_string(rounds) + (rounds == 1 ? " round" : " rounds") + "  cost $" +
                             std::to_string(answer.value("total_cost_usd", 0.0)) + "  " +
                             std::to_string(answer.value("total_duration_ms", std::int64_t{0})) + " ms")
         << '\n';
  return has_failed ? exit_failure : exit_success;
}

} // namespace agent_dispatch
