#include "actors/logic/child_environment.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

#include "messages/dispatch_depth.hpp"

namespace agent_dispatch {

namespace {

bool names(std::string_view entry, std::string_view name) {
  return entry.size() > name.size() && entry.substr(0, name.size()) == name && entry[name.size()] == '=';
}

constexpr int deepest = std::numeric_limits<int>::max();

std::string setting(std::string_view name, std::string_view value) {
  std::string entry{name};
  entry.append("=").append(value);
  return entry;
}

} // namespace

std::optional<std::string_view> find_variable(const std::vector<std::string>& environment, std::string_view name) {
  for (const auto& entry : environment)
    if (names(entry, name))
      return std::string_view{entry}.substr(name.size() + 1);
  return std::nullopt;
}

bool is_too_deep(int depth, int max_dispatch_depth) { return depth >= max_dispatch_depth; }

std::vector<std::string> build_child_environment(const std::vector<std::string>& caller, int depth,
                                                 const run_key& run) {
  std::vector<std::string> child;
  child.reserve(caller.size() + 2);
  std::copy_if(caller.begin(), caller.end(), std::back_inserter(child),
               [](const auto& entry) { return !names(entry, depth_variable) && !names(entry, run_variable); });
  child.push_back(setting(depth_variable, std::to_string(depth < deepest ? depth + 1 : deepest)));
  child.push_back(setting(run_variable, run.value));
  return child;
}

} // namespace agent_dispatch
