#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tests/support/misbehaving_processes.hpp"

namespace stand_in {

/// Plays a script: prints events as the real CLI does, and does what the steps ask for (misbehaving_cli.cpp has the
/// list).
class conversation {
public:
  explicit conversation(const invocation& call) : call_{call}, last_text_{call.prompt} { refresh_interruption(); }

  /// The exit code.
  int play(const json& script);

private:
  /// U+0001 stands for two bytes that are no UTF-8 anywhere.
  static std::string dump(const json& value);
  json init_event() const;
  void emit(const json& event);
  json assistant(const json& content) const;
  void emit_text(const std::string& text);
  void emit_tool_use(const std::string& name);
  void emit_tool_result(const std::string& text, bool is_error);
  void emit_denial(const std::string& name);
  json result_event(const json& changes) const;
  void emit_result(const json& changes);
  void finish();
  void stop_at_budget(double budget);
  void fail_by_api(int code);

  /// What SIGINT makes the real one print.
  void refresh_interruption();

  using action = std::function<void(const json& value, const json& step)>;
  std::map<std::string, action> actions();
  void add_events(std::map<std::string, action>& table);
  void add_bytes(std::map<std::string, action>& table);
  void add_conduct(std::map<std::string, action>& table);

  const std::map<std::string, action> actions_ = actions();
  std::optional<int> exit_code_; ///< set by the step that is the last
  const invocation& call_;
  std::string last_text_;
  json denials_ = json::array();
  std::optional<json> collected_; ///< events, when they are printed as one array
  std::optional<double> total_cost_;
  std::optional<int> asked_turns_;
  double cost_ = 0.01;
  int turns_ = 0;
  bool has_init_ = false;
  bool has_result_ = false;
  bool no_result_ = false;
};

/// SIGINT reports an aborted result and ends with 0, SIGTERM ends with 143, SIGPIPE is nothing: as the real one.
void take_signals();

} // namespace stand_in
