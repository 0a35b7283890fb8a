#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "messages/fault.hpp"

/// Commands to a keeper, one line each, through the FIFO `control` of the run directory:
///
///     cancel          end the run: SIGINT, grace, SIGTERM, grace, SIGKILL, sweep
///     extend <ms>     move the deadline that many milliseconds further away
///
/// A line is shorter than PIPE_BUF, so several writers never mix. What is no command is ignored.
namespace agent_dispatch {

/// Asks the keeper to end its run. Returns at once: the run has ended when its exit.json is there and the keeper is
/// gone. Fails with `lost` when no keeper listens any more, with `io` else. Raises no SIGPIPE.
expected<void> send_cancel(int control_fd);

/// Moves the run's deadline by `more`, counted from where it is now. Too late when the run is being ended already, and
/// without effect on a run that has no deadline. Fails as `send_cancel`.
expected<void> send_extend(int control_fd, std::chrono::milliseconds more);

enum class control_kind { cancel, extend };

struct control_command {
  control_kind kind = control_kind::cancel;
  std::chrono::milliseconds more{0}; ///< of `extend`; > 0

  bool operator==(const control_command&) const = default;
};

/// Cuts what arrives through the FIFO into commands.
class control_reader {
public:
  /// Bytes in any cuts; returns the commands that are complete now, in order. Holds at most one short line.
  std::vector<control_command> feed(std::string_view bytes);

private:
  std::string line_;
  bool overlong_ = false; ///< the rest of this line is skipped
};

} // namespace agent_dispatch
