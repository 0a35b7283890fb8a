#include "actors/logic/parsed_reply.hpp"

#include "actors/logic/json_span.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t deepest = 256;
constexpr std::string_view fence = "```";

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos)
    return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

/// What stands in the code fence that the whole text is; its language is left out.
std::optional<std::string_view> fenced(std::string_view text) {
  text = trimmed(text);
  if (text.size() < 2 * fence.size() || !text.starts_with(fence) || !text.ends_with(fence))
    return std::nullopt;
  text = text.substr(fence.size(), text.size() - 2 * fence.size());
  const auto line_end = text.find('\n');
  const bool has_language =
      line_end != std::string_view::npos && text.substr(0, line_end).find_first_of("[{\"") == std::string_view::npos;
  return has_language ? text.substr(line_end + 1) : text;
}

std::optional<nlohmann::json> parse(std::string_view text) {
  if (!json_span::whole(text) || nesting_depth(text) > deepest)
    return std::nullopt;
  auto value = nlohmann::json::parse(text, nullptr, false);
  if (value.is_discarded() || value.is_null())
    return std::nullopt;
  return value;
}

} // namespace

std::optional<nlohmann::json> parse_reply(std::string_view reply) {
  if (auto value = parse(reply))
    return value;
  const auto inside = fenced(reply);
  return inside ? parse(*inside) : std::nullopt;
}

} // namespace agent_dispatch
