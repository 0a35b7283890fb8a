#include <ostream>

#include "config/discovery.hpp"
#include "config/load.hpp"
#include "config/yaml_scalar.hpp"
#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/config_text.hpp"
#include "frontends/views/agents_view.hpp"

namespace agent_dispatch {

namespace {

std::string health_text(const cli_io& io, directory_health health) {
  switch (health) {
  case directory_health::healthy:
    return painted(io, colour::green, "OK");
  case directory_health::missing:
    return painted(io, colour::red, "NOT FOUND");
  case directory_health::unreadable:
    return painted(io, colour::red, "UNREADABLE");
  }
  return {};
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text.append(text.empty() ? "" : ", ").append(printable(word));
  return text;
}

/// `(inherited)`, `(none)` or the list.
std::string tools_text(const tool_list& tools) {
  if (!tools)
    return "(inherited)";
  return tools->empty() ? "(none)" : joined(*tools);
}

std::string dollars(double amount) { return "$" + yaml::write_real(amount); }

std::string timeout_text(const agent_config& agent) {
  return agent.timeout == 0 ? "(inherited)" : std::to_string(agent.timeout) + " s";
}

class detail_printer {
public:
  explicit detail_printer(cli_io& io) : io_{io} {}

  void line(std::string_view label, std::string_view value) {
    constexpr std::size_t width = 20;
    std::string name{label};
    name.append(":").resize(width, ' ');
    io_.out << "  " << painted(io_, colour::dim, name) << printable(value) << '\n';
  }
  void line_if(std::string_view label, const std::optional<std::string>& value) {
    if (value)
      line(label, *value);
  }
  void list(std::string_view label, const std::vector<std::string>& values) {
    if (!values.empty())
      line(label, joined(values));
  }

private:
  cli_io& io_;
};

void print_headline(cli_io& io, const agent_config& agent) {
  io.out << painted(io, colour::bold, printable(agent.name.value)) << "  ["
         << health_text(io, health_of(agent.directory)) << "]\n";
}

void print_entry(cli_io& io, const agent_config& agent) {
  print_headline(io, agent);
  detail_printer print{io};
  print.line("directory", agent.directory.native());
  if (!agent.description.empty())
    print.line("description", agent.description);
  if (agent.timeout != agent_config{}.timeout)
    print.line("timeout", timeout_text(agent));
  print.line_if("model", agent.model);
  if (agent.max_budget_usd)
    print.line("budget", dollars(*agent.max_budget_usd));
  print.line_if("permission mode", agent.permission_mode);
  if (agent.allowed_tools)
    print.line("allowed tools", tools_text(agent.allowed_tools));
  if (agent.disallowed_tools)
    print.line("disallowed tools", tools_text(agent.disallowed_tools));
  print.list("capabilities", agent.capabilities);
  print.list("risky capabilities", agent.risky_capabilities);
}

std::string project_files(const project_facts& facts) {
  std::vector<std::string> files;
  if (facts.has_claude_md)
    files.emplace_back("CLAUDE.md");
  if (facts.has_readme)
    files.emplace_back("README.md");
  if (facts.has_mcp_config)
    files.emplace_back(".mcp.json");
  return joined(files);
}

void print_settings(detail_printer& print, const agent_config& agent) {
  print.line("directory", agent.directory.native());
  print.line("description", agent.description);
  print.line("timeout", timeout_text(agent));
  print.line_if("model", agent.model);
  if (agent.max_budget_usd)
    print.line("budget", dollars(*agent.max_budget_usd));
  print.line_if("permission mode", agent.permission_mode);
  print.line("allowed tools", tools_text(agent.allowed_tools));
  print.line("disallowed tools", tools_text(agent.disallowed_tools));
  print.list("capabilities", agent.capabilities);
  print.list("risky capabilities", agent.risky_capabilities);
  if (agent.max_parallel != 1)
    print.line("runs at a time", std::to_string(agent.max_parallel));
}

void print_project(detail_printer& print, const agent_config& agent) {
  const auto facts = scan_project(agent.directory);
  if (const auto files = project_files(facts); !files.empty())
    print.line("project files", files);
  print.list("MCP servers", facts.mcp_servers);
  print.list("stacks", facts.stacks);
  print.list("databases", facts.dbs);
  print.line_if("not readable", facts.scan_error);
}

} // namespace

void print_warnings(cli_io& io, const std::vector<std::string>& warnings) {
  for (const auto& warning : warnings)
    io.err << painted_note(io, colour::yellow, "Warning:") << ' ' << warning << '\n';
}

expected<loaded_configuration> load_for(const cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return tl::make_unexpected(paths.error());
  return load_configuration(*paths);
}

int run_list(const list_options& options, cli_io& io) {
  const auto config = load_for(io);
  if (!config)
    return report_failure(io, options.format, config.error().message);
  print_warnings(io, config->warnings);
  if (options.format == output_format::json) {
    print_json(io, list_agents_json(config->value));
    return exit_success;
  }
  if (config->value.agents.empty())
    io.out << config_text::list_empty << '\n';
  for (const auto& agent : config->value.agents)
    print_entry(io, agent);
  return exit_success;
}

int run_describe(const describe_options& options, cli_io& io) {
  constexpr int preview_lines = 40; // as the tool inspect_agent
  const auto config = load_for(io);
  if (!config)
    return report_failure(io, options.format, config.error().message);
  print_warnings(io, config->warnings);
  const auto* agent = config->value.find_agent({options.name});
  if (agent == nullptr)
    return report_failure(io, options.format, unknown_agent_sentence(config->value, printable(options.name)));
  if (options.format == output_format::json) {
    print_json(io, inspect_agent_json(config->value, options.name, preview_lines));
    return exit_success;
  }
  print_headline(io, *agent);
  detail_printer print{io};
  print_settings(print, *agent);
  if (health_of(agent->directory) == directory_health::healthy)
    print_project(print, *agent);
  return exit_success;
}

} // namespace agent_dispatch
