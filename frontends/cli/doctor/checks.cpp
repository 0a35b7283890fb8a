#include "frontends/cli/doctor/checks.hpp"

#include <algorithm>
#include <iterator>

#include "config/shell_quote.hpp"
#include "frontends/cli/doctor/text.hpp"

namespace agent_dispatch::doctor {

namespace {

using status = finding_status;

/// For the supervisor: what it opens for itself and its frontends, and for one run (its files, FIFO and keeper).
constexpr std::uint64_t descriptors_of_supervisor = 128;
constexpr std::uint64_t descriptors_per_run = 8;
/// What Linux distributions give by default; the CLI, its tools and its MCP servers are made for that.
constexpr std::uint64_t descriptors_of_agent = 1024;
constexpr std::uint64_t descriptors_to_ask_for = 4096;

const configuration* configuration_of(const facts& seen) {
  return seen.config && *seen.config ? &(*seen.config)->value : nullptr;
}

settings settings_of(const facts& seen) {
  const auto* config = configuration_of(seen);
  return config == nullptr ? settings{} : config->settings;
}

/// `prlimit` changes the shell that it is pasted into.
std::string raise_hard_limit(std::uint64_t wanted) {
  const auto number = std::to_string(wanted);
  return "sudo prlimit --pid $$ --nofile=" + number + ":" + number;
}

} // namespace

std::string_view to_string(finding_status status) {
  switch (status) {
  case finding_status::ok:
    return "ok";
  case finding_status::warning:
    return "warning";
  case finding_status::failure:
    return "failure";
  }
  return "failure";
}

findings examine(const facts& seen) {
  findings all;
  for (const auto part : {examine_installation, examine_claude, examine_registration, examine_configuration,
                          examine_places, examine_supervisor, examine_descriptors})
    std::ranges::move(part(seen), std::back_inserter(all));
  return all;
}

findings examine_installation(const facts& seen) {
  findings found;
  const auto directory = seen.installation.executable.parent_path().native();
  for (const auto& name : seen.installation.missing)
    found.push_back({"installation", status::failure, text::program_missing(name, directory), ""});
  if (found.empty())
    found.push_back({"installation", status::ok, text::installed(seen.installation.executable.native()), ""});
  if (const int most = settings_of(seen).max_dispatch_depth; seen.depth >= most)
    found.push_back({"depth", status::warning, text::too_deep(seen.depth, most), "unset AGENT_DISPATCH_DEPTH"});
  return found;
}

findings examine_descriptors(const facts& seen) {
  const auto& limit = seen.descriptors;
  const int runs = settings_of(seen).max_concurrency;
  const auto needed = descriptors_of_supervisor + descriptors_per_run * static_cast<std::uint64_t>(runs);
  findings found;
  if (limit.soft < descriptors_of_agent) {
    const auto wanted = std::min(limit.hard, descriptors_to_ask_for);
    const auto remedy = limit.hard < descriptors_of_agent ? raise_hard_limit(descriptors_to_ask_for)
                                                          : "ulimit -S -n " + std::to_string(wanted);
    found.push_back({"descriptors", status::warning, text::few_descriptors(limit.soft, descriptors_of_agent), remedy});
  }
  // It raises its soft limit to the hard one of whoever starts it.
  const bool is_running = seen.supervisor && seen.supervisor->most_descriptors;
  const auto most = is_running ? *seen.supervisor->most_descriptors : limit.hard;
  if (most < needed)
    found.push_back(
        {"descriptors", status::warning, text::few_for_supervisor(most, needed, runs),
         is_running && limit.hard >= needed ? seen.program + " stop --keep-runs" : raise_hard_limit(needed)});
  if (found.empty())
    found.push_back({"descriptors", status::ok, text::descriptors_good(limit.soft), ""});
  return found;
}

} // namespace agent_dispatch::doctor
