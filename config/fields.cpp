#include "config/fields.hpp"

#include <limits>
#include <unordered_map>

#include "config/yaml_scalar.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

std::string config_report::sentence(std::size_t line, std::string_view what, std::string_view remedy) const {
  std::string text = to_valid_utf8(path_.native());
  if (line > 0)
    text.append(":").append(std::to_string(line)).append(": on line ").append(std::to_string(line)).append(", ");
  else
    text.append(": ");
  return text.append(what).append(". ").append(remedy);
}

void config_report::refuse(std::size_t line, std::string_view what, std::string_view remedy, fault_kind kind) {
  if (!fault_)
    fault_ = agent_dispatch::fault{kind, sentence(line, what, remedy)};
}

std::optional<std::string> config_report::warn(std::size_t line, std::string_view what, std::string_view remedy) {
  constexpr std::size_t most = 100; // nobody reads more
  if (warnings_.size() >= most)
    return std::nullopt;
  return warnings_.emplace_back(sentence(line, what, remedy));
}

field_reader::field_reader(const yaml::node& map, std::string where, config_report& report)
    : map_{map}, where_{std::move(where)}, report_{report} {
  if (map.kind == yaml::node_kind::map)
    warn_of_duplicates();
  else if (!yaml::is_null(map))
    report_.refuse(map.line, (where_.empty() ? "the file" : where_) + " is " + yaml::shown(map) + ", not a map",
                   where_.empty() ? "Begin it with `agents:`, the agents indented below."
                                  : "Write `key: value` lines below it, indented.");
}

void field_reader::warn_of_duplicates() const {
  std::unordered_map<std::string_view, std::size_t> lines;
  for (const auto& entry : map_.entries) {
    const auto [seen, fresh] = lines.emplace(entry.key->text, entry.key->line);
    if (!fresh)
      report_.warn(entry.key->line,
                   name_of(entry.key->text) + " is given before, on line " + std::to_string(seen->second),
                   "The last one counts; remove the others.");
  }
}

std::string field_reader::name_of(std::string_view key) const {
  return where_.empty() ? yaml::shown_name(key) : where_ + "." + yaml::shown_name(key);
}

const yaml::node* field_reader::value(std::string_view key) const {
  const auto* found = map_.find(key);
  return found == nullptr || yaml::is_null(*found) ? nullptr : found;
}

void field_reader::refuse(std::string_view key, const yaml::node& at, std::string_view what, std::string_view remedy) {
  refuse_named(name_of(key), at, what, remedy);
}

void field_reader::refuse_named(const std::string& name, const yaml::node& at, std::string_view what,
                                std::string_view remedy) {
  report_.refuse(at.line, name + " is " + yaml::shown(at) + ", " + std::string{what}, remedy);
}

void field_reader::text(std::string_view key, std::string& target) {
  const auto* at = value(key);
  if (at == nullptr)
    return;
  if (auto text = yaml::as_text(*at))
    target = *std::move(text);
  else
    refuse(key, *at, "not a text", "Write a text; put one that looks like a number or a yes/no in quotes.");
}

void field_reader::text(std::string_view key, std::optional<std::string>& target) {
  if (value(key) == nullptr)
    return;
  std::string given;
  text(key, given);
  target = std::move(given);
}

void field_reader::boolean(std::string_view key, bool& target) {
  const auto* at = value(key);
  if (at == nullptr)
    return;
  if (const auto truth = yaml::as_boolean(*at))
    target = *truth;
  else
    refuse(key, *at, "not a yes or no", "Write true or false.");
}

void field_reader::integer(std::string_view key, int least, int& target) {
  const auto* at = value(key);
  if (at == nullptr)
    return;
  const auto number = yaml::as_integer(*at);
  if (number && *number >= least && *number <= std::numeric_limits<int>::max())
    target = static_cast<int>(*number);
  else
    refuse(key, *at, "not a whole number of at least " + std::to_string(least),
           number && *number > least ? "Write a smaller number." : "Write one, or remove the key to have the default.");
}

void field_reader::real(std::string_view key, double& target) {
  const auto* at = value(key);
  if (at == nullptr)
    return;
  const auto number = yaml::as_real(*at);
  if (number && *number >= 0)
    target = *number;
  else
    refuse(key, *at, "not a finite number of at least 0", "Write one, or remove the key to have the default.");
}

void field_reader::real(std::string_view key, std::optional<double>& target) {
  if (value(key) == nullptr)
    return;
  double given = 0;
  real(key, given);
  target = given;
}

void field_reader::texts(std::string_view key, tool_list& target) {
  const auto* at = value(key);
  if (at == nullptr)
    return;
  if (at->kind != yaml::node_kind::sequence)
    return refuse(key, *at, "not a list", "Write a list, such as [Read, Grep]; [] for none.");
  std::vector<std::string> given;
  for (const auto& item : at->items) {
    auto text = yaml::as_text(*item);
    if (!text)
      return refuse_named(name_of(key) + "[" + std::to_string(given.size()) + "]", *item, "not a text",
                          "Write a text; put one that looks like a number or a yes/no in quotes.");
    given.push_back(*std::move(text));
  }
  target = std::move(given);
}

void field_reader::texts(std::string_view key, std::vector<std::string>& target) {
  tool_list given;
  texts(key, given);
  if (given)
    target = *std::move(given);
}

} // namespace agent_dispatch
