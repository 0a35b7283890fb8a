#include "frontends/cli/status_display.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <ostream>
#include <tuple>

#include "frontends/cli/presentation.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// What is answered sooner needs no line.
constexpr std::chrono::milliseconds first_look{500};
/// A terminal echoes `^C` where the cursor is: with room behind the line that does not begin a new one.
constexpr std::size_t room_for_echo = 3;
/// Wider terminals are used up to here.
constexpr std::size_t most_columns = 1024;

/// Columns that the line has on the terminal; 0: it is not there. Read by the signal handler.
std::atomic<std::size_t> shown_columns{0};
static_assert(std::atomic<std::size_t>::is_always_lock_free);

/// Those that end or stop the process, unless somebody ignores or takes them.
constexpr std::array ending_signals{SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGTSTP};

constexpr auto blanks = [] {
  std::array<char, most_columns> all{};
  all.fill(' ');
  return all;
}();

/// Only what a signal handler may do.
void erase_at_once() {
  const auto columns = std::min(shown_columns.exchange(0), most_columns);
  if (columns == 0)
    return;
  std::ignore = ::write(STDERR_FILENO, "\r", 1);
  std::ignore = ::write(STDERR_FILENO, blanks.data(), columns);
  std::ignore = ::write(STDERR_FILENO, "\r", 1);
}

extern "C" void erase_and_obey(int number) {
  const int problem = errno;
  erase_at_once();
  struct sigaction ours {};
  struct sigaction usual {};
  usual.sa_handler = SIG_DFL;
  ::sigaction(number, &usual, &ours);
  ::raise(number);
  sigset_t just_this;
  sigemptyset(&just_this);
  sigaddset(&just_this, number);
  ::pthread_sigmask(SIG_UNBLOCK, &just_this, nullptr); // it takes effect here
  ::sigaction(number, &ours, nullptr);                 // continued after SIGTSTP
  errno = problem;
}

void set_handlers(void (*from)(int), void (*to)(int)) {
  for (const int number : ending_signals) {
    struct sigaction action {};
    if (::sigaction(number, nullptr, &action) != 0 || action.sa_handler != from)
      continue;
    action.sa_handler = to;
    action.sa_flags = SA_RESTART;
    ::sigaction(number, &action, nullptr);
  }
}

} // namespace

/// Every member function may be called from any thread.
class status_display::screen {
public:
  screen(const cli_io& io, waiting_view view) : err_{io.err}, columns_{io.terminal_columns}, view_{std::move(view)} {
    if (is_terminal())
      set_handlers(SIG_DFL, erase_and_obey);
  }

  bool is_terminal() const { return columns_ != nullptr; }

  void print(std::string_view text) {
    const std::lock_guard lock{mutex_};
    const bool was_shown = is_shown();
    erase_line();
    err_ << text << std::endl;
    if (was_shown)
      draw();
  }

  void update(const std::function<void(waiting_view&)>& change) {
    const std::lock_guard lock{mutex_};
    change(view_);
    if (is_shown())
      draw();
  }

  void erase() {
    const std::lock_guard lock{mutex_};
    erase_line();
  }

  void close() {
    const std::lock_guard lock{mutex_};
    erase_line();
    if (is_terminal())
      set_handlers(erase_and_obey, SIG_DFL);
    columns_ = nullptr;
  }

  clock::time_point tick() {
    const std::lock_guard lock{mutex_};
    const auto now = clock::now();
    if (now < begun_ + first_look)
      return begun_ + first_look;
    draw();
    return begun_ + elapsed(now) + std::chrono::seconds{1};
  }

private:
  static bool is_shown() { return shown_columns > 0; }
  std::chrono::seconds elapsed(clock::time_point now) const {
    return std::chrono::duration_cast<std::chrono::seconds>(now - begun_);
  }

  std::size_t columns() const { return is_terminal() ? std::min(columns_(), most_columns) : 0; }

  void erase_line() {
    const auto shown = shown_columns.exchange(0);
    if (shown == 0)
      return;
    // Of a terminal that has become narrower all that is there, and no more: that would begin a new line.
    err_ << '\r' + std::string(std::min(shown, columns()), ' ') + '\r' << std::flush;
  }

  void draw() {
    const auto columns = this->columns();
    if (columns <= room_for_echo)
      return erase_line();
    if (shown_columns >= columns)
      erase_line();
    const auto line = status_line(view_, elapsed(clock::now()), columns - room_for_echo);
    const auto behind = std::string(columns - 1 - display_width(line), ' ');
    shown_columns = columns - 1;
    // Twice, so that the cursor stands at its end.
    err_ << '\r' + line + behind + '\r' + line << std::flush;
  }

  std::mutex mutex_;
  std::ostream& err_;
  std::function<std::size_t()> columns_; ///< empty: no terminal
  waiting_view view_;
  const clock::time_point begun_ = clock::now();
};

status_display::status_display(const cli_io& io, waiting_view view)
    : screen_{std::make_shared<screen>(io, std::move(view))} {}

status_display::~status_display() { screen_->close(); }

void status_display::print(std::string_view text) { screen_->print(text); }
void status_display::update(const std::function<void(waiting_view&)>& change) { screen_->update(change); }
void status_display::erase() { screen_->erase(); }

ticker status_display::tick() const {
  if (!screen_->is_terminal())
    return {};
  return [screen = screen_] { return screen->tick(); };
}

std::function<void(std::string_view)> status_display::warn() const {
  return [screen = screen_](std::string_view sentence) { screen->print("agent-dispatch: " + std::string{sentence}); };
}

void status_display::attach(control_call& call) {
  const auto enter = [this](wait_phase phase) { update([phase](waiting_view& view) { view.phase = phase; }); };
  enter(wait_phase::waiting);
  if (!screen_->is_terminal())
    return;
  call.tick = tick();
  call.lost = [enter] { enter(wait_phase::reconnecting); };
  call.found = [enter] { enter(wait_phase::waiting); };
  call.status = [this](const call_status& status) { update([&status](waiting_view& view) { view.status = status; }); };
  call.cancelling = [enter, before = call.cancelling] {
    enter(wait_phase::cancelling);
    if (before)
      before();
  };
}

void print_events(const cli_io& io, status_display& display, std::string_view text) {
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    display.print(painted_note(io, colour::dim, printable(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

expected<supervisor_link> connect_visibly(const cli_io& io, link_request& request, std::string subject) {
  const status_display display{io, {.subject = std::move(subject)}};
  request.warn = display.warn();
  return connect_supervisor(request, display.tick());
}

} // namespace agent_dispatch
