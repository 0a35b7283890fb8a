#pragma once

#include "frontends/cli/doctor/facts.hpp"
#include "frontends/cli/doctor/finding.hpp"

/// From facts to findings. Pure: nothing here looks at the machine.
namespace agent_dispatch::doctor {

/// The oldest CLI that knows all options of a dispatch: `--max-budget-usd` came last, with 2.0.28.
inline constexpr std::string_view oldest_cli = "2.0.28";

/// All checks, in the order in which they are shown. A check that is fine is one finding, one that is not is a finding
/// per thing that is wrong.
findings examine(const facts& seen);

/// The parts of it.
findings examine_installation(const facts& seen);  ///< `installation`, `depth`
findings examine_claude(const facts& seen);        ///< `cli`, `login`
findings examine_registration(const facts& seen);  ///< `registration`
findings examine_configuration(const facts& seen); ///< `config`, `agents`, `groups`
findings
examine_places(const facts& seen); ///< `config_directory`, `jobs_directory`, `state_directory`, `socket_directory`
findings examine_supervisor(const facts& seen);  ///< `supervisor`, `login_session`
findings examine_descriptors(const facts& seen); ///< `descriptors`

} // namespace agent_dispatch::doctor
