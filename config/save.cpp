#include "config/save.hpp"

#include <cmath>
#include <system_error>

#include <sys/stat.h>

#include "config/atomic_write.hpp"
#include "config/lock.hpp"
#include "config/shell_quote.hpp"
#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view empty_configuration =
    R"(# Agents of agent-dispatch. Add one with: agent-dispatch add NAME DIRECTORY
agents: {}

settings:
  default_timeout: 300 # seconds
  max_dispatch_depth: 3
  max_concurrency: 5
  cache:
    enabled: true
    ttl: 300 # seconds
)";

yaml::node_ptr text_node(std::string_view text) { return yaml::make_text(to_valid_utf8(text)); }

yaml::node_ptr list_node(const std::vector<std::string>& texts) {
  std::vector<std::string> valid;
  for (const auto& text : texts)
    valid.push_back(to_valid_utf8(text));
  return yaml::make_list(valid);
}

/// Only what is set, so that the file stays short and other programs find no key they do not know.
yaml::node_ptr node_of(const agent_config& agent) {
  auto map = std::make_shared<yaml::node>();
  yaml::append(*map, "directory", text_node(agent.directory.native()));
  yaml::append(*map, "description", text_node(agent.description));
  yaml::append(*map, "timeout", yaml::make_plain(std::to_string(agent.timeout)));
  if (agent.max_budget_usd)
    yaml::append(*map, "max_budget_usd", yaml::make_plain(yaml::write_real(*agent.max_budget_usd)));
  if (agent.model)
    yaml::append(*map, "model", text_node(*agent.model));
  if (agent.permission_mode)
    yaml::append(*map, "permission_mode", text_node(*agent.permission_mode));
  if (agent.allowed_tools)
    yaml::append(*map, "allowed_tools", list_node(*agent.allowed_tools));
  if (agent.disallowed_tools)
    yaml::append(*map, "disallowed_tools", list_node(*agent.disallowed_tools));
  if (!agent.capabilities.empty())
    yaml::append(*map, "capabilities", list_node(agent.capabilities));
  if (!agent.risky_capabilities.empty())
    yaml::append(*map, "risky_capabilities", list_node(agent.risky_capabilities));
  if (agent.max_parallel != 1)
    yaml::append(*map, "max_parallel", yaml::make_plain(std::to_string(agent.max_parallel)));
  return map;
}

/// Tightens a directory that is ours by its name; another's stays as it is.
expected<void> prepare_directory(const fs::path& directory) {
  if (auto made = make_private_directory(directory); !made)
    return made;
  struct stat status {};
  if (directory.filename() == "agent-dispatch" && ::stat(directory.c_str(), &status) == 0 &&
      (status.st_mode & 077U) != 0)
    static_cast<void>(::chmod(directory.c_str(), 0700)); // somebody else's: the write tells
  return {};
}

expected<file_lock> lock_configuration(const config_paths& paths, std::chrono::milliseconds patience) {
  if (auto ready = prepare_directory(paths.config.parent_path()); !ready)
    return tl::make_unexpected(ready.error());
  auto name = paths.config;
  name += ".lock";
  return file_lock::acquire(name, patience);
}

tl::unexpected<fault> refused(std::string sentence) {
  return failure(fault_kind::invalid_argument, std::move(sentence));
}

expected<yaml::edited_text> text_with(const agent_config& agent, const std::string& text, const config_paths& paths) {
  auto edited = yaml::add_member(text, "agents", agent.name.value, node_of(agent));
  if (!edited)
    return failure(fault_kind::config_write, to_valid_utf8(paths.config.native()) + ":" +
                                                 std::to_string(edited.error().line) + ": " + edited.error().what +
                                                 ". " + edited.error().remedy);
  return *std::move(edited);
}

} // namespace

expected<saved_configuration> change_configuration(const config_paths& paths, const configuration_edit& edit,
                                                   std::chrono::milliseconds patience) {
  const auto lock = lock_configuration(paths, patience);
  if (!lock)
    return tl::make_unexpected(lock.error());
  const auto file = read_configuration(paths.config);
  if (!file)
    return tl::make_unexpected(file.error());
  const std::string old = *file ? (*file)->bytes : std::string{};
  const auto now = parse_configuration(old, paths);
  if (!now)
    return tl::make_unexpected(now.error());
  auto edited = edit(old, now->value);
  if (!edited)
    return tl::make_unexpected(edited.error());
  auto next = parse_configuration(edited->text, paths);
  if (!next)
    return tl::make_unexpected(next.error());
  if (auto written = write_file_atomically(paths.config, edited->text); !written)
    return tl::make_unexpected(written.error());
  return saved_configuration{std::move(next->value), edited->comments_kept};
}

expected<void> check_agent(const agent_config& agent) {
  if (!is_valid_name(agent.name.value))
    return refused("'" + to_valid_utf8(agent.name.value) +
                   "' cannot be the name of an agent. Use letters, digits, - "
                   "and _, a letter or digit first.");
  if (agent.timeout < 0)
    return refused("The timeout is " + std::to_string(agent.timeout) + " s. Give 0 (for the default) or more.");
  if (agent.max_budget_usd && (!std::isfinite(*agent.max_budget_usd) || *agent.max_budget_usd < 0))
    return refused("The budget is not a finite number of at least 0. Give US dollars, such as 1.5.");
  if (const auto& name = agent.directory.native(); to_valid_utf8(name) != name)
    return refused("The directory's name '" + to_valid_utf8(name) +
                   "' is not UTF-8, and cannot stand in agents.yaml. "
                   "Give its path through a link with another name.");
  return {};
}

expected<saved_configuration> add_agent(const config_paths& paths, const agent_config& agent,
                                        std::chrono::milliseconds patience) {
  if (auto fit = check_agent(agent); !fit)
    return tl::make_unexpected(fit.error());
  return change_configuration(
      paths,
      [&](const std::string& text, const configuration& now) -> expected<yaml::edited_text> {
        const auto& name = agent.name.value;
        if (now.find_agent(agent.name) != nullptr)
          return refused("Agent '" + name + "' already exists. Change it with: " +
                         shell_command({"agent-dispatch", "update", name}) + " and the options to set.");
        return text_with(agent, text, paths);
      },
      patience);
}

expected<creation> create_configuration(const config_paths& paths, std::chrono::milliseconds patience) {
  const auto lock = lock_configuration(paths, patience);
  if (!lock)
    return tl::make_unexpected(lock.error());
  struct stat status {};
  if (::stat(paths.config.c_str(), &status) == 0) {
    if (S_ISREG(status.st_mode) && (status.st_mode & 077U) != 0)
      static_cast<void>(::chmod(paths.config.c_str(), 0600)); // somebody else's stays as it is
    return creation::was_there;
  }
  if (auto written = write_file_atomically(paths.config, empty_configuration); !written)
    return tl::make_unexpected(written.error());
  return creation::made;
}

} // namespace agent_dispatch
