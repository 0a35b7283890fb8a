#include "config/load.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <unordered_set>

#include "config/fields.hpp"
#include "config/shell_quote.hpp"
#include "config/yaml_scalar.hpp"
#include "config/yaml_tree.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

using yaml::node_kind;

constexpr std::array<std::string_view, 7> permission_modes{
    "acceptEdits", "auto", "bypassPermissions", "default", "dontAsk", "manual", "plan"};

constexpr std::string_view name_remedy = "Use letters, digits, - and _, a letter or digit first.";

std::string known_modes() {
  std::string text;
  for (const auto mode : permission_modes)
    text.append(text.empty() ? "" : ", ").append(mode);
  return text;
}

/// Reads one configuration out of its tree.
class schema_reader {
public:
  schema_reader(const config_paths& paths, config_report& report) : paths_{paths}, report_{report} {}

  configuration read(const yaml::node& root) {
    configuration config;
    const field_reader top{root, "", report_};
    if (const auto* agents = top.value("agents"))
      read_agents(*agents, config.agents);
    if (const auto* groups = top.value("groups"))
      read_groups(*groups, config.groups);
    if (const auto* settings = top.value("settings"))
      read_settings(*settings, config.settings);
    return config;
  }

  std::vector<std::string> take_dangling_members() { return std::move(dangling_members_); }

private:
  void read_agents(const yaml::node& at, std::vector<agent_config>& agents) {
    const field_reader check{at, "agents", report_};
    for (const auto& [key, value] : at.members()) {
      if (!is_valid_name(key->text))
        report_.warn(key->line, "the agent name " + yaml::write_text(key->text) + " is unusual", name_remedy);
      agents.push_back(read_agent(*key, *value));
      names_.insert(key->text);
    }
  }

  agent_config read_agent(const yaml::node& key, const yaml::node& at) {
    agent_config agent;
    agent.name = {key.text};
    field_reader fields{at, "agents." + yaml::shown_name(key.text), report_};
    read_directory(fields, key, agent);
    fields.text("description", agent.description);
    fields.integer("timeout", 0, agent.timeout);
    fields.real("max_budget_usd", agent.max_budget_usd);
    read_word(fields, "model", agent.model);
    read_word(fields, "permission_mode", agent.permission_mode);
    warn_of_mode(fields, "permission_mode");
    fields.texts("allowed_tools", agent.allowed_tools);
    fields.texts("disallowed_tools", agent.disallowed_tools);
    fields.texts("capabilities", agent.capabilities);
    fields.texts("risky_capabilities", agent.risky_capabilities);
    fields.integer("max_parallel", 1, agent.max_parallel);
    return agent;
  }

  void read_directory(field_reader& fields, const yaml::node& key, agent_config& agent) {
    const auto* at = fields.value("directory");
    if (at == nullptr)
      return report_.refuse(key.line, "agents." + yaml::shown_name(key.text) + " has no directory",
                            "Add the project's path below it: `directory: ~/projects/NAME`.");
    // A path may look like a number.
    if (at->kind != node_kind::scalar || at->text.empty())
      return fields.refuse("directory", *at, "not a path", "Write the path of the project's directory.");
    auto path = expand_path(at->text, paths_.home, paths_.config.parent_path());
    if (!path)
      return fields.refuse("directory", *at, "and the home directory in it is not known", "Write an absolute path.");
    agent.directory = *std::move(path);
  }

  /// An empty one is none, as the Python program has it.
  static void read_word(field_reader& fields, std::string_view key, std::optional<std::string>& target) {
    fields.text(key, target);
    if (target && target->empty())
      target.reset();
  }

  void warn_of_mode(field_reader& fields, std::string_view key) {
    const auto* at = fields.value(key);
    if (at != nullptr && at->kind == node_kind::scalar && !at->text.empty() && !is_known_permission_mode(at->text))
      report_.warn(at->line, fields.name_of(key) + " is " + yaml::shown(*at) + ", which the CLI may not know",
                   "It knows: " + known_modes() + ".");
  }

  void read_groups(const yaml::node& at, std::vector<group_config>& groups) {
    const field_reader check{at, "groups", report_};
    for (const auto& [key, value] : at.members()) {
      if (!is_valid_name(key->text))
        report_.refuse(key->line, yaml::write_text(key->text) + " cannot be the name of a group", name_remedy);
      groups.push_back(read_group(*key, *value));
    }
  }

  group_config read_group(const yaml::node& key, const yaml::node& at) {
    group_config group;
    group.name = key.text;
    field_reader fields{at, "groups." + yaml::shown_name(key.text), report_};
    fields.text("description", group.description);
    fields.text("shared_context", group.shared_context);
    const auto* members = fields.value("members");
    if (members == nullptr)
      return group;
    if (members->kind != node_kind::sequence) {
      fields.refuse("members", *members, "not a list", "Write one line `- agent: NAME` for each member.");
      return group;
    }
    for (const auto& item : members->items)
      group.members.push_back(read_member(*item, fields.name_of("members")));
    return group;
  }

  group_member read_member(const yaml::node& at, const std::string& where) {
    group_member member;
    field_reader fields{at, where, report_};
    fields.text("agent", member.agent.value);
    fields.text("use_for", member.use_for);
    const auto* name = fields.value("agent");
    if (name == nullptr)
      report_.refuse(at.line, "a member of " + where + " names no agent", "Write `agent: NAME`.");
    else if (!is_valid_name(member.agent.value))
      report_.refuse(name->line, yaml::shown(*name) + " cannot be the name of an agent", name_remedy);
    else if (!names_.contains(member.agent.value))
      warn_of_dangling(where, *name);
    return member;
  }

  void warn_of_dangling(const std::string& where, const yaml::node& name) {
    auto sentence =
        report_.warn(name.line, where + " names the agent " + name.text + ", and there is none of that name",
                     "Add the agent, or remove the member.");
    if (sentence)
      dangling_members_.push_back(*std::move(sentence));
  }

  void read_settings(const yaml::node& at, settings& target) {
    field_reader fields{at, "settings", report_};
    fields.integer("default_timeout", 1, target.default_timeout);
    fields.real("default_max_budget_usd", target.default_max_budget_usd);
    read_word(fields, "default_permission_mode", target.default_permission_mode);
    warn_of_mode(fields, "default_permission_mode");
    fields.texts("default_allowed_tools", target.default_allowed_tools);
    fields.texts("default_disallowed_tools", target.default_disallowed_tools);
    fields.integer("max_dispatch_depth", 1, target.max_dispatch_depth);
    fields.integer("max_concurrency", 1, target.max_concurrency);
    fields.integer("job_retention_days", 0, target.job_retention_days);
    fields.integer("idle_exit_seconds", 0, target.idle_exit_seconds);
    fields.boolean("confirm_risky", target.confirm_risky);
    if (const auto* cache = fields.value("cache"))
      read_cache(*cache, target.cache);
  }

  void read_cache(const yaml::node& at, cache_settings& target) {
    field_reader fields{at, "settings.cache", report_};
    fields.boolean("enabled", target.enabled);
    fields.real("ttl", target.ttl);
    fields.integer("max_size", 1, target.max_size);
  }

  const config_paths& paths_;
  config_report& report_;
  std::unordered_set<std::string> names_; ///< of the agents
  std::vector<std::string> dangling_members_;
};

std::string unreadable_sentence(const std::filesystem::path& path, const read_failure& problem) {
  const std::string name = to_valid_utf8(path.native());
  switch (problem.why) {
  case read_failure::reason::directory:
    return name + " is a directory, and must be a file. Move it away, or set AGENT_DISPATCH_CONFIG to another path.";
  case read_failure::reason::not_a_file:
    return name + " is not a regular file. Move it away, or set AGENT_DISPATCH_CONFIG to another path.";
  case read_failure::reason::not_readable:
    return name + " may not be read. As its owner, run: " + shell_command({"chmod", "u+r", name});
  case read_failure::reason::unreachable:
    return name + " cannot be reached: a directory on the way may not be searched. See which with: " +
           shell_command({"namei", "-l", name});
  case read_failure::reason::missing:
  case read_failure::reason::other:
    break;
  }
  return name + " cannot be read: " + std::strerror(problem.error_number) +
         ". Mend that, or set AGENT_DISPATCH_CONFIG to another path.";
}

} // namespace

bool is_known_permission_mode(std::string_view mode) {
  return std::find(permission_modes.begin(), permission_modes.end(), mode) != permission_modes.end();
}

std::string unknown_permission_mode_sentence(std::string_view mode) {
  return "The permission mode '" + to_valid_utf8(mode) +
         "' is stored, but the CLI may not know it. It knows: " + known_modes() + ".";
}

expected<loaded_configuration> parse_configuration(std::string_view text, const config_paths& paths) {
  config_report report{paths.config};
  const auto root = yaml::parse(text);
  if (!root) {
    report.refuse(root.error().line, root.error().what, root.error().remedy, fault_kind::config_syntax);
    return tl::make_unexpected(*report.fault());
  }
  schema_reader reader{paths, report};
  auto config = reader.read(**root);
  if (report.fault())
    return tl::make_unexpected(*report.fault());
  return loaded_configuration{std::move(config), report.take_warnings(), reader.take_dangling_members()};
}

expected<std::optional<file_bytes>> read_configuration(const std::filesystem::path& path) {
  auto file = read_file(path, greatest_config_bytes);
  if (!file && file.error().why == read_failure::reason::missing)
    return std::optional<file_bytes>{};
  if (!file)
    return failure(fault_kind::config_unreadable, unreadable_sentence(path, file.error()));
  if (file->truncated)
    return failure(fault_kind::config_unreadable, to_valid_utf8(path.native()) + " is larger than " +
                                                      std::to_string(greatest_config_bytes >> 20) +
                                                      " MiB. Remove what is not a setting of agent-dispatch.");
  return std::optional<file_bytes>{*std::move(file)};
}

expected<loaded_configuration> load_configuration(const config_paths& paths) {
  const auto file = read_configuration(paths.config);
  if (!file)
    return tl::make_unexpected(file.error());
  if (!*file)
    return loaded_configuration{};
  return parse_configuration((*file)->bytes, paths);
}

} // namespace agent_dispatch
