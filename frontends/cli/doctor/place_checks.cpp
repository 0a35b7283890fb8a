#include <cerrno>
#include <cstring>

#include "config/shell_quote.hpp"
#include "frontends/cli/doctor/checks.hpp"
#include "frontends/cli/doctor/text.hpp"

namespace agent_dispatch::doctor {

namespace {

using status = finding_status;
using role = place_facts::role;

constexpr std::uint64_t least_free_bytes = 64u << 20;

/// The words for one kind of place.
struct place_words {
  const char* check;
  const char* what;
  const char* elsewhere; ///< command that makes another place of it count, in this shell
  const char* variable;  ///< that the command sets
};

place_words words_for(role what) {
  switch (what) {
  case role::configuration:
    return {"config_directory", "configuration's directory", "", "AGENT_DISPATCH_CONFIG"};
  case role::jobs:
    return {"jobs_directory", "jobs directory",
            "export AGENT_DISPATCH_JOBS_DIR=\"/var/tmp/agent-dispatch-$(id -u)/jobs\"", "AGENT_DISPATCH_JOBS_DIR"};
  case role::state:
    return {"state_directory", "state directory", "export XDG_STATE_HOME=\"/var/tmp/agent-dispatch-$(id -u)/state\"",
            "XDG_STATE_HOME"};
  case role::socket:
    return {"socket_directory", "socket's directory", "unset XDG_RUNTIME_DIR", "XDG_RUNTIME_DIR"};
  }
  return {};
}

/// Of a directory that this user may not write.
std::string remedy_for(const place_facts& place, const place_words& words) {
  if (place.error != EACCES)
    return words.elsewhere;
  if (place.is_ours)
    return shell_command({"chmod", "u+rwx", place.existing.native()});
  // The directories of the system are not for us to take.
  return place.existing == place.path ? "sudo chown \"$(id -un)\" " + shell_quote(place.path.native())
                                      : words.elsewhere;
}

finding examine_unwritable(const place_facts& place, const place_words& words) {
  const auto why = std::strerror(place.error);
  const auto message = place.existing == place.path
                           ? text::place_not_writable(words.what, place.path.native(), why)
                           : text::place_not_makeable(words.what, place.path.native(), place.existing.native(), why);
  return {words.check, status::failure, message, remedy_for(place, words)};
}

/// Absent: it is as it should be.
std::optional<finding> examine_place(const place_facts& place, const place_words& words) {
  const auto path = place.path.native();
  const auto existing = place.existing.native();
  const bool is_config = place.what == role::configuration;
  if (!place.is_directory)
    return finding{words.check, status::failure, text::place_no_directory(words.what, existing),
                   shell_command({"mv", existing, existing + ".old"})};
  if (place.existing == place.path && !place.is_ours && !is_config)
    return finding{words.check, status::failure, text::place_of_others(words.what, path),
                   "sudo chown -R \"$(id -un)\" " + shell_quote(path)};
  if (place.error != 0)
    return examine_unwritable(place, words);
  if (place.existing == place.path && place.others_may_write)
    return finding{words.check, is_config && !place.exchangeable ? status::warning : status::failure,
                   text::place_open(words.what, path), shell_command({"chmod", "go-w", path})};
  if (place.exchangeable)
    return finding{words.check, status::failure, text::place_exchangeable(words.what, *place.exchangeable),
                   words.elsewhere};
  if (place.is_on_network && (place.what == role::jobs || place.what == role::state))
    return finding{words.check, status::failure, text::place_on_network(words.what, path, words.variable),
                   words.elsewhere};
  if (place.free_bytes && *place.free_bytes < least_free_bytes)
    return finding{words.check, status::warning, text::place_nearly_full(words.what, path, *place.free_bytes >> 20),
                   shell_command({"df", "-h", existing})};
  return std::nullopt;
}

} // namespace

findings examine_places(const facts& seen) {
  findings found;
  if (seen.no_places)
    found.push_back({"state_directory", status::failure, seen.no_places->message, ""});
  for (const auto& place : seen.places) {
    const auto words = words_for(place.what);
    auto problem = examine_place(place, words);
    found.push_back(problem ? *std::move(problem)
                            : finding{words.check, status::ok, text::place_good(words.what, place.path.native()), ""});
  }
  return found;
}

} // namespace agent_dispatch::doctor
