#pragma once

#include <filesystem>

#include "actors/run/unique_fd.hpp"

namespace agent_dispatch {

/// What the supervisor of a live run holds of it.
class run_handles {
public:
  run_handles(unique_fd control_end, unique_fd output_end, std::filesystem::path run_directory = {})
      : control{std::move(control_end)}, output{std::move(output_end)}, directory{std::move(run_directory)} {}

  unique_fd control;               ///< writing end of the control FIFO; empty when nobody reads it any more
  unique_fd output;                ///< reading end of the stdout file; empty when there is none
  std::filesystem::path directory; ///< in which its end will be found; "": who holds this need not look
};

} // namespace agent_dispatch
