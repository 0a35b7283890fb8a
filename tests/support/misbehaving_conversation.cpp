#include "tests/support/misbehaving_conversation.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include <fcntl.h>
#include <unistd.h>

namespace stand_in {

namespace {

/// What a signal handler prints. Changed only while SIGINT is blocked.
struct interruption {
  std::string output;
  long delay_ms = 0;
};
interruption on_interrupt;

void report_abort(int) {
  wait_ms(on_interrupt.delay_ms);
  write_all(STDOUT_FILENO, on_interrupt.output);
  ::_exit(0);
}

void report_term(int) { ::_exit(143); }

void flood(int fd, std::uint64_t bytes) {
  const std::string line = std::string(99, 'f') + '\n';
  std::string block;
  while (block.size() < 100'000)
    block += line;
  while (bytes > 0) {
    const auto part = std::min<std::uint64_t>(bytes, block.size());
    write_all(fd, std::string_view{block}.substr(0, part));
    bytes -= part;
  }
}

std::string garbage(std::size_t size) {
  std::string bytes;
  unsigned state = 1;
  while (bytes.size() < size) {
    state = state * 1'103'515'245U + 12'345U;
    bytes += static_cast<char>(state >> 16U);
  }
  return bytes;
}

std::string from_hex(const std::string& text) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < text.size(); at += 2)
    bytes += static_cast<char>(std::stoi(text.substr(at, 2), nullptr, 16));
  return bytes;
}

} // namespace

int conversation::play(const json& script) {
  for (const auto& step : script) {
    const auto found = step.is_object() && !step.empty() ? actions_.find(step.begin().key()) : actions_.end();
    if (found == actions_.end()) {
      write_all(STDERR_FILENO, "stand-in: unknown step " + step.dump() + '\n');
      return 64;
    }
    found->second(step.begin().value(), step);
    if (exit_code_)
      return *exit_code_;
  }
  finish();
  return 0;
}

std::string conversation::dump(const json& value) {
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::ignore);
  constexpr std::string_view placeholder = "\\u0001";
  for (auto at = text.find(placeholder); at != std::string::npos; at = text.find(placeholder, at))
    text.replace(at, placeholder.size(), "\xff\xfe");
  return text;
}

json conversation::init_event() const {
  return {{"type", "system"},
          {"subtype", "init"},
          {"session_id", call_.session},
          {"tools", {"Bash"}},
          {"mcp_servers", json::array()},
          {"model", "stand-in"},
          {"permissionMode", "default"},
          {"claude_code_version", "2.1.329"}};
}

void conversation::emit(const json& event) {
  if (!has_init_) {
    has_init_ = true;
    emit(init_event());
  }
  if (collected_)
    collected_->push_back(event);
  else
    write_all(STDOUT_FILENO, dump(event) + '\n');
  refresh_interruption();
}

json conversation::assistant(const json& content) const {
  return {{"type", "assistant"},
          {"message", {{"role", "assistant"}, {"model", "stand-in"}, {"content", json::array({content})}}},
          {"parent_tool_use_id", nullptr},
          {"session_id", call_.session}};
}

void conversation::emit_text(const std::string& text) {
  last_text_ = text;
  ++turns_;
  emit(assistant({{"type", "text"}, {"text", text}}));
}

void conversation::emit_tool_use(const std::string& name) {
  ++turns_;
  emit(assistant({{"type", "tool_use"}, {"id", "toolu_1"}, {"name", name}, {"input", json::object()}}));
}

void conversation::emit_tool_result(const std::string& text, bool is_error) {
  emit({{"type", "user"},
        {"message",
         {{"role", "user"},
          {"content",
           json::array(
               {{{"type", "tool_result"}, {"tool_use_id", "toolu_1"}, {"content", text}, {"is_error", is_error}}})}}},
        {"session_id", call_.session}});
}

void conversation::emit_denial(const std::string& name) {
  emit_tool_use(name);
  emit({{"type", "system"}, {"subtype", "permission_denied"}, {"tool_name", name}, {"tool_use_id", "toolu_1"}});
  emit_tool_result("The stand-in may not use " + name + '.', true);
  denials_.push_back({{"tool_name", name}, {"tool_use_id", "toolu_1"}, {"tool_input", json::object()}});
}

json conversation::result_event(const json& changes) const {
  json event{{"duration_api_ms", 1},
             {"stop_reason", "end_turn"},
             {"session_id", call_.session},
             {"total_cost_usd", total_cost_.value_or(cost_)},
             {"permission_denials", denials_},
             {"terminal_reason", "completed"},
             {"is_error", false},
             {"num_turns", asked_turns_.value_or(std::max(turns_, 1))},
             {"subtype", "success"},
             {"result", last_text_},
             {"type", "result"},
             {"duration_ms", 1}};
  if (total_cost_)
    event["model_usage_since_last_result"] = {{"stand-in", {{"costUSD", cost_}}}};
  for (const auto& [key, value] : changes.items())
    if (value.is_null())
      event.erase(key);
    else
      event[key] = value;
  return event;
}

void conversation::emit_result(const json& changes) {
  emit(result_event(changes));
  has_result_ = true;
}

void conversation::finish() {
  if (!has_result_ && !no_result_)
    emit_result(json::object());
  if (collected_)
    write_all(STDOUT_FILENO, dump(*collected_) + '\n');
}

void conversation::stop_at_budget(double budget) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "Reached maximum budget ($%g)", budget);
  emit_result({{"subtype", "error_max_budget_usd"},
               {"is_error", true},
               {"terminal_reason", "budget_exhausted"},
               {"errors", {text.data()}},
               {"result", nullptr}});
  finish();
  exit_code_ = 1;
}

void conversation::fail_by_api(int code) {
  emit_result({{"is_error", true},
               {"api_error_status", code},
               {"terminal_reason", "api_error"},
               {"result", "API Error: " + std::to_string(code)}});
  finish();
  exit_code_ = 1;
}

void conversation::refresh_interruption() {
  sigset_t interrupt;
  sigemptyset(&interrupt);
  sigaddset(&interrupt, SIGINT);
  ::sigprocmask(SIG_BLOCK, &interrupt, nullptr);
  on_interrupt.output = dump(result_event({{"subtype", "error_during_execution"},
                                           {"is_error", true},
                                           {"terminal_reason", "aborted_tools"},
                                           {"errors", {"interrupted"}},
                                           {"result", nullptr}})) +
                        '\n';
  if (!has_init_)
    on_interrupt.output.insert(0, dump(init_event()) + '\n');
  ::sigprocmask(SIG_UNBLOCK, &interrupt, nullptr);
}

void conversation::add_events(std::map<std::string, action>& table) {
  table["text"] = [this](const json& value, const json&) { emit_text(value.get<std::string>()); };
  table["invalid_utf8"] = [this](const json&, const json&) { emit_text("bad \x01 bytes"); };
  table["tool"] = [this](const json& value, const json&) {
    emit_tool_use(value.get<std::string>());
    emit_tool_result("done", false);
  };
  table["deny"] = [this](const json& value, const json&) { emit_denial(value.get<std::string>()); };
  table["run"] = [this](const json& value, const json&) {
    emit_tool_use("Bash");
    last_text_ = run_command(value.get<std::string>());
    emit_tool_result(last_text_, false);
  };
  table["event"] = [this](const json& value, const json& step) {
    for (auto left = step.value("times", 1); left > 0; --left)
      emit(value);
  };
  table["result"] = [this](const json& value, const json&) {
    emit_result(value.is_object() ? value : json{{"result", value}});
  };
  table["huge_result"] = [this](const json& value, const json&) {
    emit_result({{"result", std::string(value.get<std::size_t>(), 'r')}});
  };
  table["no_result"] = [this](const json&, const json&) { no_result_ = true; };
  table["cost"] = [this](const json& value, const json&) { cost_ = value.get<double>(); };
  table["turns"] = [this](const json& value, const json&) { asked_turns_ = value.get<int>(); };
  table["cumulative"] = [this](const json& value, const json&) {
    total_cost_ = value.at("total").get<double>();
    cost_ = value.at("own").get<double>();
  };
  table["budget_stop"] = [this](const json& value, const json&) { stop_at_budget(value.get<double>()); };
  table["api_error"] = [this](const json& value, const json&) { fail_by_api(value.get<int>()); };
  table["array"] = [this](const json&, const json&) { collected_ = json::array(); };
}

void conversation::add_bytes(std::map<std::string, action>& table) {
  table["raw"] = [](const json& value, const json&) { write_all(STDOUT_FILENO, value.get<std::string>()); };
  table["raw_hex"] = [](const json& value, const json&) {
    write_all(STDOUT_FILENO, from_hex(value.get<std::string>()));
  };
  table["garbage"] = [](const json& value, const json&) {
    write_all(STDOUT_FILENO, garbage(value.get<std::size_t>()));
  };
  table["stderr"] = [](const json& value, const json&) { write_all(STDERR_FILENO, value.get<std::string>()); };
  table["flood"] = [](const json& value, const json& step) {
    flood(step.value("to", "stdout") == "stderr" ? STDERR_FILENO : STDOUT_FILENO, value.get<std::uint64_t>());
  };
  table["close_stdout"] = [](const json&, const json&) { ::close(STDOUT_FILENO); };
  table["truncate_stdout"] = [](const json&, const json&) { ::close(::open("/dev/stdout", O_WRONLY | O_TRUNC)); };
  table["touch"] = [](const json& value, const json&) { write_whole_file(value.get<std::string>(), ""); };
  table["append"] = [this](const json& value, const json&) { append_line(value.get<std::string>(), call_.session); };
  table["log"] = [this](const json& value, const json& step) {
    const auto line = step.at("as").get<std::string>() + ' ' + call_.session + ' ' + std::to_string(::getpid());
    append_line(value.get<std::string>(), line);
  };
  table["record"] = [this](const json& value, const json&) {
    write_whole_file(value.get<std::string>(), call_.started_with.dump(-1, ' ', false, json::error_handler_t::replace));
  };
}

void conversation::add_conduct(std::map<std::string, action>& table) {
  table["sleep"] = [](const json& value, const json&) { wait_ms(value.get<long>()); };
  table["hang"] = [](const json&, const json&) { wait_for_ever(); };
  table["wait_for"] = [](const json& value, const json&) {
    while (::access(value.get_ref<const std::string&>().c_str(), F_OK) < 0)
      wait_ms(2);
  };
  table["ignore"] = [](const json& value, const json&) { ignore_all(value); };
  table["on_interrupt"] = [](const json&, const json&) { set_signal(SIGINT, SIG_DFL); };
  table["abort_delay"] = [](const json& value, const json&) { on_interrupt.delay_ms = value.get<long>(); };
  table["child"] = [](const json& value, const json&) { start_child(value); };
  table["forker"] = [](const json& value, const json&) { start_forker(value.get<long>()); };
  table["stop"] = [](const json&, const json&) { ::raise(SIGSTOP); };
  table["die"] = [](const json& value, const json&) {
    set_signal(signal_number(value), SIG_DFL);
    ::raise(signal_number(value));
  };
  table["exit"] = [this](const json& value, const json&) { exit_code_ = value.get<int>(); };
  table["old_cli"] = [this](const json&, const json&) {
    if (!call_.fresh_session_asked)
      return;
    write_all(STDERR_FILENO, "error: unknown option '--session-id'\n");
    exit_code_ = 1;
  };
}

std::map<std::string, conversation::action> conversation::actions() {
  std::map<std::string, action> table;
  add_events(table);
  add_bytes(table);
  add_conduct(table);
  return table;
}

void take_signals() {
  set_signal(SIGINT, report_abort);
  set_signal(SIGTERM, report_term);
  set_signal(SIGPIPE, SIG_IGN);
}

} // namespace stand_in
