#pragma once

#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

/// The descriptors of a live run that its supervisor holds.
class run_handles {
public:
  run_handles(unique_fd control_end, unique_fd output_end)
      : control{std::move(control_end)}, output{std::move(output_end)} {}

  unique_fd control; ///< writing end of the control FIFO; empty when nobody reads it any more
  unique_fd output;  ///< reading end of the stdout file; empty when there is none
};

} // namespace agent_dispatch
