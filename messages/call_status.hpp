#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "messages/json.hpp"
#include "messages/supervision.hpp"

namespace agent_dispatch {

enum class call_state {
  starting, ///< accepted; neither queued nor running, as far as is known
  queued,
  running,
};

/// How a call stands, for a person who waits for it.
struct call_status {
  call_state state = call_state::starting;
  std::size_t position = 0;                ///< queued: 1 is the next
  std::string reason{};                    ///< queued: what it waits for
  std::string last_act{};                  ///< what the agent said or did last; "": nothing yet
  std::optional<double> cost_usd{};        ///< of the turns that have ended, US dollars; absent: not known yet
  std::vector<agent_figures_row> agents{}; ///< of a stop: whose runs it waits for

  bool operator==(const call_status&) const = default;
};

/// The members that the control protocol's `progress` has for it; what is not known is left out.
ordered_json call_status_json(const call_status& status);

/// Absent: it does not say how the call stands. A member of the wrong type is left at its default.
std::optional<call_status> call_status_from(const ordered_json& json);

} // namespace agent_dispatch
