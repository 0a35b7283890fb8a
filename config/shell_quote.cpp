#include "config/shell_quote.hpp"

namespace agent_dispatch {

std::string shell_quote(std::string_view word) {
  constexpr std::string_view safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:=@%+,";
  if (!word.empty() && word.find_first_not_of(safe) == std::string_view::npos)
    return std::string{word};
  std::string quoted = "'";
  for (const char c : word) {
    if (c == '\'')
      quoted.append("'\\''");
    else
      quoted += c;
  }
  return quoted += '\'';
}

std::string shell_command(const std::vector<std::string>& words) {
  std::string line;
  for (const auto& word : words)
    line.append(line.empty() ? "" : " ").append(shell_quote(word));
  return line;
}

} // namespace agent_dispatch
