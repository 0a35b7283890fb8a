#include "frontends/cli/doctor/gather.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "config/shell_quote.hpp"
#include "frontends/cli/caller.hpp"
#include "messages/version.hpp"

namespace agent_dispatch::doctor {

namespace {

namespace fs = std::filesystem;

std::string variable(const cli_io& io, std::string_view name) { return io.environment(name).value_or(""); }

/// The name when PATH leads to this program, else its path.
std::string program_word(const cli_io& io) {
  std::error_code ignored;
  const auto found = find_program("agent-dispatch", variable(io, "PATH"));
  if (found && fs::equivalent(*found, io.executable, ignored))
    return "agent-dispatch";
  return shell_quote(io.executable.native());
}

std::string editor_word(const cli_io& io) {
  for (const auto* name : {"VISUAL", "EDITOR"})
    if (auto chosen = variable(io, name); chosen.find_first_not_of(' ') != std::string::npos)
      return chosen;
  for (const auto* name : {"editor", "nano", "vi", "vim"})
    if (find_program(name, variable(io, "PATH")))
      return name;
  return "vi";
}

/// Adds the working directory under its own name; "" for a home or root directory, which is nobody's project.
std::string add_command(const cli_io& io, const fs::path& home, const std::string& program) {
  auto name = io.directory.filename().native();
  std::ranges::replace_if(
      name,
      [](char c) {
        return !is_valid_name(std::string{'a', c});
      },
      '-');
  if (io.directory == home || !is_valid_name(name))
    return {};
  return program + " " + shell_command({"add", name, io.directory.native()});
}

std::vector<std::string> place_settings(const cli_io& io) {
  std::vector<std::string> settings;
  for (const auto* name : {"AGENT_DISPATCH_CONFIG", "AGENT_DISPATCH_JOBS_DIR", "XDG_STATE_HOME"})
    if (const auto value = variable(io, name); !value.empty())
      settings.push_back(std::string{name} + "=" + value);
  return settings;
}

installation_facts look_at_installation(const fs::path& executable) {
  installation_facts installation{.executable = executable, .missing = {}};
  for (const auto* name : {"agent-dispatchd", "agent-dispatch-run"})
    if (::access((executable.parent_path() / name).c_str(), X_OK) != 0)
      installation.missing.emplace_back(name);
  return installation;
}

registered_program look_at_registered(const cli_io& io, const mcp_registration& made) {
  std::error_code ignored;
  registered_program program;
  if (made.command.find('/') == std::string::npos)
    program.path = find_program(made.command, variable(io, "PATH"));
  else if (fs::is_regular_file(made.command, ignored) && ::access(made.command.c_str(), X_OK) == 0)
    program.path = made.command;
  program.is_this = program.path && fs::equivalent(*program.path, io.executable, ignored);
  return program;
}

config_file_kind look_at_config(const fs::path& file) {
  struct stat status {};
  if (::stat(file.c_str(), &status) != 0)
    return errno == EACCES ? config_file_kind::readable : config_file_kind::missing;
  if (!S_ISREG(status.st_mode))
    return config_file_kind::no_file;
  return ::access(file.c_str(), R_OK) == 0 ? config_file_kind::readable : config_file_kind::not_readable;
}

void gather_configuration(facts& seen) {
  seen.config_file = look_at_config(seen.paths->config);
  seen.config = load_configuration(*seen.paths);
  if (!*seen.config)
    return;
  for (const auto& agent : (*seen.config)->value.agents)
    seen.agents.push_back(health_of(agent.directory));
}

/// Who may write beside agents.yaml may exchange the jobs directory there too: one finding, and one remedy.
void blame_configuration(place_facts& configuration, place_facts& jobs) {
  const auto below = jobs.path.lexically_relative(configuration.path);
  if (configuration.others_may_write && !below.empty() && *below.begin() != "..")
    std::swap(configuration.exchangeable, jobs.exchangeable);
}

void gather_state(const cli_io& io, facts& seen) {
  using role = place_facts::role;
  seen.places.push_back(gather_place(role::configuration, seen.paths->config.parent_path()));
  std::error_code problem;
  const auto real = fs::weakly_canonical(seen.paths->jobs, problem);
  const auto where = name_places(seen.paths->config, problem ? seen.paths->jobs : real, io.environment);
  if (!where) {
    seen.no_places = where.error();
    return;
  }
  seen.places.push_back(gather_place(role::jobs, where->jobs));
  blame_configuration(seen.places.front(), seen.places.back());
  seen.places.push_back(gather_state_place(where->state));
  if (where->socket.parent_path() != where->state)
    seen.places.push_back(gather_place(role::socket, where->socket.parent_path()));
  seen.supervisor = gather_supervisor(*where);
}

/// Within a run the depth is as it must be, and no business of a shell's.
int stray_depth() {
  const auto caller = this_caller();
  return caller.parent ? 0 : caller.depth;
}

descriptor_limit own_descriptors() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return {limit.rlim_cur, limit.rlim_max};
}

} // namespace

facts gather(const cli_io& io) {
  const auto home = home_directory(io.environment);
  facts seen{.directory = io.directory,
             .settings = place_settings(io),
             .program = program_word(io),
             .editor = editor_word(io),
             .add_command = {},
             .is_root = ::geteuid() == 0,
             .is_sandbox = io.environment("IS_SANDBOX") == "1",
             .depth = stray_depth(),
             .version = program_version,
             .installation = look_at_installation(io.executable),
             .claude = gather_claude(io, home),
             .registered = {},
             .paths = find_paths(io.environment, io.directory),
             .config = {},
             .agents = {},
             .places = {},
             .no_places = {},
             .supervisor = {},
             .descriptors = own_descriptors()};
  seen.add_command = add_command(io, home, seen.program);
  for (const auto& made : seen.claude.registrations)
    seen.registered.push_back(look_at_registered(io, made));
  if (seen.paths) {
    gather_configuration(seen);
    gather_state(io, seen);
  }
  return seen;
}

} // namespace agent_dispatch::doctor
