#include "actors/logic/numbers.hpp"

#include <array>
#include <charconv>
#include <system_error>

namespace agent_dispatch {

namespace {

/// Over the longest fixed form of a double: a sign, 309 digits before the point or some 340 after it.
using number_buffer = std::array<char, 400>;

} // namespace

std::string decimal(double value) {
  number_buffer buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), value, std::chars_format::fixed);
  return error == std::errc{} ? std::string{buffer.data(), end} : std::string{"0"};
}

std::string dollars(double amount) {
  number_buffer buffer{};
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), amount, std::chars_format::fixed, 4);
  if (error != std::errc{})
    return "$0.00";
  std::string text = "$";
  text.append(buffer.data(), end);
  for (int extra = 0; extra < 2 && text.back() == '0'; ++extra)
    text.pop_back();
  return text;
}

} // namespace agent_dispatch
