#include "frontends/mcp/arguments.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>

namespace agent_dispatch {

namespace {

std::optional<std::int64_t> whole_number(const nlohmann::json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX)
    return std::nullopt;
  if (value.is_number_integer())
    return value.get<std::int64_t>();
  if (value.is_number_float()) {
    const auto real = value.get<double>();
    constexpr double exact = 9007199254740992; // 2^53: beyond it not every whole number is a double
    if (std::trunc(real) != real || std::fabs(real) > exact)
      return std::nullopt;
    return static_cast<std::int64_t>(real);
  }
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    std::int64_t number = 0;
    const auto* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    if (problem == std::errc{} && stop == end && !text.empty())
      return number;
  }
  return std::nullopt;
}

/// The words and numbers that the Python program takes for true and false.
std::optional<bool> truth(const nlohmann::json& value) {
  if (value.is_boolean())
    return value.get<bool>();
  if (value == 1 || value == 0)
    return value == 1;
  if (!value.is_string())
    return std::nullopt;
  auto word = value.get<std::string>();
  std::transform(word.begin(), word.end(), word.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  constexpr std::array<std::string_view, 6> yes{"true", "t", "yes", "y", "on", "1"};
  constexpr std::array<std::string_view, 6> no{"false", "f", "no", "n", "off", "0"};
  if (std::find(yes.begin(), yes.end(), word) != yes.end())
    return true;
  if (std::find(no.begin(), no.end(), word) != no.end())
    return false;
  return std::nullopt;
}

} // namespace

tool_arguments::tool_arguments(const nlohmann::json& arguments, std::initializer_list<std::string_view> known)
    : arguments_{arguments} {
  if (!arguments.is_object())
    return;
  for (const auto& [name, value] : arguments.items()) {
    if (std::find(known.begin(), known.end(), name) != known.end())
      continue;
    std::string all;
    for (const auto parameter : known)
      all.append(all.empty() ? "" : ", ").append(parameter);
    complain("unknown parameter '" + name + "'; this tool takes: " + (all.empty() ? "none" : all));
  }
}

std::string tool_arguments::required_text(const char* name) {
  auto value = text(name);
  if (value.find_first_not_of(" \t\r\n") == std::string::npos)
    complain(std::string{"parameter '"} + name + "' is required and must not be empty");
  return value;
}

std::string tool_arguments::text(const char* name) {
  const auto* value = find(name);
  if (value == nullptr)
    return {};
  if (!value->is_string()) {
    complain(std::string{"parameter '"} + name + "' must be a string");
    return {};
  }
  return value->get<std::string>();
}

std::int64_t tool_arguments::integer(const char* name, std::int64_t fallback) {
  const auto* value = find(name);
  if (value == nullptr)
    return fallback;
  const auto number = whole_number(*value);
  if (!number)
    complain(std::string{"parameter '"} + name + "' must be a whole number");
  return number.value_or(fallback);
}

double tool_arguments::number(const char* name, double fallback) {
  const auto* value = find(name);
  if (value == nullptr)
    return fallback;
  auto number = value->is_number() ? value->get<double>() : std::nan("");
  if (value->is_string()) {
    const auto& text = value->get_ref<const std::string&>();
    const auto* end = text.data() + text.size();
    const auto [stop, problem] = std::from_chars(text.data(), end, number);
    if (problem != std::errc{} || stop != end)
      number = std::nan("");
  }
  if (!std::isfinite(number)) {
    complain(std::string{"parameter '"} + name + "' must be a finite number");
    return fallback;
  }
  return number;
}

bool tool_arguments::boolean(const char* name, bool fallback) {
  const auto* value = find(name);
  if (value == nullptr)
    return fallback;
  const auto told = truth(*value);
  if (!told)
    complain(std::string{"parameter '"} + name + "' must be true or false");
  return told.value_or(fallback);
}

expected<void> tool_arguments::check() const {
  if (!fault_.empty())
    return failure(fault_kind::invalid_argument, fault_);
  return {};
}

const nlohmann::json* tool_arguments::find(const char* name) const {
  if (!arguments_.is_object())
    return nullptr;
  const auto found = arguments_.find(name);
  return found == arguments_.end() || found->is_null() ? nullptr : &*found;
}

void tool_arguments::complain(std::string sentence) {
  if (fault_.empty())
    fault_ = std::move(sentence);
}

} // namespace agent_dispatch
