#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "frontends/cli/doctor/gather.hpp"

namespace agent_dispatch::doctor {

namespace {

namespace fs = std::filesystem;

/// A supervisor answers within milliseconds.
constexpr std::chrono::seconds answer_limit{3};

std::string text_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  std::ostringstream text;
  text << in.rdbuf();
  return std::move(text).str();
}

std::optional<int> number_in(std::string_view text) {
  int number = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
  return problem == std::errc{} && end == text.data() + text.size() ? std::optional{number} : std::nullopt;
}

/// A supervisor's command line names its jobs directory. 0: there is none that can be seen.
int find_pid(const fs::path& jobs) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator{"/proc", problem}) {
    const auto pid = number_in(entry.path().filename().native());
    const auto line = pid ? text_of(entry.path() / "cmdline") : std::string{};
    const auto program = fs::path{line.substr(0, line.find('\0'))}.filename();
    if (program == "agent-dispatchd" && line.find(jobs.native() + '\0') != std::string::npos)
      return *pid;
  }
  return 0;
}

/// The letter behind the program's name, which may itself hold anything. 0: the process is gone.
char state_in(std::string_view stat) {
  const auto end = stat.rfind(')');
  return end == std::string_view::npos || end + 2 >= stat.size() ? '\0' : stat[end + 2];
}

/// The hierarchy of systemd: the only one (`0::`), or the named one.
std::string control_group_in(const std::string& text) {
  std::istringstream lines{text};
  std::string found;
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("0::") || line.find(":name=systemd:") != std::string::npos)
      found = line.size() > found.size() ? line : found;
  return found;
}

std::optional<std::uint64_t> most_descriptors_in(const std::string& limits) {
  constexpr std::string_view name = "Max open files";
  const auto at = limits.find(name);
  if (at == std::string::npos)
    return std::nullopt;
  std::istringstream rest{limits.substr(at + name.size())};
  std::uint64_t soft = 0;
  return rest >> soft ? std::optional{soft} : std::nullopt;
}

} // namespace

supervisor_facts gather_supervisor(const places& where) {
  supervisor_facts supervisor{.probe = probe_supervisor(where.lock(), where.socket, answer_limit),
                              .log = where.log(),
                              .control_group = {},
                              .most_descriptors = {}};
  auto& probe = supervisor.probe;
  if (probe.entry)
    supervisor.log = probe.entry->state / where.log().filename();
  const bool is_silent =
      probe.presence == supervisor_presence::not_listening || probe.presence == supervisor_presence::hanging;
  if (probe.pid == 0 && is_silent)
    probe.pid = find_pid(where.jobs);
  if (probe.pid == 0)
    return supervisor;
  const auto process = fs::path{"/proc"} / std::to_string(probe.pid);
  supervisor.process_state = state_in(text_of(process / "stat"));
  supervisor.control_group = control_group_in(text_of(process / "cgroup"));
  supervisor.most_descriptors = most_descriptors_in(text_of(process / "limits"));
  return supervisor;
}

} // namespace agent_dispatch::doctor
