#include "actors/run/sweep.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <ctime>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "actors/run/process_table.hpp"
#include "actors/run/run_directory.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using std::chrono::steady_clock;

enum class scope {
  marked,          ///< processes with the mark, and their descendants
  descendants_too, ///< and the descendants of this process
};

/// As the kernel cuts them, at 15 bytes.
constexpr std::string_view supervisor_name = "agent-dispatchd";
constexpr std::string_view keeper_name = "agent-dispatch-";

bool is_spared(const process_entry& process) {
  return (process.name == supervisor_name || process.name == keeper_name) && may_hold_lock(process.pid);
}

/// A look around can miss a process that is replaced by its child again and again, so one empty look proves nothing.
/// Where something was found, more are asked for. Each takes a few milliseconds.
constexpr int empty_looks = 3;
constexpr int empty_looks_after_some = 10;

class run_sweep {
public:
  run_sweep(const run_key& run, scope which)
      : mark_{std::string{run_variable} + '=' + run.value}, which_{which}, self_{::getpid()} {}

  int end_all() {
    while (stop_new_ones() && !time_is_up()) {
    }
    int needed = stopped_.empty() ? empty_looks : empty_looks_after_some;
    for (;;) {
      const auto left = look([](const process_entry&) { return SIGKILL; });
      kill_children();
      if (left == 0 && (--needed == 0 || has_no_children()))
        return 0;
      if (left > 0)
        needed = empty_looks_after_some;
      if (time_is_up())
        return left;
      if (left > 0)
        pause(std::chrono::milliseconds{1});
    }
  }

private:
  static void pause(std::chrono::nanoseconds time) {
    const timespec moment{0, time.count()};
    ::nanosleep(&moment, nullptr);
  }

  bool time_is_up() const { return steady_clock::now() >= give_up_; }

  bool stop_new_ones() {
    bool found_new = false;
    look([&](const process_entry& process) {
      const bool is_new = stopped_.emplace(process.pid, process.start_time).second;
      found_new = found_new || is_new;
      return is_new ? SIGSTOP : 0;
    });
    return found_new;
  }

  /// Looks at all processes once and signals those of the run at once, each with what `choose` says for it: what is
  /// only signalled after the look has ended meanwhile, and its child goes on. Returns how many there are.
  int look(const std::function<int(const process_entry&)>& choose) {
    std::set<pid_t> members;
    std::vector<process_entry> others;
    const auto take = [&](const process_entry& process) {
      members.insert(process.pid);
      if (const int number = choose(process); number != 0)
        signal_process(process, number);
    };
    visit_processes([&](const process_entry& process) {
      if (process.ended || process.pid == self_ || process.pid == 1 || is_spared(process))
        return;
      if (belongs(process) || members.count(process.parent) > 0)
        take(process);
      else
        others.push_back(process);
    });
    // Children whose number is lower than their parent's: numbers begin again at the end.
    for (bool found = true; found;) {
      const auto children = std::partition(others.begin(), others.end(),
                                           [&](const auto& process) { return members.count(process.parent) == 0; });
      found = children != others.end();
      std::for_each(children, others.end(), take);
      others.erase(children, others.end());
    }
    return static_cast<int>(members.size());
  }

  bool belongs(const process_entry& process) const {
    // Its parent may be dead by now, and with it what showed that it belongs.
    if (stopped_.count({process.pid, process.start_time}) > 0)
      return true;
    if (process.parent == self_ && which_ == scope::descendants_too)
      return true;
    // Also below a spared keeper: what a killed keeper leaves behind goes to the next subreaper above it.
    return process.ours && has_in_environment(process.pid, mark_);
  }

  /// Whatever a descendant does, it is our child as soon as its parents are dead. Children are quick to list and, until
  /// we reap them, their numbers are their own: no process that keeps replacing itself outruns this.
  void kill_children() const {
    while (which_ == scope::descendants_too && !has_no_children() && !time_is_up()) {
      const auto children = read_own_children();
      bool killed_some = false;
      for (const pid_t pid : children.value_or(std::vector<pid_t>{})) {
        const auto child = read_process(pid);
        if (!child || child->ended || is_spared(*child))
          continue;
        killed_some = ::kill(pid, SIGKILL) == 0 || killed_some;
      }
      if (!killed_some)
        return;
      pause(std::chrono::microseconds{100}); // a kill takes its time, and one that hangs in the kernel all of ours
    }
  }

  /// Reaps what has ended. False for one who is no keeper: its children are others' business.
  bool has_no_children() const {
    if (which_ != scope::descendants_too)
      return false;
    pid_t reaped = 0;
    do
      reaped = ::waitpid(-1, nullptr, WNOHANG);
    while (reaped > 0);
    return reaped < 0 && errno == ECHILD;
  }

  std::string mark_;
  scope which_;
  pid_t self_;
  steady_clock::time_point give_up_ = steady_clock::now() + limits::sweep_time;
  std::set<std::pair<pid_t, unsigned long long>> stopped_;
};

} // namespace

int sweep_by_mark(const run_key& run) { return run_sweep{run, scope::marked}.end_all(); }

int sweep_own_run(const run_key& run) { return run_sweep{run, scope::descendants_too}.end_all(); }

} // namespace agent_dispatch
