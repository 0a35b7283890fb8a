#include "actors/exit_report.hpp"

#include "actors/death_point.hpp"
#include "actors/run/exit_reading.hpp"

namespace agent_dispatch {

exit_report read_exit_report(const std::filesystem::path& run_directory) {
  death_point("before the end of the run is read");
  return {read_exit_record(run_directory), read_stderr(run_directory).value_or("")};
}

} // namespace agent_dispatch
