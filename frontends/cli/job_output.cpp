#include "frontends/cli/job_output.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <ostream>

#include "actors/logic/numbers.hpp"
#include "frontends/cli/jobs_text.hpp"
#include "frontends/cli/presentation.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t status_width = 9;
constexpr std::size_t time_width = 16;
constexpr std::size_t cost_width = 8;
constexpr std::size_t most_agent_width = 24;
constexpr std::size_t task_width = 50;

colour colour_of(std::string_view status) {
  if (status == "done")
    return colour::green;
  if (status == "failed")
    return colour::red;
  return status == "running" ? colour::bold : status == "cancelled" ? colour::yellow : colour::dim;
}

std::string text_member(const ordered_json& row, const char* key) {
  const auto found = row.is_object() ? row.find(key) : row.end();
  return row.is_object() && found != row.end() && found->is_string() ? printable(found->get<std::string>())
                                                                     : std::string{};
}

std::optional<double> number_member(const ordered_json& row, const char* key) {
  const auto found = row.is_object() ? row.find(key) : row.end();
  return row.is_object() && found != row.end() && found->is_number() ? std::optional{found->get<double>()}
                                                                     : std::nullopt;
}

/// Cut to `width` characters, with an ellipsis where something is missing.
std::string cut(const std::string& text, std::size_t width) {
  if (count_characters(text) <= width)
    return text;
  return std::string{first_characters(text, width - 1)} + "…";
}

/// Filled up with spaces.
std::string padded(std::string text, std::size_t width) {
  const auto size = count_characters(text);
  return text.append(size < width ? width - size : 0, ' ');
}

struct table_row {
  std::string id;
  std::string status;
  std::string agent;
  std::string created;
  std::string cost;
  std::string task;
};

table_row table_row_of(const ordered_json& row) {
  const auto created = number_member(row, "created_at");
  const auto cost = number_member(row, "cost_usd");
  return {.id = std::string{first_characters(text_member(row, "id"), short_id_characters)},
          .status = text_member(row, "status"),
          .agent = cut(text_member(row, "agent"), most_agent_width),
          .created = created ? local_time(*created) : std::string{},
          .cost = cost ? dollars(*cost) : std::string{},
          .task = cut(text_member(row, "task"), task_width)};
}

void print_row(cli_io& io, const table_row& row, std::size_t agent_width, std::optional<colour> status) {
  constexpr std::string_view gap = "  ";
  const auto state = padded(row.status, status_width);
  io.out << padded(row.id, short_id_characters) << gap << (status ? painted(io, *status, state) : state) << gap
         << padded(row.agent, agent_width) << gap << padded(row.created, time_width) << gap
         << padded(row.cost, cost_width) << gap << row.task << '\n';
}

class detail_lines {
public:
  explicit detail_lines(cli_io& io) : io_{io} {}

  void line(std::string_view label, std::string_view value) {
    constexpr std::size_t width = 16;
    if (!value.empty())
      io_.out << "  " << painted(io_, colour::dim, padded(std::string{label} + ':', width)) << printable(value) << '\n';
  }
  void time(std::string_view label, std::optional<double> seconds) {
    if (seconds)
      line(label, local_time(*seconds));
  }

private:
  cli_io& io_;
};

void print_result_of(cli_io& io, detail_lines& lines, const job_record& record) {
  if (!record.result)
    return;
  const auto& result = *record.result;
  if (result.cost_usd)
    lines.line("cost", dollars(*result.cost_usd));
  lines.line("hint", result.hint.value_or(""));
  if (!result.result.empty())
    io.out << '\n' << to_valid_utf8(result.result) << (result.result.ends_with('\n') ? "" : "\n");
}

} // namespace

std::string local_time(double unix_seconds) {
  constexpr double year_10000 = 253402300800;
  constexpr std::size_t room = 32;
  if (!(unix_seconds >= 0 && unix_seconds < year_10000))
    return {};
  const auto seconds = static_cast<std::time_t>(unix_seconds);
  std::tm date{};
  std::array<char, room> text{};
  if (::localtime_r(&seconds, &date) == nullptr)
    return {};
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &date)};
}

void print_job_rows(cli_io& io, const ordered_json& rows) {
  table_row head{"ID", "STATUS", "AGENT", "CREATED", "COST", "TASK"};
  std::vector<table_row> table;
  auto agent_width = head.agent.size();
  for (const auto& row : rows) {
    table.push_back(table_row_of(row));
    agent_width = std::max(agent_width, count_characters(table.back().agent));
  }
  print_row(io, head, agent_width, std::nullopt);
  for (const auto& row : table)
    print_row(io, row, agent_width, colour_of(row.status));
}

void print_job(cli_io& io, const job_record& record) {
  const auto status = to_string(record.status);
  io.out << painted(io, colour::bold, record.id.value) << "  [" << painted(io, colour_of(status), status) << "]\n";
  detail_lines lines{io};
  lines.line("agent", record.agent.value);
  lines.line("task", record.task);
  lines.line("context", record.context);
  lines.line("caller", record.caller);
  lines.line("goal", record.goal);
  lines.time("created", record.created_at);
  lines.time("started", record.started_at);
  lines.time("ended", record.completed_at);
  if (record.session)
    lines.line("session", record.session->value);
  if (record.retry_of)
    lines.line("retry of", record.retry_of->value);
  for (const auto& line : record.progress)
    lines.line("progress", line);
  lines.line("error", record.error.value_or(""));
  print_result_of(io, lines, record);
}

void print_job_line(cli_io& io, const job_record& record) {
  const auto status = to_string(record.status);
  io.out << record.id.value << "  " << painted(io, colour_of(status), padded(std::string{status}, status_width)) << "  "
         << printable(record.agent.value);
  if (record.result && record.result->cost_usd)
    io.out << "  " << dollars(*record.result->cost_usd);
  io.out << std::endl;
}

void print_skipped(cli_io& io, const std::vector<skipped_file>& skipped) {
  if (!skipped.empty())
    io.err << painted_note(io, colour::yellow, "Warning:") << ' ' << jobs_text::skipped(skipped.size()) << ' '
           << printable(skipped.front().name) << ' ' << printable(skipped.front().why) << '\n';
}

} // namespace agent_dispatch
