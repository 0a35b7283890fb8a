#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_tree.hpp"
#include "messages/agent.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// Collects what is found while one text is read: the first fault, and the warnings. Each sentence begins with
/// `PATH:LINE: on line LINE, `: the one form for tools that jump there, the other for people.
class config_report {
public:
  explicit config_report(std::filesystem::path shown_path) : path_{std::move(shown_path)} {}

  /// `what` without its full stop, `remedy` with it. Only the first call counts.
  void refuse(std::size_t line, std::string_view what, std::string_view remedy,
              fault_kind kind = fault_kind::config_schema);
  /// The sentence; absent when there are too many already, and this one was dropped.
  std::optional<std::string> warn(std::size_t line, std::string_view what, std::string_view remedy);

  const std::optional<agent_dispatch::fault>& fault() const { return fault_; }
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

private:
  std::string sentence(std::size_t line, std::string_view what, std::string_view remedy) const;

  std::filesystem::path path_;
  std::optional<agent_dispatch::fault> fault_;
  std::vector<std::string> warnings_;
};

/// Reads the fields of one map with the types and bounds they must have. A key that is absent or null leaves its target
/// as it was; a wrong value goes to the report.
class field_reader {
public:
  /// `map` and `report` outlive this object. `where` is the dotted path for sentences ("" at the top). A null node has
  /// no fields; a node that is no map is refused.
  field_reader(const yaml::node& map, std::string where, config_report& report);

  void text(std::string_view key, std::string& target);
  void text(std::string_view key, std::optional<std::string>& target);
  void boolean(std::string_view key, bool& target);
  /// A whole number from `least` to the greatest int.
  void integer(std::string_view key, int least, int& target);
  /// A finite number of at least 0.
  void real(std::string_view key, double& target);
  void real(std::string_view key, std::optional<double>& target);
  /// A list of texts. An empty list is a list.
  void texts(std::string_view key, tool_list& target);
  void texts(std::string_view key, std::vector<std::string>& target);

  /// The value under `key`, unless it is absent or null.
  const yaml::node* value(std::string_view key) const;
  /// Refuses `at` under the name of `key`.
  void refuse(std::string_view key, const yaml::node& at, std::string_view what, std::string_view remedy);
  /// The dotted path of `key`.
  std::string name_of(std::string_view key) const;
  config_report& report() { return report_; }

private:
  void warn_of_duplicates() const;
  void refuse_named(const std::string& name, const yaml::node& at, std::string_view what, std::string_view remedy);

  const yaml::node& map_;
  std::string where_;
  config_report& report_;
};

} // namespace agent_dispatch
