#include "config/read_file.hpp"
#include "frontends/cli/doctor/gather.hpp"

namespace agent_dispatch::doctor {

namespace {

/// It takes 0.1 s (measured), more on a cold disk.
constexpr std::chrono::seconds version_limit{5};
/// The state file of somebody with many projects has some MiB.
constexpr std::size_t longest_file = 64u << 20;

/// "" when there is none, or none that can be read.
std::string text_of(const std::filesystem::path& file) {
  auto read = read_file(file, longest_file);
  return read ? std::move(read->bytes) : std::string{};
}

std::filesystem::path state_file_of(const claude_places& where) {
  std::error_code ignored;
  for (const auto& file : where.state_files)
    if (std::filesystem::exists(file, ignored))
      return file;
  return where.state_files.back();
}

/// The text of the state file.
std::string read_state(const std::filesystem::path& directory, claude_facts& claude) {
  auto file = read_file(claude.state_file, longest_file);
  if (!file) {
    const bool is_missing = file.error().why == read_failure::reason::missing;
    claude.state_reading = is_missing ? file_reading::missing : file_reading::unreadable;
    return {};
  }
  auto registrations = read_registrations(file->bytes, directory);
  claude.state_reading = registrations ? file_reading::read : file_reading::not_json;
  if (registrations)
    claude.registrations = *std::move(registrations);
  return std::move(file->bytes);
}

} // namespace

claude_facts gather_claude(const cli_io& io, const std::filesystem::path& home) {
  const auto where = find_claude_places(io.environment, home);
  claude_facts claude{.program = find_program("claude", io.environment("PATH").value_or("")),
                      .version = {},
                      .version_limit = version_limit,
                      .directory = where.directory,
                      .state_file = state_file_of(where),
                      .registrations = {},
                      .login = {}};
  if (claude.program)
    claude.version = run_command(*claude.program, {"--version"}, version_limit);
  const auto state = read_state(io.directory, claude);
  claude.login = find_login({.state = state,
                             .credentials = text_of(where.directory / ".credentials.json"),
                             .settings = text_of(where.directory / "settings.json")},
                            io.environment);
  return claude;
}

} // namespace agent_dispatch::doctor
