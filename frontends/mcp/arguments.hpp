#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/fault.hpp"

namespace agent_dispatch {

/// Reads the arguments of one tool call, and keeps the first thing that is wrong with them as a sentence.
class tool_arguments {
public:
  /// `arguments`: an object, or null for none. `known`: the tool's parameters; any other is a fault.
  tool_arguments(const nlohmann::json& arguments, std::initializer_list<std::string_view> known);

  /// Text that must be there and not be blank.
  std::string required_text(const char* name);
  /// "" when absent or null.
  std::string text(const char* name);
  /// A whole number, also written as `5.0` or "5"; `fallback` when absent or null.
  std::int64_t integer(const char* name, std::int64_t fallback);

  /// A finite number, also written as text; `fallback` when absent or null.
  double number(const char* name, double fallback);
  /// true or false, also written as text; `fallback` when absent or null.
  bool boolean(const char* name, bool fallback);

  /// `invalid_argument` with the first thing that was wrong.
  expected<void> check() const;

private:
  const nlohmann::json* find(const char* name) const;
  void complain(std::string sentence);

  const nlohmann::json& arguments_;
  std::string fault_;
};

} // namespace agent_dispatch
