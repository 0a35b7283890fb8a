#include <cmath>
#include <ostream>
#include <system_error>

#include "config/discovery.hpp"
#include "config/save.hpp"
#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/config_text.hpp"
#include "frontends/views/agents_view.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// "" and "none" are as if not given.
std::optional<std::string> given(const std::optional<std::string>& option) {
  return option && !option->empty() && *option != "none" ? option : std::nullopt;
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    const auto part = text.substr(0, end);
    const auto begin = part.find_first_not_of(" \t");
    if (begin != std::string_view::npos)
      parts.emplace_back(part.substr(begin, part.find_last_not_of(" \t") - begin + 1));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

tool_list tools(const std::optional<std::string>& option) {
  const auto text = given(option);
  return text ? tool_list{split(*text)} : std::nullopt;
}

/// The directory as it will be stored: absolute, without links. The fault is for exit code 2.
expected<fs::path> project_directory(const std::string& path, const config_paths& paths, const fs::path& base) {
  const auto refused = [](std::string sentence) { return failure(fault_kind::invalid_argument, std::move(sentence)); };
  const auto full = expand_path(path, paths.home, base);
  if (path.empty())
    return refused(config_text::not_a_directory("", "names nothing"));
  if (!full)
    return refused(config_text::unknown_home(printable(path)));
  std::error_code error;
  auto real = fs::canonical(*full, error);
  if (error == std::errc::no_such_file_or_directory)
    return refused(config_text::not_a_directory(printable(full->native()), "does not exist"));
  if (error)
    return refused(config_text::not_a_directory(printable(full->native()), "cannot be reached: " + error.message()));
  if (!fs::is_directory(real, error))
    return refused(config_text::not_a_directory(printable(full->native()), "is not a directory"));
  return real;
}

/// Empty when the numbers can be taken.
std::string wrong_number(const add_options& options) {
  if (options.timeout && *options.timeout < 1)
    return config_text::timeout_too_small(*options.timeout);
  if (options.max_budget_usd && (!std::isfinite(*options.max_budget_usd) || *options.max_budget_usd < 0))
    return config_text::budget_refused();
  return {};
}

agent_config agent_from(const add_options& options, const fs::path& directory) {
  agent_config agent;
  agent.name = {options.name};
  agent.directory = directory;
  agent.description = options.description.value_or("");
  agent.timeout = options.timeout.value_or(agent.timeout);
  if (options.max_budget_usd && *options.max_budget_usd > 0)
    agent.max_budget_usd = options.max_budget_usd;
  agent.model = given(options.model);
  agent.permission_mode = given(options.permission_mode);
  agent.allowed_tools = tools(options.allowed_tools);
  agent.disallowed_tools = tools(options.disallowed_tools);
  agent.capabilities = split(given(options.capabilities).value_or(""));
  agent.risky_capabilities = split(given(options.risky_capabilities).value_or(""));
  return agent;
}

void note(cli_io& io, std::string_view sentence) {
  io.err << painted(io, colour::yellow, "Note:") << ' ' << sentence << '\n';
}

void print_notes(cli_io& io, const agent_config& agent, const saved_configuration& saved) {
  if (agent.permission_mode && !is_known_permission_mode(*agent.permission_mode))
    note(io, printable(unknown_permission_mode_sentence(*agent.permission_mode)));
  if (health_of(agent.directory) == directory_health::unreadable)
    note(io, config_text::not_entered(printable(agent.directory.native())));
  if (!saved.comments_kept)
    note(io, config_text::comments_lost);
}

void print_added(cli_io& io, const agent_config& agent) {
  io.out << painted(io, colour::green, "Added") << " agent '" << agent.name.value
         << "': " << printable(agent.directory.native()) << '\n'
         << "  " << printable(agent.description) << '\n'
         << "Try it with: agent-dispatch test " << agent.name.value << '\n';
}

} // namespace

int run_add(const add_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  const auto directory = project_directory(options.directory, *paths, io.directory);
  if (!directory)
    return report_failure(io, options.format, directory.error().message, exit_usage);
  if (const auto wrong = wrong_number(options); !wrong.empty())
    return report_failure(io, options.format, wrong);
  auto agent = agent_from(options, *directory);
  if (const auto fit = check_agent(agent); !fit)
    return report_failure(io, options.format, fit.error().message);
  if (agent.description.empty())
    agent.description = describe_project(agent.directory);
  const auto saved = add_agent(*paths, agent);
  if (!saved)
    return report_failure(io, options.format, saved.error().message);
  print_notes(io, agent, *saved);
  if (options.format == output_format::json)
    print_json(io, added_agent_json(agent));
  else
    print_added(io, agent);
  return exit_success;
}

} // namespace agent_dispatch
