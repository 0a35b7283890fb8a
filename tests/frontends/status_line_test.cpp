#include "frontends/cli/status_line.hpp"

#include <catch2/catch.hpp>

using namespace agent_dispatch;
using namespace std::chrono_literals;

namespace {

waiting_view waiting(call_status status, std::string subject = "infra") {
  return {.subject = std::move(subject), .phase = wait_phase::waiting, .status = std::move(status)};
}

constexpr std::size_t wide_enough = 100;

} // namespace

TEST_CASE("The line says who is waited for, how long, and what they do") {
  const auto [status, line] = GENERATE(table<call_status, std::string>({
      {call_status{}, "infra  0:42  starting"},
      {{.state = call_state::queued}, "infra  0:42  queued"},
      {{.state = call_state::queued, .position = 2, .reason = "agent 'infra' is busy (1 of 1)"},
       "infra  0:42  queued, position 2: agent 'infra' is busy (1 of 1)"},
      {{.state = call_state::running}, "infra  0:42  running"},
      {{.state = call_state::running, .last_act = "Using tool: Bash"}, "infra  0:42  Using tool: Bash"},
      {{.state = call_state::running, .last_act = "web: hello", .cost_usd = 0.0312},
       "infra  0:42  web: hello  $0.0312"},
  }));
  CHECK(status_line(waiting(status), 42s, wide_enough) == line);
}

TEST_CASE("The line says what is done instead of waiting") {
  const call_status status{.state = call_state::running, .last_act = "Using tool: Bash"};
  const auto [phase, activity] = GENERATE(table<wait_phase, std::string>({
      {wait_phase::connecting, "starting the supervisor …"},
      {wait_phase::reconnecting, "the supervisor has ended; waiting for the next one …"},
      {wait_phase::cancelling, "cancelling …"},
  }));
  CHECK(status_line({.subject = "infra", .phase = phase, .status = status}, 7s, wide_enough) ==
        "infra  0:07  " + activity);
}

TEST_CASE("Of several jobs the line says how many are left, and what those before have cost") {
  auto view = waiting({.state = call_state::running}, "infra 3f2a9c01b4de");
  view.jobs_left = 3;
  CHECK(status_line(view, 1s, wide_enough) == "infra 3f2a9c01b4de  0:01  running  3 jobs left");
  view.jobs_left = 1;
  view.spent = 0.5;
  CHECK(status_line(view, 1s, wide_enough) == "infra 3f2a9c01b4de  0:01  running  $0.50  1 job left");
}

TEST_CASE("A stop says whose runs it waits for") {
  waiting_view view{.subject = "stop", .phase = wait_phase::stopping};
  CHECK(status_line(view, 0s, wide_enough) == "stop  0:00  the supervisor is ending …");
  view.status.agents = {{.name = {"infra"}, .live = 1, .queued = 2}, {.name = {"web"}, .live = 0, .queued = 1}};
  CHECK(status_line(view, 0s, wide_enough) == "stop  0:00  waiting for 4 runs: infra 1 live, 2 queued; web 1 queued");
  view.status.agents = {{.name = {"web"}, .live = 1}};
  CHECK(status_line(view, 0s, wide_enough) == "stop  0:00  waiting for 1 run: web 1 live");
}

TEST_CASE("Time is told in minutes and seconds, and in hours when there are any") {
  CHECK(elapsed_text(0s) == "0:00");
  CHECK(elapsed_text(69s) == "1:09");
  CHECK(elapsed_text(3599s) == "59:59");
  CHECK(elapsed_text(3600s) == "1:00:00");
  CHECK(elapsed_text(26h + 61s) == "26:01:01");
  CHECK(elapsed_text(-5s) == "0:00");
}

TEST_CASE("The line is cut to the terminal, and what is not known elsewhere goes last") {
  const auto view = waiting({.state = call_state::running, .last_act = std::string(200, 'x'), .cost_usd = 1.5});
  CHECK(status_line(view, 42s, 40) == "infra  0:42  " + std::string(19, 'x') + "…  $1.50");
  CHECK(status_line(view, 42s, 24) == "infra  0:42  " + std::string(10, 'x') + "…");
  CHECK(status_line(view, 42s, 16) == "infra  0:42");
  CHECK(status_line(view, 42s, 5) == "infr…");
  CHECK(status_line(view, 42s, 0).empty());
  const auto long_name = waiting({.state = call_state::running}, std::string(64, 'n'));
  CHECK(status_line(long_name, 1s, 60) == std::string(19, 'n') + "…  0:01  running");
}

TEST_CASE("No line is wider than the terminal, whatever is in it and however wide that is") {
  const std::string odd = "日本語 e\u0301 👍\ufe0f \u202e🧑‍🤝‍🧑 ﾊﾛｰ 한국어 ↔";
  auto view = waiting({.state = call_state::running, .last_act = odd + odd, .cost_usd = 12.3456}, odd);
  view.jobs_left = 12;
  for (std::size_t columns = 0; columns < 160; ++columns) {
    CAPTURE(columns);
    CHECK(display_width(status_line(view, 1000000s, columns)) <= columns);
  }
}

TEST_CASE("Wide characters have two columns, joined ones none") {
  const auto [text, width] = GENERATE(table<std::string, std::size_t>({
      {"", 0},
      {"infra ↔ web …", 13},
      {"küche", 5},
      {"日本", 4},
      {"한국", 4},
      {"ＡＢ", 4},
      {"ﾊﾛ", 2},
      {"👍", 2},
      {"e\u0301", 1},
      {"\u200b", 0},
      {"𠮷", 2},
  }));
  CAPTURE(text);
  CHECK(display_width(text) == width);
}

TEST_CASE("A cut never goes through a character") {
  CHECK(cut_to_width("日本語", 6) == "日本語");
  CHECK(cut_to_width("日本語", 5) == "日本…");
  CHECK(cut_to_width("日本語", 4) == "日…");
  CHECK(cut_to_width("日本語", 1) == "…");
  CHECK(cut_to_width("日本語", 0).empty());
  CHECK(cut_to_width("ab", 2) == "ab");
}

TEST_CASE("What others wrote comes on one line, and commands nothing") {
  CHECK(one_line("  one\n\n two\t\x1b[2Jthree\r ") == "one two [2Jthree");
  CHECK(one_line("a\u202eb\u2066c\ufeffd\u2028e") == "abcde");
  CHECK(one_line("\xff\xc2\x9b") == "\ufffd");
  CHECK(one_line("\n\n").empty());
}
