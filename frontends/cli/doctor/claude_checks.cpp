#include <algorithm>
#include <cstring>

#include "config/shell_quote.hpp"
#include "frontends/cli/doctor/checks.hpp"
#include "frontends/cli/doctor/text.hpp"
#include "frontends/cli/registration.hpp"
#include "frontends/client/version_order.hpp"

namespace agent_dispatch::doctor {

namespace {

using status = finding_status;

/// Of the vendor's documentation; installs for this user alone.
constexpr const char* install_command = "curl -fsSL https://claude.ai/install.sh | bash";
constexpr const char* update_command = "claude update";
constexpr const char* login_command = "claude auth login";

finding examine_cli(const claude_facts& claude) {
  if (!claude.program || !claude.version)
    return {"cli", status::failure, std::string{text::cli_missing}, install_command};
  const auto path = claude.program->native();
  const auto& answer = *claude.version;
  if (answer.start_errno != 0)
    return {"cli", status::failure, text::cli_not_started(path, std::strerror(answer.start_errno)), install_command};
  if (answer.timed_out)
    return {"cli", status::failure, text::cli_hangs(path, claude.version_limit.count()), install_command};
  const auto version = read_claude_version(answer.output);
  if (!version)
    return {"cli", status::warning, text::cli_unknown(path), shell_command({path, "--version"})};
  if (version_order(*version, oldest_cli) < 0)
    return {"cli", status::failure, text::cli_too_old(*version, oldest_cli), update_command};
  return {"cli", status::ok, text::cli_found(*version, path), ""};
}

std::string_view place_of(mcp_scope scope) {
  return scope == mcp_scope::local ? text::in_this_directory : std::string_view{};
}

std::string remedy_for(const facts& seen, mcp_scope scope) {
  const auto remove = remove_registration_command(scope == mcp_scope::local ? "local" : "user");
  return scope == mcp_scope::local ? remove : remove + " && " + registration_command(seen.installation.executable);
}

/// The value that the registration sets and that leads elsewhere than this shell's; "" when none does.
std::string place_elsewhere(const facts& seen, const mcp_registration& made) {
  if (!seen.paths)
    return {};
  for (const auto& entry : made.environment)
    for (const auto& [name, ours] : {std::pair{"AGENT_DISPATCH_CONFIG", seen.paths->config},
                                     std::pair{"AGENT_DISPATCH_JOBS_DIR", seen.paths->jobs}})
      if (const auto end = entry.find('='); entry.substr(0, end) == name)
        if (const auto value = expand_path(entry.substr(end + 1), seen.paths->home, seen.directory); value != ours)
          return entry;
  return {};
}

/// Absent: it is as it should be.
std::optional<finding> examine_one(const facts& seen, const mcp_registration& made, const registered_program& program) {
  const auto where = place_of(made.scope);
  const auto remedy = remedy_for(seen, made.scope);
  if (!program.path)
    return finding{"registration", status::failure,
                   text::registered_missing(where, made.command.empty() ? "(no command)" : made.command), remedy};
  if (!program.is_this)
    return finding{"registration", status::warning,
                   text::registered_other(where, program.path->native(), seen.installation.executable.native()),
                   remedy};
  if (std::find(made.arguments.begin(), made.arguments.end(), "serve") == made.arguments.end())
    return finding{"registration", status::failure, text::registered_without_serve(where), remedy};
  if (const auto entry = place_elsewhere(seen, made); !entry.empty()) {
    const auto end = entry.find('=');
    return finding{"registration", status::warning,
                   text::registered_elsewhere(where, entry.substr(0, end), entry.substr(end + 1)), remedy};
  }
  return std::nullopt;
}

} // namespace

findings examine_claude(const facts& seen) {
  const auto& claude = seen.claude;
  findings found{examine_cli(claude)};
  if (claude.login)
    found.push_back({"login", status::ok, text::logged_in(*claude.login), ""});
  else
    found.push_back({"login", status::warning, text::not_logged_in(claude.directory.native()), login_command});
  return found;
}

findings examine_registration(const facts& seen) {
  const auto& claude = seen.claude;
  const auto file = claude.state_file.native();
  if (claude.state_reading == file_reading::unreadable)
    return {{"registration", status::warning, text::state_file_unreadable(file), shell_command({"ls", "-l", file})}};
  if (claude.state_reading == file_reading::not_json)
    return {{"registration", status::failure, text::state_file_broken(file), "claude"}};
  findings found;
  bool is_for_user = false;
  for (std::size_t i = 0; i < claude.registrations.size(); ++i) {
    is_for_user = is_for_user || claude.registrations[i].scope == mcp_scope::user;
    if (auto problem = examine_one(seen, claude.registrations[i], seen.registered.at(i)))
      found.push_back(*std::move(problem));
  }
  if (!is_for_user)
    found.push_back({"registration", status::warning, text::not_registered(file),
                     registration_command(seen.installation.executable)});
  if (found.empty())
    found.push_back({"registration", status::ok, std::string{text::registered}, ""});
  return found;
}

} // namespace agent_dispatch::doctor
