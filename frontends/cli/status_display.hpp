#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "frontends/cli/cli_io.hpp"
#include "frontends/cli/status_line.hpp"
#include "frontends/client/control_client.hpp"

namespace agent_dispatch {

/// The status line of a command that waits: on the error output when that is a terminal, and else nothing of it. It
/// appears when the command has waited for half a second, is drawn anew once a second and at every change, and is gone
/// when this is. No escape sequences and no terminal modes: it is overwritten with blanks. A signal that ends or stops
/// the process meanwhile finds it erased.
///
/// While it lives, whatever else is written on the terminal goes through `print`, or after `erase`.
class status_display {
public:
  status_display(const cli_io& io, waiting_view view);
  ~status_display();
  status_display(const status_display&) = delete;
  status_display& operator=(const status_display&) = delete;

  /// A line on the error output, above the status line.
  void print(std::string_view text);
  /// What is shown from now on is what `change` makes of it.
  void update(const std::function<void(waiting_view&)>& change);
  /// Until it is drawn again.
  void erase();

  /// What draws it; empty when there is no terminal.
  ticker tick() const;
  /// For `link_request::warn`: may be called from any thread, and when this is gone.
  std::function<void(std::string_view)> warn() const;
  /// The call keeps it up to date, and `call.progress` and `call.cancelling` may print through it.
  void attach(control_call& call);

private:
  class screen;

  std::shared_ptr<screen> screen_;
};

/// What an agent says and does, a line for each.
void print_events(const cli_io& io, status_display& display, std::string_view text);

/// Connects, and shows that it takes its time. `subject` as in `waiting_view`.
expected<supervisor_link> connect_visibly(const cli_io& io, link_request& request, std::string subject);

} // namespace agent_dispatch
