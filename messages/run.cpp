#include "messages/run.hpp"

#include <array>

namespace agent_dispatch {

namespace {

struct error_word {
  error_type type;
  std::string_view word;
};

constexpr std::array error_words{
    error_word{error_type::permission, "permission"}, error_word{error_type::timeout, "timeout"},
    error_word{error_type::recursion, "recursion"},   error_word{error_type::not_found, "not_found"},
    error_word{error_type::budget, "budget"},         error_word{error_type::cancelled, "cancelled"},
    error_word{error_type::cli_error, "cli_error"},
};

} // namespace

std::string_view to_string(error_type type) {
  for (const auto& entry : error_words)
    if (entry.type == type)
      return entry.word;
  return "cli_error";
}

std::optional<error_type> error_type_from(std::string_view text) {
  for (const auto& entry : error_words)
    if (entry.word == text)
      return entry.type;
  return std::nullopt;
}

} // namespace agent_dispatch
