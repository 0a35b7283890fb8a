#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Every sentence of `doctor`.
namespace agent_dispatch::doctor::text {

inline constexpr std::string_view help = "Look for what goes wrong, and say how to mend it; starts and changes nothing";
inline constexpr std::string_view all_passed = "All checks passed.";

// --- this program ---

inline std::string installed(std::string_view executable) {
  return "The programs are installed beside " + std::string{executable} + ".";
}
inline std::string program_missing(std::string_view name, std::string_view directory) {
  return std::string{name} + " is not in " + std::string{directory} +
         ", beside agent-dispatch: nothing can be dispatched without it. Install agent-dispatch whole again.";
}
inline std::string too_deep(int depth, int most) {
  return "AGENT_DISPATCH_DEPTH is " + std::to_string(depth) + " here, and settings.max_dispatch_depth is " +
         std::to_string(most) +
         ": every dispatch from this shell is refused. The variable is for runs alone; this is none.";
}

// --- the CLI ---

inline constexpr std::string_view cli_missing =
    "There is no claude on PATH, and agents run on it. Install Claude Code, or add its directory to PATH.";
inline std::string cli_found(std::string_view version, std::string_view path) {
  return "claude " + std::string{version} + " is " + std::string{path} + ".";
}
inline std::string cli_not_started(std::string_view path, std::string_view why) {
  return std::string{path} + " cannot be started: " + std::string{why} + ". Install Claude Code anew.";
}
inline std::string cli_hangs(std::string_view path, long seconds) {
  return std::string{path} + " --version did not answer within " + std::to_string(seconds) +
         " s and was ended. Install Claude Code anew.";
}
inline std::string cli_unknown(std::string_view path) {
  return std::string{path} + " does not say the version of Claude Code when asked for it; it may be another program.";
}
inline std::string cli_too_old(std::string_view version, std::string_view oldest) {
  return "claude is version " + std::string{version} + ", and options that dispatches use came with " +
         std::string{oldest} + ". Bring it up to date.";
}
inline std::string logged_in(std::string_view where) { return "A login was found: " + std::string{where} + "."; }
inline std::string not_logged_in(std::string_view directory) {
  return "No login of Claude Code was found, neither in the environment nor in " + std::string{directory} +
         " (whether one works is only told by a run, which costs money).";
}

// --- registration ---

inline constexpr std::string_view registered = "The MCP server agent-dispatch is registered with Claude Code.";
inline std::string not_registered(std::string_view file) {
  return "The MCP server agent-dispatch is not registered with Claude Code (" + std::string{file} +
         "): its sessions do not have the tools.";
}
inline std::string state_file_unreadable(std::string_view file) {
  return std::string{file} + " cannot be read, so it is not known whether the MCP server is registered.";
}
inline std::string state_file_broken(std::string_view file) {
  return std::string{file} + " is not the JSON that Claude Code writes there: it will not find the MCP server. Start "
                             "claude once, it offers to mend the file.";
}
inline std::string registered_missing(std::string_view where, std::string_view command) {
  return "Claude Code starts the MCP server agent-dispatch as " + std::string{command} + std::string{where} +
         ", and there is no such program: its sessions do not have the tools.";
}
inline std::string registered_other(std::string_view where, std::string_view command, std::string_view ours) {
  return "Claude Code starts the MCP server agent-dispatch as " + std::string{command} + std::string{where} +
         ", which is not this program, " + std::string{ours} + ".";
}
inline std::string registered_without_serve(std::string_view where) {
  return "Claude Code starts the MCP server agent-dispatch" + std::string{where} +
         " without the word `serve`: its sessions do not have the tools.";
}
inline std::string registered_elsewhere(std::string_view where, std::string_view variable, std::string_view value) {
  return "Claude Code starts the MCP server agent-dispatch" + std::string{where} + " with " + std::string{variable} +
         "=" + std::string{value} + ", which is another place than that of this shell.";
}
inline constexpr std::string_view in_this_directory = " in this directory";

// --- configuration ---

inline std::string no_config(std::string_view file) { return "There is no " + std::string{file} + " yet."; }
inline std::string config_good(std::string_view file) { return std::string{file} + " can be used."; }
inline constexpr std::string_view no_agents =
    "There are no agents yet. Add a project's directory: agent-dispatch add NAME DIRECTORY";
inline std::string agents_good(std::size_t count) {
  return count == 1 ? "The directory of the one agent can be used."
                    : "The directories of all " + std::to_string(count) + " agents can be used.";
}
inline std::string agent_missing(std::string_view name, std::string_view directory, std::string_view file) {
  return "The directory of agent '" + std::string{name} + "' is gone: " + std::string{directory} +
         ". Bring it back, correct its path in " + std::string{file} + ", or remove the agent.";
}
inline std::string agent_unreadable(std::string_view name, std::string_view directory) {
  return "The directory of agent '" + std::string{name} + "' may not be entered or listed: " + std::string{directory} +
         ".";
}
inline std::string bypass_as_root(std::string_view name) {
  return "Agent '" + std::string{name} +
         "' has the permission mode bypassPermissions, which the CLI refuses to root: its dispatches fail. Give it "
         "another mode, or work as another user.";
}
inline std::string option_as_value(std::string_view name, std::string_view what) {
  return "Agent '" + std::string{name} + "' has " + std::string{what} +
         " that begins with `-`: its dispatches are refused, since the CLI would take that for an option.";
}
inline std::string groups_good(std::size_t count) {
  return count == 1 ? "The members of the one group are agents."
                    : "The members of all " + std::to_string(count) + " groups are agents.";
}
inline std::string empty_group(std::string_view name, std::string_view file) {
  return "Group '" + std::string{name} + "' has no members: nothing can be dispatched in it. Name some in " +
         std::string{file} + ", or remove it.";
}

// --- places ---

inline std::string place_good(std::string_view what, std::string_view path) {
  return "The " + std::string{what} + ", " + std::string{path} + ", can be used.";
}
inline std::string place_no_directory(std::string_view what, std::string_view path) {
  return "The " + std::string{what} + " cannot be used: " + std::string{path} + " is not a directory. Move it away.";
}
inline std::string place_of_others(std::string_view what, std::string_view path) {
  return "The " + std::string{what} + " cannot be used: " + std::string{path} + " belongs to another user.";
}
inline std::string place_exchangeable(std::string_view what, std::string_view why) {
  return "The " + std::string{what} + " cannot be used: " + std::string{why} + ".";
}
inline std::string place_open(std::string_view what, std::string_view path) {
  return "Others may write to the " + std::string{what} + ", " + std::string{path} + ".";
}
inline std::string place_not_writable(std::string_view what, std::string_view path, std::string_view why) {
  return "The " + std::string{what} + " cannot be written: " + std::string{path} + ": " + std::string{why} + ".";
}
inline std::string place_not_makeable(std::string_view what, std::string_view path, std::string_view existing,
                                      std::string_view why) {
  return "The " + std::string{what} + ", " + std::string{path} + ", cannot be made in " + std::string{existing} + ": " +
         std::string{why} + ".";
}
inline std::string place_on_network(std::string_view what, std::string_view path, std::string_view variable) {
  return "The " + std::string{what} + ", " + std::string{path} +
         ", is on a network file system, where locks promise too little: no supervisor starts. Set " +
         std::string{variable} + " to a directory on a local disk, in the shell's profile too.";
}
inline std::string place_nearly_full(std::string_view what, std::string_view path, std::uint64_t mebibytes) {
  return "The disk of the " + std::string{what} + ", " + std::string{path} + ", has " + std::to_string(mebibytes) +
         " MiB left: results may get lost. Make room there.";
}

// --- the supervisor ---

inline constexpr std::string_view no_supervisor = "No supervisor is running; one starts with the next dispatch.";
inline std::string supervisor_serves(std::string_view version, int pid, int live, int queued) {
  return "Supervisor " + std::string{version} + " serves (pid " + std::to_string(pid) + "): " + std::to_string(live) +
         " runs live, " + std::to_string(queued) + " queued.";
}
inline std::string stale_socket(std::string_view socket) {
  return "A supervisor was killed and has left its socket, " + std::string{socket} +
         ". The next one takes its place, and the runs that were left.";
}
inline std::string not_listening(std::string_view log) {
  return "A supervisor has the lock, but does not listen: it is coming up, ending, or stuck. Look again; if that stays "
         "so, end it (runs go on, and the next supervisor takes them over). Its log is " +
         std::string{log} + ".";
}
inline std::string stopped(int pid) {
  return "The supervisor is stopped by a signal (pid " + std::to_string(pid) + "): nothing that asks it is answered.";
}
inline std::string hanging(std::string_view log) {
  return "The supervisor does not answer. End it: runs go on, and the next supervisor takes them over. Its log is " +
         std::string{log} + ".";
}
inline std::string of_other_user(std::string_view socket) {
  return "The supervisor's socket " + std::string{socket} +
         " is held by another user. Remove it, and see who may write "
         "to its directory.";
}
inline std::string not_ours(std::string_view socket) {
  return "What listens on " + std::string{socket} + " is no supervisor of ours.";
}
inline std::string refusing(std::string_view its, std::string_view ours) {
  return "The supervisor is version " + std::string{its} + " and does not understand this one, " + std::string{ours} +
         ". End it: its runs go on, and the next supervisor takes them over.";
}
inline std::string older(std::string_view its, std::string_view ours, int runs) {
  return "The supervisor is version " + std::string{its} + ", this is " + std::string{ours} + ". It has " +
         std::to_string(runs) +
         " runs, and is replaced by the next command when it has none. Ended now, it leaves its runs to the next one.";
}
inline std::string newer(std::string_view its, std::string_view ours) {
  return "The supervisor is version " + std::string{its} + ", and this program is older, " + std::string{ours} +
         ": two versions are installed. Remove the older one.";
}
inline std::string other_configuration(std::string_view its, std::string_view ours) {
  return "The supervisor works with " + std::string{its} + ", not with " + std::string{ours} +
         ". End it, and the next one takes yours; or set AGENT_DISPATCH_JOBS_DIR, for one supervisor each.";
}
inline std::string in_login_session(int pid) {
  return "The supervisor (pid " + std::to_string(pid) +
         ") belongs to a login session, and would be killed with its runs where a logout ends everything. As a "
         "service of this user it stays.";
}

// --- limits ---

inline std::string descriptors_good(std::uint64_t soft) {
  return "A process may open " + std::to_string(soft) + " files.";
}
inline std::string few_descriptors(std::uint64_t soft, std::uint64_t wanted) {
  return "A process of this shell may open " + std::to_string(soft) + " files, and agents may need " +
         std::to_string(wanted) + ". Raise the limit, in the shell's profile too.";
}
inline std::string few_for_supervisor(std::uint64_t most, std::uint64_t wanted, int runs) {
  return "A supervisor may open " + std::to_string(most) + " files, and may need " + std::to_string(wanted) + " for " +
         std::to_string(runs) + " runs at once (settings.max_concurrency).";
}

// --- the end ---

inline std::string summary(std::size_t failures, std::size_t warnings) {
  const auto counted = [](std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  if (failures == 0)
    return counted(warnings, "warning") + ", nothing that fails.";
  return counted(failures, "failure") + ", " + counted(warnings, "warning") + ".";
}

} // namespace agent_dispatch::doctor::text
