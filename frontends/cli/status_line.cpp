#include "frontends/cli/status_line.hpp"

#include <algorithm>
#include <array>

#include "actors/logic/numbers.hpp"
#include "frontends/cli/presentation.hpp"
#include "frontends/cli/supervisor_text.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view gap = "  ";
constexpr std::string_view ellipsis = "…";
/// Less than this of what an agent does says nothing.
constexpr std::size_t least_activity = 8;

struct code_points {
  char32_t first;
  char32_t last;
};

/// East Asian wide and fullwidth characters and emoji (Unicode's EastAsianWidth.txt: W and F), whole blocks where most
/// of a block is wide.
constexpr std::array<code_points, 30> wide{
    {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23f3},   {0x25fd, 0x25fe},
     {0x2600, 0x27bf},   {0x2b1b, 0x2b1c},   {0x2b50, 0x2b55},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
     {0x3400, 0x4dbf},   {0x4e00, 0xa4cf},   {0xa960, 0xa97f},   {0xac00, 0xd7a3},   {0xf900, 0xfaff},
     {0xfe0f, 0xfe19},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18cff},
     {0x1aff0, 0x1b2ff}, {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
     {0x1f1e6, 0x1f1ff}, {0x1f200, 0x1f64f}, {0x1f680, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}}};

/// Marks that stand on the character before them.
constexpr std::array<code_points, 10> joining{{{0x0300, 0x036f},
                                               {0x0483, 0x0489},
                                               {0x0591, 0x05bd},
                                               {0x064b, 0x065f},
                                               {0x1ab0, 0x1aff},
                                               {0x1dc0, 0x1dff},
                                               {0x20d0, 0x20ff},
                                               {0xfe00, 0xfe0e},
                                               {0xfe20, 0xfe2f},
                                               {0xe0100, 0xe01ef}}};

/// Formatting characters without a width of their own that change where others appear.
constexpr std::array<code_points, 5> formatting{
    {{0x061c, 0x061c}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}}};

template <std::size_t Size>
bool is_in(const std::array<code_points, Size>& ranges, char32_t point) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [point](const auto& range) { return point >= range.first && point <= range.last; });
}

std::size_t width_of(char32_t point) {
  if (is_in(joining, point) || is_in(formatting, point))
    return 0;
  return is_in(wide, point) ? 2 : 1;
}

/// Takes the first code point off valid UTF-8.
char32_t take_point(std::string_view& text) {
  const auto lead = static_cast<unsigned char>(text.front());
  const std::size_t size = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  char32_t point = size == 1 ? lead : lead & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < std::min(size, text.size()); ++i)
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3fu);
  text.remove_prefix(std::min(size, text.size()));
  return point;
}

/// `infra 1 live, 2 queued; web 1 live`
std::string runs_text(const std::vector<agent_figures_row>& agents) {
  std::string text;
  for (const auto& agent : agents) {
    text += (text.empty() ? "" : "; ") + agent.name.value;
    if (agent.live > 0)
      text += " " + supervisor_text::live_runs(agent.live);
    if (agent.queued > 0)
      text += (agent.live > 0 ? ", " : " ") + supervisor_text::queued_runs(agent.queued);
  }
  return text;
}

std::string waiting_text(const call_status& status) {
  switch (status.state) {
  case call_state::starting:
    return std::string{supervisor_text::is_starting};
  case call_state::queued:
    return supervisor_text::is_queued(status.position, status.reason);
  case call_state::running:
    break;
  }
  return status.last_act.empty() ? std::string{supervisor_text::is_running} : status.last_act;
}

std::string stopping_text(const call_status& status) {
  int live = 0;
  int queued = 0;
  for (const auto& agent : status.agents) {
    live += agent.live;
    queued += agent.queued;
  }
  return live + queued == 0 ? std::string{supervisor_text::is_ending}
                            : supervisor_text::waits_for_runs(live + queued) + ": " + runs_text(status.agents);
}

std::string activity(const waiting_view& view) {
  switch (view.phase) {
  case wait_phase::connecting:
    return std::string{supervisor_text::starting_supervisor};
  case wait_phase::reconnecting:
    return std::string{supervisor_text::next_supervisor};
  case wait_phase::cancelling:
    return std::string{supervisor_text::is_cancelling};
  case wait_phase::stopping:
    return stopping_text(view.status);
  case wait_phase::waiting:
    break;
  }
  return waiting_text(view.status);
}

std::string figures(const waiting_view& view) {
  std::string text;
  if (view.status.cost_usd || view.spent)
    text.append(gap).append(dollars(view.status.cost_usd.value_or(0) + view.spent.value_or(0)));
  if (view.jobs_left > 0)
    text.append(gap).append(supervisor_text::jobs_left(view.jobs_left));
  return text;
}

} // namespace

std::string elapsed_text(std::chrono::seconds elapsed) {
  const auto two_digits = [](std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); };
  const auto seconds = std::max<std::int64_t>(0, elapsed.count());
  if (seconds < 3600)
    return std::to_string(seconds / 60) + ":" + two_digits(seconds % 60);
  return std::to_string(seconds / 3600) + ":" + two_digits(seconds % 3600 / 60) + ":" + two_digits(seconds % 60);
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty())
    width += width_of(take_point(text));
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns)
    return std::string{text};
  if (columns == 0)
    return {};
  std::size_t width = 0;
  auto rest = text;
  auto fits = rest;
  while (!rest.empty() && (width += width_of(take_point(rest))) < columns)
    fits = rest;
  return std::string{text.substr(0, text.size() - fits.size())}.append(ellipsis);
}

std::string one_line(std::string_view text) {
  const auto valid = printable(text);
  std::string line;
  for (std::string_view rest = valid; !rest.empty();) {
    const auto before = rest;
    const auto point = take_point(rest);
    if (is_in(formatting, point))
      continue;
    if (point != ' ')
      line.append(before.substr(0, before.size() - rest.size()));
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (line.ends_with(' '))
    line.pop_back();
  return line;
}

std::string status_line(const waiting_view& view, std::chrono::seconds elapsed, std::size_t columns) {
  const auto subject = cut_to_width(one_line(view.subject), std::max(columns / 3, least_activity));
  auto line = subject;
  line.append(gap).append(elapsed_text(elapsed));
  auto tail = figures(view);
  const auto taken = display_width(line) + gap.size() + display_width(tail);
  if (taken + least_activity > columns)
    tail.clear();
  const auto room = display_width(line) + gap.size() + display_width(tail);
  if (room + least_activity <= columns)
    line.append(gap).append(cut_to_width(one_line(activity(view)), columns - room));
  return cut_to_width(line.append(tail), columns);
}

} // namespace agent_dispatch
