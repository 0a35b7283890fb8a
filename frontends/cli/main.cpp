#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include <iostream>
#include <string_view>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "frontends/cli/completion/scripts.hpp"
#include "frontends/cli/completion_command.hpp"
#include "frontends/cli/config_commands.hpp"
#include "frontends/cli/dispatch_commands.hpp"
#include "frontends/cli/doctor_command.hpp"
#include "frontends/cli/job_commands.hpp"
#include "frontends/cli/private_process.hpp"
#include "frontends/cli/supervisor_commands.hpp"
#include "frontends/cli/supervisor_text.hpp"
#include "messages/version.hpp"

namespace {

using namespace agent_dispatch;

/// A standard descriptor that is closed would be taken by the next socket, and then written to.
void keep_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != fd)
      std::abort();
}

/// Of the terminal that stderr is.
std::size_t terminal_columns() {
  constexpr std::size_t usual = 80;
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : usual;
}

cli_io make_io() {
  const auto environment = process_environment();
  std::error_code ignored;
  auto directory = std::filesystem::current_path(ignored);
  return {.out = std::cout,
          .err = std::cerr,
          .colour = wants_colour(STDOUT_FILENO, environment),
          .environment = environment,
          .directory = directory.empty() ? "/" : directory,
          .executable = std::filesystem::read_symlink("/proc/self/exe", ignored),
          .terminal_columns = ::isatty(STDERR_FILENO) == 1 ? terminal_columns : std::function<std::size_t()>{},
          .note_colour = wants_colour(STDERR_FILENO, environment)};
}

/// What is declared refers to `chosen` and `embedded`.
void declare_commands(CLI::App& app, cli_command& chosen, bool& embedded) {
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", std::string{"agent-dispatch "} + program_version);
  app.add_flag("--embedded", embedded, std::string{supervisor_text::embedded_help});
  register_config_commands(app, chosen);
  register_dispatch_commands(app, chosen, embedded);
  register_job_commands(app, chosen, embedded);
  register_supervisor_commands(app, chosen, embedded);
  register_doctor_command(app, chosen);
  register_completion_command(app, chosen);
}

int run_command_line(int argc, char** argv) {
  CLI::App app{"Hands tasks to coding agents in other project directories and brings back their answers.",
               "agent-dispatch"};
  cli_command chosen;
  bool embedded = false;
  declare_commands(app, chosen, embedded);
  auto io = make_io();
  // The words are another command line's, so this one's parser is not for them.
  if (argc >= 2 && argv[1] == completion::hidden_command)
    return run_complete(app, {argv + 2, argv + argc}, io);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return app.exit(problem) == 0 ? exit_success : exit_usage;
  }
  const int code = chosen(io);
  std::cout.flush();
  if (std::cout)
    return code;
  std::cerr << "agent-dispatch: the answer could not be written to standard output\n";
  return exit_failure;
}

} // namespace

int main(int argc, char** argv) {
  keep_standard_descriptors();
  make_process_private();
  std::ios::sync_with_stdio(false);
  // What every AI client starts, without the weight of a command line parser.
  if (argc == 2 && std::string_view{argv[1]} == "serve") {
    auto io = make_io();
    return run_serve(supervisor_kind::shared, io);
  }
  return run_command_line(argc, argv);
}
