#include "frontends/mcp/completion.hpp"

#include <algorithm>
#include <set>

namespace agent_dispatch {

namespace {

constexpr std::size_t most_values = 100;

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(' ');
  if (begin == std::string_view::npos)
    return {};
  return text.substr(begin, text.find_last_not_of(' ') - begin + 1);
}

} // namespace

std::vector<std::string> agents_beginning_with(const configuration& config, std::string_view text) {
  std::vector<std::string> names;
  for (const auto& agent : config.agents)
    if (agent.name.value.starts_with(text))
      names.push_back(agent.name.value);
  return names;
}

std::vector<std::string> groups_beginning_with(const configuration& config, std::string_view text) {
  std::vector<std::string> names;
  for (const auto& group : config.groups)
    if (group.name.starts_with(text))
      names.push_back(group.name);
  return names;
}

std::vector<std::string> lists_of_agents_beginning_with(const configuration& config, std::string_view text) {
  const auto comma = text.rfind(',');
  const auto before = comma == std::string_view::npos ? std::string_view{} : text.substr(0, comma + 1);
  std::set<std::string, std::less<>> named;
  for (std::size_t at = 0; at < before.size();) {
    const auto end = before.find(',', at);
    named.emplace(trimmed(before.substr(at, end - at)));
    at = end + 1;
  }
  std::vector<std::string> lists;
  for (const auto& name : agents_beginning_with(config, trimmed(text.substr(before.size()))))
    if (!named.contains(name))
      lists.push_back(std::string{before} + name);
  return lists;
}

ordered_json completion_json(std::span<const std::string> values) {
  ordered_json completion;
  completion["values"] = ordered_json::array();
  for (const auto& value : values.first(std::min(values.size(), most_values)))
    completion["values"].push_back(value);
  completion["total"] = values.size();
  completion["hasMore"] = values.size() > most_values;
  ordered_json result;
  result["completion"] = std::move(completion);
  return result;
}

} // namespace agent_dispatch
