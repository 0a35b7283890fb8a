#include "actors/run/keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <optional>
#include <string>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "actors/run/cli_process.hpp"
#include "actors/run/control.hpp"
#include "actors/run/descriptor_io.hpp"
#include "actors/run/exit_file.hpp"
#include "actors/run/launch_order.hpp"
#include "actors/run/open_lock.hpp"
#include "actors/run/run_directory.hpp"
#include "actors/run/sweep.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock; // CLOCK_MONOTONIC: time spent suspended does not count
using std::chrono::milliseconds;

/// How often the size of the output is looked at: a growing one, and one that does not grow. RLIMIT_FSIZE is no way to
/// bound it, since it would bound every file that the agent writes; inotify would wake us at every write. So a run may
/// pass its limit by what it can write in this time, and a silent run costs one wake-up a second.
constexpr auto growing_look = milliseconds{250};
constexpr auto quiet_look = milliseconds{1000};
/// How long a supervisor has for the record of a job that ended. Writing it takes 1 to 10 ms.
constexpr int sync_pause_ms = 20;
/// Lets the kernel put our wake-ups together with others.
constexpr unsigned long timer_slack_ns = 20'000'000;

enum class phase { running, interrupted, terminated, killed, abandoned };

class keeper {
public:
  keeper(launch_order order, unique_fd output, unique_fd errors, unique_fd signals)
      : order_{std::move(order)}, output_{std::move(output)}, errors_{std::move(errors)}, signals_{std::move(signals)} {
  }

  /// From the start of the CLI until nothing is left that must end.
  exit_record run() {
    started_at_ = clock::now();
    if (const auto failed = cli_.start(order_, output_.get(), errors_.get()))
      return not_started(*failed);
    forget_caller();
    ::prctl(PR_SET_TIMERSLACK, timer_slack_ns); // after the fork: a child would inherit it
    if (order_.deadline.count() > 0)
      deadline_ = started_at_ + order_.deadline;
    next_look_ = started_at_ + growing_look;
    while (!cli_.gone() && phase_ != phase::abandoned)
      wait_and_act();
    return conclude();
  }

  int output_fd() const { return output_.get(); }

private:
  static exit_record not_started(const start_failure& failure) {
    exit_record record;
    record.start_step = failure.step;
    record.start_errno = failure.error;
    return record;
  }

  /// The environment and the prompt are the caller's: the CLI has them now, and this process needs neither.
  void forget_caller() {
    order_.environment = {};
    order_.argv = {};
    ::dup2(STDOUT_FILENO, STDIN_FILENO);
  }

  void wait_and_act() {
    pollfd watched[] = {{signals_.get(), POLLIN, 0}, {keeper_fd::control, POLLIN, 0}};
    ::poll(watched, 2, time_to_wait());
    const bool told_to_end = take_signals();
    // First of all: a CLI that has ended by itself is not ended by us, however late we notice.
    if (cli_.reap())
      return;
    if (told_to_end)
      end(end_reason::cancelled);
    take_commands();
    const auto now = clock::now();
    if (phase_ != phase::running) {
      if (now >= phase_ends_)
        escalate(now);
      return;
    }
    if (deadline_ && now >= *deadline_)
      end(end_reason::deadline);
    else if (now >= next_look_)
      look_at_output(now);
  }

  int time_to_wait() const {
    auto until = phase_ends_;
    if (phase_ == phase::running)
      until = deadline_ ? std::min(*deadline_, next_look_) : next_look_;
    const auto left = std::chrono::ceil<milliseconds>(until - clock::now());
    return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, quiet_look.count()));
  }

  /// Empties the descriptor; true when this process was asked to end.
  bool take_signals() {
    signalfd_siginfo info{};
    bool told_to_end = false;
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
      told_to_end = told_to_end || info.ssi_signo == SIGTERM;
    return told_to_end;
  }

  void take_commands() {
    char bytes[512];
    const ssize_t size = ::read(keeper_fd::control, bytes, sizeof bytes);
    if (size <= 0)
      return;
    for (const auto& command : commands_.feed({bytes, static_cast<std::size_t>(size)})) {
      if (command.kind == control_kind::cancel)
        end(end_reason::cancelled);
      else if (deadline_ && phase_ == phase::running)
        *deadline_ += command.more;
    }
  }

  void look_at_output(clock::time_point now) {
    const auto size = file_size(output_.get()) + file_size(errors_.get());
    next_look_ = now + (size == last_size_ ? quiet_look : growing_look);
    last_size_ = size;
    if (order_.output_limit > 0 && size > order_.output_limit)
      end(end_reason::output_limit);
  }

  void end(end_reason reason) {
    if (phase_ != phase::running || cli_.reap())
      return;
    record_.reason = reason;
    record_.output_at_signal = file_size(output_.get());
    cli_.signal_group(SIGINT);
    enter(phase::interrupted, order_.grace);
  }

  void escalate(clock::time_point) {
    switch (phase_) {
    case phase::running:
    case phase::abandoned:
      return;
    case phase::interrupted:
      cli_.signal_group(SIGTERM);
      return enter(phase::terminated, order_.grace);
    case phase::terminated:
      cli_.signal_group(SIGKILL);
      return enter(phase::killed, limits::sweep_time);
    case phase::killed: // it hangs in the kernel
      return enter(phase::abandoned, milliseconds{0});
    }
  }

  void enter(phase next, milliseconds at_most) {
    phase_ = next;
    phase_ends_ = clock::now() + at_most;
  }

  exit_record conclude() {
    record_.output_end = file_size(output_.get());
    record_.disk_full = is_disk_full(output_.get());
    record_.wall_ms = std::chrono::duration_cast<milliseconds>(clock::now() - started_at_).count();
    const int status = cli_.wait_status();
    if (cli_.gone()) {
      if (const auto failed = cli_.start_failed()) {
        record_.start_step = failed->step;
        record_.start_errno = failed->error;
        return record_;
      }
      if (WIFEXITED(status))
        record_.exit_code = WEXITSTATUS(status);
      else
        record_.signal = WTERMSIG(status);
    }
    record_.started = true;
    // A CLI that exits by itself, with any code, keeps what it has detached.
    if (record_.reason != end_reason::none || record_.signal)
      record_.left_over = sweep_own_run(order_.run);
    return record_;
  }

  launch_order order_;
  unique_fd output_;
  unique_fd errors_;
  unique_fd signals_;
  cli_process cli_;
  control_reader commands_;
  exit_record record_;
  phase phase_ = phase::running;
  clock::time_point started_at_;
  clock::time_point phase_ends_;
  clock::time_point next_look_;
  std::optional<clock::time_point> deadline_;
  std::uint64_t last_size_ = 0;
};

/// Not readable by others of this user (the order holds the caller's environment), no core file, no terminal, no
/// directory kept busy, orphans come here.
void settle_down() {
  ::prctl(PR_SET_NAME, "agent-dispatch-run");
  ::prctl(PR_SET_DUMPABLE, 0);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  ::setsid();
  ::umask(077);
  if (::chdir("/") < 0)
    return; // costs an unmount at most
}

/// Everything but SIGKILL is kept away: a closed terminal must not cost a run. SIGTERM is a cancel.
unique_fd take_over_signals() {
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
  sigset_t watched;
  sigemptyset(&watched);
  sigaddset(&watched, SIGCHLD);
  sigaddset(&watched, SIGTERM);
  return unique_fd{::signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK)};
}

unique_fd take_lock(int directory) {
  unique_fd file = open_run_file(directory, run_file::lock, O_RDWR | O_CREAT);
  if (file && try_lock(file.get()) != lock_state::free)
    file.reset();
  return file;
}

/// No core file of this process; the CLI gets what was there before, unless the order says otherwise.
void keep_core_for_cli(launch_order& order) {
  rlimit core{};
  ::getrlimit(RLIMIT_CORE, &core);
  order.limits.insert(order.limits.begin(), resource_limit{RLIMIT_CORE, core.rlim_cur, core.rlim_max});
  core.rlim_cur = 0;
  ::setrlimit(RLIMIT_CORE, &core);
}

exit_record refuse(const char* step, int error) {
  exit_record record;
  record.start_step = step;
  record.start_errno = error;
  return record;
}

/// What other processes see of a keeper that is there: its lock, and the read end of its FIFO.
struct signs_of_life {
  unique_fd lock;
  unique_fd control;

  void end() {
    lock.reset(); // first: who sees the FIFO break finds the lock free
    control.reset();
  }
};

/// Lets go of the run as soon as exit.json is there. What a job leaves reaches the disk while the supervisor writes the
/// job's record: nobody is told of the end before that one is on disk, and when the power fails before, it is as if it
/// had failed before the end. exit.json says how long the output is, so it is no harm that either may be there alone.
keeper_exit publish(exit_file& file, const exit_record& record, durability written, int output_fd,
                    signs_of_life& signs) {
  const int error = file.publish(keeper_fd::directory, record);
  signs.end();
  if (error != 0)
    return keeper_exit::unrecorded;
  if (written == durability::page_cache)
    return keeper_exit::done;
  ::poll(nullptr, 0, sync_pause_ms); // it would be in the way of the record, which somebody waits for
  const bool is_safe = ::fdatasync(output_fd) == 0 && file.sync() == 0 && ::fsync(keeper_fd::directory) == 0;
  return is_safe ? keeper_exit::done : keeper_exit::unsafe;
}

expected<launch_order> read_order() {
  std::string bytes;
  if (const int error = read_from_start(keeper_fd::order, bytes, launch_order_bytes + 1); error != 0)
    return io_failure("cannot read", "the launch order", error);
  return decode_launch_order(bytes);
}

/// What the launcher has made. O_NONBLOCK so that no FIFO in its place holds us up; the CLI's stdout is blocking.
unique_fd open_output(const char* name) {
  unique_fd file = open_run_file(keeper_fd::directory, name, O_WRONLY | O_APPEND | O_NONBLOCK);
  struct stat info {};
  if (file && (::fstat(file.get(), &info) < 0 || !S_ISREG(info.st_mode))) {
    errno = EINVAL;
    return {};
  }
  if (file)
    ::fcntl(file.get(), F_SETFL, O_APPEND);
  return file;
}

keeper_exit start_and_keep(exit_file ending, unique_fd signals, signs_of_life& signs) {
  auto order = read_order();
  if (!order)
    return publish(ending, refuse("read the launch order", EBADMSG), durability::page_cache, -1, signs);
  unique_fd output = open_output(run_file::output);
  if (!output)
    return publish(ending, refuse("open stdout", errno), durability::page_cache, -1, signs);
  unique_fd errors = open_output(run_file::errors);
  if (!errors)
    return publish(ending, refuse("open stderr", errno), order->written, output.get(), signs);
  keep_core_for_cli(*order);
  const auto written = order->written;
  keeper self{std::move(*order), std::move(output), std::move(errors), std::move(signals)};
  const exit_record record = self.run();
  return publish(ending, record, written, self.output_fd(), signs);
}

} // namespace

keeper_exit keep_run() {
  settle_down();
  for (const int fd : {keeper_fd::directory, keeper_fd::order, keeper_fd::control})
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  unique_fd signals = take_over_signals();
  // A writer of our own: without it, the last supervisor's end would make the FIFO readable for ever.
  const unique_fd listener = open_run_file(keeper_fd::directory, run_file::control, O_WRONLY | O_NONBLOCK);
  signs_of_life signs{.lock = take_lock(keeper_fd::directory), .control = unique_fd{keeper_fd::control}};
  if (!signs.lock)
    return keeper_exit::no_lock;
  exit_file ending;
  if (ending.open(keeper_fd::directory) != 0) // before the claim: a run that could not be recorded is not begun
    return keeper_exit::no_draft;
  const auto claimed = claim_start(keeper_fd::directory, started_by_keeper);
  if (!claimed) // nobody has begun anything, and the draft needs no space
    return publish(ending, refuse("claim the start in the run directory", errno), durability::page_cache, -1, signs);
  if (*claimed == claim::lost)
    return keeper_exit::no_claim;
  // A claim that was won in a directory which is just being removed, after its `started` has gone, is none.
  if (!ending.is_in_place())
    return keeper_exit::no_draft;
  return start_and_keep(std::move(ending), std::move(signals), signs);
}

} // namespace agent_dispatch
