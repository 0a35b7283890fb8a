#pragma once

#include "actors/storage/places.hpp"
#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/doctor/facts.hpp"

/// Looks at the machine for `doctor`. Makes, changes and starts nothing but `claude --version`; what does not answer
/// is given up after some seconds.
namespace agent_dispatch::doctor {

facts gather(const cli_io& io);

/// The parts that have files of their own.
claude_facts gather_claude(const cli_io& io, const std::filesystem::path& home);
place_facts gather_place(place_facts::role what, const std::filesystem::path& path);
/// The directory of the state, or the one above it when that is what is wrong.
place_facts gather_state_place(const std::filesystem::path& state);
supervisor_facts gather_supervisor(const places& where);

} // namespace agent_dispatch::doctor
