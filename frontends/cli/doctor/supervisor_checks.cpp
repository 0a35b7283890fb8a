#include "config/shell_quote.hpp"
#include "frontends/cli/doctor/checks.hpp"
#include "frontends/cli/doctor/text.hpp"
#include "frontends/client/version_order.hpp"

namespace agent_dispatch::doctor {

namespace {

using status = finding_status;

std::string signal_command(const char* signal, int pid) {
  return pid > 0 ? "kill " + std::string{signal} + " " + std::to_string(pid) : std::string{};
}

finding examine_silent(const supervisor_facts& supervisor) {
  const auto& probe = supervisor.probe;
  if (supervisor.process_state == 'T' || supervisor.process_state == 't')
    return {"supervisor", status::failure, text::stopped(probe.pid), signal_command("-CONT", probe.pid)};
  const auto log = supervisor.log.native();
  if (probe.presence == supervisor_presence::hanging)
    return {"supervisor", status::failure, text::hanging(log), signal_command("-KILL", probe.pid)};
  return {"supervisor", status::warning, text::not_listening(log), signal_command("-KILL", probe.pid)};
}

finding examine_serving(const facts& seen, const supervisor_probe& probe) {
  const auto order = version_order(probe.version, seen.version);
  if (order < 0)
    return {"supervisor", status::warning, text::older(probe.version, seen.version, probe.live_runs + probe.queued),
            seen.program + " stop --keep-runs"};
  if (order > 0)
    return {"supervisor", status::warning, text::newer(probe.version, seen.version), "type -a agent-dispatch"};
  if (probe.entry && !probe.entry->config.empty() && seen.paths && probe.entry->config != seen.paths->config)
    return {"supervisor", status::warning,
            text::other_configuration(probe.entry->config.native(), seen.paths->config.native()),
            seen.program + " stop"};
  return {"supervisor", status::ok, text::supervisor_serves(probe.version, probe.pid, probe.live_runs, probe.queued),
          ""};
}

finding examine_presence(const facts& seen, const supervisor_facts& supervisor) {
  const auto& probe = supervisor.probe;
  const auto socket = probe.socket.native();
  switch (probe.presence) {
  case supervisor_presence::none:
    return {"supervisor", status::ok, std::string{text::no_supervisor}, ""};
  case supervisor_presence::stale_socket:
    return {"supervisor", status::warning, text::stale_socket(socket), shell_command({"rm", "-f", socket})};
  case supervisor_presence::not_listening:
  case supervisor_presence::hanging:
    return examine_silent(supervisor);
  case supervisor_presence::other_user:
    return {"supervisor", status::failure, text::of_other_user(socket), shell_command({"rm", "-f", socket})};
  case supervisor_presence::not_ours:
    return {"supervisor", status::failure, text::not_ours(socket), signal_command("-TERM", probe.pid)};
  case supervisor_presence::refusing:
    return {"supervisor", status::failure, text::refusing(probe.version, seen.version),
            signal_command("-TERM", probe.pid)};
  case supervisor_presence::serving:
    break;
  }
  return examine_serving(seen, probe);
}

/// systemd puts the processes of a login into session-N.scope; a supervisor started from there stays in it.
bool is_in_login_session(std::string_view control_group) {
  constexpr std::string_view begin = "/session-";
  constexpr std::string_view end = ".scope";
  for (auto at = control_group.find(begin); at != std::string_view::npos; at = control_group.find(begin, at + 1)) {
    const auto part = control_group.substr(at + 1, control_group.find('/', at + 1) - at - 1);
    if (part.ends_with(end))
      return true;
  }
  return false;
}

/// The runs outlive the change: they are the next supervisor's.
std::string service_command(const facts& seen) {
  std::vector<std::string> words{"systemd-run",
                                 "--user",
                                 "--collect",
                                 "--unit=agent-dispatch-supervisor", // not the name of the unit that may be installed
                                 "--property=KillMode=process",
                                 "--property=OOMPolicy=continue"};
  for (const auto& setting : seen.settings)
    words.push_back("--setenv=" + setting);
  words.push_back(seen.installation.executable.native());
  words.emplace_back("supervise");
  return "loginctl enable-linger && " + seen.program + " stop --keep-runs && " + shell_command(words);
}

} // namespace

findings examine_supervisor(const facts& seen) {
  if (!seen.supervisor)
    return {};
  findings found{examine_presence(seen, *seen.supervisor)};
  const auto& probe = seen.supervisor->probe;
  if (probe.presence == supervisor_presence::serving && is_in_login_session(seen.supervisor->control_group))
    found.push_back({"login_session", status::warning, text::in_login_session(probe.pid), service_command(seen)});
  return found;
}

} // namespace agent_dispatch::doctor
