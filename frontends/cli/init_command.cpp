#include <ostream>

#include "config/save.hpp"
#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/config_text.hpp"
#include "frontends/cli/external_command.hpp"
#include "frontends/cli/registration.hpp"

namespace agent_dispatch {

namespace {

constexpr std::chrono::seconds registration_limit{30};

struct registration {
  enum class state { made, was_there, not_made };
  state what = state::not_made;
  std::string why; ///< of `not_made`: a sentence
};

/// The last line with something on it, for a sentence.
std::string last_line(std::string_view output) {
  const auto end = output.find_last_not_of(" \t\r\n");
  if (end == std::string_view::npos)
    return "it said nothing";
  output = output.substr(0, end + 1);
  const auto begin = output.rfind('\n');
  return printable(output.substr(begin == std::string_view::npos ? 0 : begin + 1));
}

registration judge(const command_outcome& outcome) {
  if (outcome.start_errno != 0)
    return {registration::state::not_made, "claude could not be started"};
  if (outcome.timed_out)
    return {registration::state::not_made,
            "claude did not answer within " + std::to_string(registration_limit.count()) + " s"};
  if (outcome.exit_code == 0)
    return {registration::state::made, ""};
  if (outcome.output.find("already exists") != std::string::npos)
    return {registration::state::was_there, ""};
  return {registration::state::not_made, "claude refused: " + last_line(outcome.output)};
}

registration register_server(const cli_io& io) {
  const auto claude = find_program("claude", io.environment("PATH").value_or(""));
  if (!claude)
    return {registration::state::not_made, "claude was not found on PATH"};
  return judge(run_command(*claude, registration_arguments(io.executable), registration_limit));
}

void print_registration(cli_io& io, const registration& result) {
  const auto command = registration_command(io.executable);
  switch (result.what) {
  case registration::state::made:
    io.out << painted(io, colour::green, "Registered") << " the MCP server agent-dispatch with Claude Code.\n"
           << config_text::restart_note << '\n';
    return;
  case registration::state::was_there:
    io.out << "An MCP server agent-dispatch was already registered with Claude Code, and stays as it is.\n"
           << "To make it this program, run:\n  " << remove_registration_command("user") << " && " << command << '\n';
    return;
  case registration::state::not_made:
    io.out << painted(io, colour::yellow, "Not registered") << ": " << result.why
           << ". To register the MCP server, run:\n  " << command << '\n';
    return;
  }
}

ordered_json init_json(const config_paths& paths, creation config, const registration& result, const cli_io& io) {
  ordered_json json;
  json["config"] = paths.config.native();
  json["created"] = config == creation::made;
  json["registered"] = result.what != registration::state::not_made;
  json["already_registered"] = result.what == registration::state::was_there;
  if (!result.why.empty())
    json["reason"] = result.why;
  json["command"] = registration_command(io.executable);
  return json;
}

} // namespace

int run_init(const init_options& options, cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return report_failure(io, options.format, paths.error().message);
  const auto config = create_configuration(*paths);
  if (!config)
    return report_failure(io, options.format, config.error().message);
  if (options.format == output_format::text)
    io.out << (*config == creation::made ? "Made " : "Kept ") << printable(paths->config.native()) << '\n'
           << std::flush; // before claude takes its time
  const auto result = register_server(io);
  if (options.format == output_format::json)
    print_json(io, init_json(*paths, *config, result, io));
  else
    print_registration(io, result);
  return exit_success;
}

} // namespace agent_dispatch
