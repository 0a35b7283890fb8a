#include "frontends/daemon.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <csignal>
#include <future>
#include <iostream>
#include <mutex>
#include <optional>
#include <thread>

#include <asio/posix/stream_descriptor.hpp>
#include <asio/post.hpp>
#include <asio/signal_set.hpp>

#include "actors/admission.hpp"
#include "actors/agent.hpp"
#include "actors/config.hpp"
#include "actors/config_editor.hpp"
#include "actors/death_point.hpp"
#include "actors/fatal_log.hpp"
#include "actors/io/io_scheduler.hpp"
#include "actors/io/io_thread.hpp"
#include "actors/io/listener.hpp"
#include "actors/io/output_watch.hpp"
#include "actors/job_registry.hpp"
#include "actors/job_store.hpp"
#include "actors/launcher.hpp"
#include "actors/log.hpp"
#include "actors/requests.hpp"
#include "actors/restarting.hpp"
#include "actors/run.hpp"
#include "actors/storage/owner.hpp"
#include "actors/storage/supervisor_lock.hpp"
#include "actors/supervisor.hpp"
#include "actors/viewer.hpp"
#include "frontends/control/control_dialect.hpp"
#include "frontends/mcp/mcp_dialect.hpp"
#include "frontends/service_manager.hpp"
#include "frontends/session/session.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

/// The frontend that waits for this supervisor to come up.
class starter {
public:
  explicit starter(int fd) : fd_{fd} {}

  void say(std::string_view word) {
    if (fd_)
      std::ignore = ::write(fd_.get(), word.data(), word.size()); // whoever has stopped waiting needs no answer
  }
  /// Nobody waits any more.
  void forget() { fd_.reset(); }
  int release() { return fd_.release(); }

private:
  unique_fd fd_;
};

/// Lets the frontend that started this process go on: what remains is a child of init in a session of its own.
void detach() {
  if (const auto child = ::fork(); child != 0)
    ::_exit(child < 0 ? 1 : 0);
  ::setsid();
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    ::dup2(null, fd);
}

/// A descriptor that the first caller has left open would be held for as long as this process lives.
void close_inherited(std::initializer_list<int> kept) {
  auto first = static_cast<unsigned>(STDERR_FILENO) + 1;
  for (const int fd : kept) { // in their order
    if (fd < static_cast<int>(first))
      continue;
    if (static_cast<unsigned>(fd) > first)
      ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
}

/// The caller's secrets must not be had from this process: no core file, no look into its memory.
void harden() {
  ::umask(077);
  std::ignore = ::chdir("/");
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGHUP, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // The first caller's limits are for its own runs: those bring them along.
  for (const auto resource : {RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_AS, RLIMIT_DATA, RLIMIT_NPROC}) {
    rlimit limit{};
    if (::getrlimit(resource, &limit) == 0) {
      limit.rlim_cur = limit.rlim_max;
      ::setrlimit(resource, &limit);
    }
  }
}

/// A supervisor has 24 descriptors open when it is idle (ten of them in the directories of runs to come, which it gives
/// up when there are no others), one for each frontend, and three for each run. With fewer than this it could not be
/// told from one that fails at random.
constexpr rlim_t least_descriptors = 64;

/// Absent: there are enough.
std::optional<fault> too_few_descriptors() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= least_descriptors)
    return std::nullopt;
  return failure(fault_kind::io, "a supervisor needs " + std::to_string(least_descriptors) +
                                     " descriptors at the least, and may have " + std::to_string(files.rlim_cur) +
                                     " here (the hard limit); start it from a shell that may have more: ulimit -Hn")
      .value();
}

fs::path keeper_path() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path() / "agent-dispatch-run";
}

fault not_set_up(const std::exception& problem) {
  return {fault_kind::io, std::string{"setting up its actors and its I/O: "} + problem.what() +
                              "; if descriptors, memory or threads are short, see: ulimit -a"};
}

int complain(starter& waiting, const fault& problem) {
  if (spdlog::default_logger_raw()->name() == "supervisor")
    log::error("{}", problem.message); // a foreground's on stderr as well
  else
    std::cerr << problem.message << '\n';
  waiting.say("error: " + problem.message + "\n");
  return 1;
}

/// Signals and the lifeline, as messages to the supervisor. From `begin` on everything runs on the I/O thread.
class process_events : public std::enable_shared_from_this<process_events> {
public:
  process_events(asio::io_context& io, supervisor_actor supervisor, stop_mode on_signal)
      : supervisor_{std::move(supervisor)},
        on_signal_{on_signal}, signals_{io, SIGTERM, SIGINT}, children_{io, SIGCHLD}, lifeline_{io} {}

  /// The supervisor ends when the other side of this socket is closed.
  void end_with(int lifeline) { lifeline_.assign(lifeline); }

  void begin() {
    await_signal();
    await_child();
    if (lifeline_.is_open())
      await_lifeline();
  }

  void end() {
    supervisor_ = nullptr;
    asio::error_code ignored;
    signals_.cancel(ignored);
    children_.cancel(ignored);
    lifeline_.close(ignored);
  }

private:
  void await_signal() {
    signals_.async_wait([this, self = shared_from_this()](const asio::error_code& problem, int number) {
      if (problem || !supervisor_)
        return;
      caf::anon_send(supervisor_, shut_down{number == SIGTERM ? "SIGTERM" : "SIGINT", on_signal_});
      await_signal();
    });
  }

  void await_child() {
    children_.async_wait([this, self = shared_from_this()](const asio::error_code& problem, int) {
      if (problem || !supervisor_)
        return;
      while (::waitpid(-1, nullptr, WNOHANG) > 0) {
      }
      await_child();
    });
  }

  void await_lifeline() {
    lifeline_.async_read_some(
        asio::buffer(byte_), [this, self = shared_from_this()](const asio::error_code& problem, std::size_t) {
          if (problem == asio::error::operation_aborted || !supervisor_)
            return;
          if (problem)
            caf::anon_send(supervisor_, shut_down{"its frontend is gone", stop_mode::with_frontend});
          else
            await_lifeline();
        });
  }

  supervisor_actor supervisor_; ///< null after the end
  stop_mode on_signal_;
  asio::signal_set signals_;
  asio::signal_set children_;
  asio::posix::stream_descriptor lifeline_;
  std::array<char, 1> byte_{};
};

session_actor make_session(caf::actor_system& system, const core_actors& core, const connection_ptr& link,
                           const std::shared_ptr<const frontend_hello>& hello) {
  std::unique_ptr<session_dialect> dialect;
  if (hello->role == frontend_role::mcp)
    dialect = std::make_unique<mcp_dialect>();
  else
    dialect = std::make_unique<control_dialect>();
  // Spawned through a function of its own: CAF copies what it passes on, and a dialect has one owner.
  struct holder {
    std::unique_ptr<session_dialect> dialect;
  };
  auto held = std::make_shared<holder>(holder{std::move(dialect)});
  return system.spawn([core, link, hello, held](session_actor::stateful_pointer<session_state> self) {
    return session(self, core, link, hello, std::move(held->dialect));
  });
}

/// The state directory is another supervisor's for a moment when its jobs directory was replaced: it notices, and
/// leaves.
expected<supervisor_lock> await_state_lock(const fs::path& file) {
  constexpr std::chrono::seconds patience{15}; // it looks every 5 s, and has 5 s for its frontends
  constexpr std::chrono::milliseconds look_again{50};
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    auto lock = supervisor_lock::acquire(file);
    if (!lock)
      return tl::unexpected(lock.error());
    if (*lock)
      return std::move(**lock);
    if (std::chrono::steady_clock::now() >= until)
      return failure(fault_kind::io,
                     "another supervisor still works in " + file.parent_path().native() +
                         "; end the process agent-dispatchd that has this file open, then try again: " + file.native());
    std::this_thread::sleep_for(look_again);
  }
}

/// A service waits for the supervisor that is there to end: to fail would have it tried again and again, and given up.
expected<supervisor_lock> await_lock(const daemon_options& options) {
  constexpr std::chrono::seconds look_again{1};
  std::cerr << "a supervisor of " << options.where.jobs.native()
            << " is running already; this one begins when it has ended: agent-dispatch stop --keep-runs\n";
  notify_service_manager(options.notify_socket, "READY=1\nSTATUS=waiting for another supervisor to end");
  for (;;) {
    auto lock = supervisor_lock::acquire(options.where.lock());
    if (!lock)
      return tl::unexpected(lock.error());
    if (*lock)
      return std::move(**lock);
    std::this_thread::sleep_for(look_again);
  }
}

/// Ends the process when its actors do not: one may look at a directory of a file system that hangs, and the next
/// supervisor waits for our locks.
class last_resort {
public:
  last_resort()
      : thread_{[this] {
          std::unique_lock guard{mutex_};
          if (ended_.wait_for(guard, patience, [this] { return is_over_; }))
            return;
          log::warn("an actor does not end; it is left behind");
          ::_exit(0);
        }} {}

  ~last_resort() {
    {
      const std::lock_guard guard{mutex_};
      is_over_ = true;
    }
    ended_.notify_one();
    thread_.join();
  }
  last_resort(const last_resort&) = delete;
  last_resort& operator=(const last_resort&) = delete;

private:
  /// What was accepted is on disk by now, and nobody waits for an answer any more.
  static constexpr std::chrono::seconds patience{5};

  std::mutex mutex_;
  std::condition_variable ended_;
  bool is_over_ = false;
  std::thread thread_;
};

/// A supervisor whose lock is held and whose directories are there.
class daemon {
public:
  daemon(const daemon_options& options, supervisor_lock lock, supervisor_lock state_lock, keeper_program keeper)
      : options_{options}, lock_{std::move(lock)},
        state_lock_{std::move(state_lock)}, keeper_{std::make_shared<const keeper_program>(std::move(keeper))} {
    io_scheduler::install(settings_, io_);
  }

  int run(starter& waiting) {
    auto socket = options_.listening < 0 ? make_listening_socket(options_.where.socket)
                                         : take_over_listening_socket(unique_fd{options_.listening});
    if (!socket)
      return complain(waiting, socket.error());
    if (is_activated())
      options_.where.socket = socket_path(socket->get());
    std::optional<last_resort> end;
    {
      caf::actor_system system{settings_};
      // Actors that are there already would be waited for: nothing that fails from here on may leave this block.
      try {
        if (const auto served = serve(system, std::move(*socket), waiting); !served) {
          complain(waiting, served.error());
          ::_exit(log::exit_software);
        }
      } catch (const std::exception& problem) {
        complain(waiting, not_set_up(problem));
        ::_exit(log::exit_software);
      }
      try {
        end.emplace();
      } catch (const std::system_error&) { // no more threads: then as long as it takes
      }
    }
    end.reset();
    log::info("supervisor ended");
    return 0;
  }

private:
  /// Until the end. Fault: frontends cannot be told where it is.
  expected<void> serve(caf::actor_system& system, unique_fd socket, starter& waiting) {
    const auto root = spawn_actors(system);
    recover(system);
    listener frontends{io_.context(), std::move(socket),
                       [root](connection_ptr link, std::shared_ptr<const frontend_hello> hello) {
                         caf::anon_send(root, frontend_connected{std::move(link), std::move(hello)});
                       }};
    stop_listening_ = [&frontends] { frontends.stop(); };
    // An embedded supervisor ends with its frontend, and its runs with it; any other leaves them to the next one.
    const bool is_embedded = options_.life == supervisor_life::embedded;
    const auto events = std::make_shared<process_events>(io_.context(), root,
                                                         is_embedded ? stop_mode::with_frontend : stop_mode::keep_runs);
    if (auto published = lock_.publish(entry()); !published)
      return published;
    log::info("supervisor {} (pid {}) serves {}", program_version, ::getpid(), options_.where.jobs.native());
    waiting.say("ready\n");
    notify_service_manager(options_.notify_socket, "READY=1\nSTATUS=");
    if (is_embedded)
      events->end_with(waiting.release());
    else
      waiting.forget();
    asio::post(io_.context(), [events] { events->begin(); });
    ended_.get_future().wait();
    notify_service_manager(options_.notify_socket, "STOPPING=1");
    if (lock_.is_still_ours() && !is_activated()) // else the path may be another supervisor's by now
      ::unlink(options_.where.socket.c_str());
    on_io_thread([&] { events->end(); });
    return {};
  }

  /// Waits until it has run.
  void on_io_thread(const std::function<void()>& what) {
    std::promise<void> done;
    asio::post(io_.context(), [&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  supervisor_actor spawn_actors(caf::actor_system& system) {
    supervised_actors owned;
    const config_paths paths{.home = options_.home, .config = options_.where.config, .jobs = options_.where.jobs};
    const auto file = std::make_shared<config_file>(paths);
    owned.admission = system.spawn(admission, file->current()->value.settings.max_concurrency);
    owned.config = restarting_config(
        system, [file](caf::actor_system& in) { return in.spawn<caf::detached>(config, file); },
        // Over a network even a look may take long; the actor has a thread for that.
        [file, is_far = is_on_network(options_.where.config.parent_path())] {
          return is_far ? nullptr : file->if_unchanged();
        });
    owned.editor = restarting_config_editor(
        system, [paths](caf::actor_system& in) { return in.spawn<caf::detached>(config_editor, paths); });
    owned.viewer = restarting_viewer(system, [](caf::actor_system& in) { return in.spawn<caf::detached>(viewer); });
    const auto mark = owner_of(options_.where.jobs);
    owned.launcher = system.spawn<caf::detached>(launcher, options_.where, mark, keeper_);
    const job_stores stores{.writer = system.spawn<caf::detached>(job_store, options_.where.jobs, mark),
                            .reader =
                                restarting_job_store(system, [jobs = options_.where.jobs, mark](caf::actor_system& in) {
                                  return in.spawn<caf::detached>(job_store, jobs, mark);
                                })};
    owned.stores = {stores.writer, stores.reader};
    owned.jobs = system.spawn(job_registry, stores, owned.admission, mark);
    const run_services services{.launcher = owned.launcher, .admission = owned.admission, .watcher = &watcher_};
    const auto spawn_run = [services](caf::actor_system& in, run_spec_ptr spec,
                                      const run_listener& listener) -> run_actor {
      return in.spawn(agent_dispatch::run, std::move(spec), listener, services);
    };
    const auto spawn_agent = [spawn_run, admission_handle = owned.admission, jobs_handle = owned.jobs,
                              launcher_handle = owned.launcher](caf::actor_system& in) -> agent_actor {
      return in.spawn(agent, admission_handle, jobs_handle, launcher_handle, run_spawner{spawn_run});
    };
    requests_ = owned.requests =
        system.spawn(requests, owned.config, owned.admission, owned.launcher, owned.jobs, agent_spawner{spawn_agent});
    const supervisor_process process{.where = options_.where,
                                     .holds_lock = [this] { return lock_.is_still_ours(); },
                                     .stop_listening = [this] { stop_listening_(); },
                                     .ended = [this] { ended_.set_value(); },
                                     .died = [] { ::_exit(log::exit_software); }};
    return system.spawn(supervisor, process, owned, session_factory{make_session});
  }

  /// Takes over what earlier supervisors have left. Nobody is answered before that.
  void recover(caf::actor_system& system) {
    caf::scoped_actor self{system};
    self->request(requests_, caf::infinite, recover_requests{})
        .receive(
            [](int count) {
              if (count > 0)
                log::info("{} requests of an earlier supervisor are taken over", count);
            },
            [&system](const caf::error& problem) { log::error("recovery failed: {}", system.render(problem)); });
    requests_ = nullptr;
  }

  supervisor_entry entry() const {
    return {.socket = options_.where.socket,
            .state = options_.where.state,
            .config = options_.where.config,
            .version = program_version,
            .protocol = protocol_version,
            .is_activated = is_activated()};
  }

  /// The socket is the service manager's, which listens on when this process is gone.
  bool is_activated() const { return options_.listening >= 0; }

  daemon_options options_;
  supervisor_lock lock_;
  supervisor_lock state_lock_;
  requests_actor requests_; ///< until everything is taken over
  std::shared_ptr<const keeper_program> keeper_;
  std::promise<void> ended_;
  std::function<void()> stop_listening_;
  io_thread io_; ///< runs the actors, and is stopped when they have ended
  output_watcher watcher_{io_.context()};
  caf::actor_system_config settings_;
};

/// Everything up to the end. `waiting` is told what goes wrong by a sentence; what cannot be told so is thrown.
int serve(const daemon_options& options, starter& waiting) {
  if (const auto too_few = too_few_descriptors())
    return complain(waiting, *too_few);
  const auto level = log::parse_level(options.log_level.empty() ? "info" : options.log_level);
  if (!level)
    return complain(waiting, level.error());
  if (const auto made = make_state_directories(options.where); !made)
    return complain(waiting, made.error());
  auto lock = supervisor_lock::acquire(options.where.lock());
  if (!lock)
    return complain(waiting, lock.error());
  if (!*lock && !options.notify_socket.empty()) {
    auto later = await_lock(options);
    if (!later)
      return complain(waiting, later.error());
    lock->emplace(std::move(*later));
  }
  if (!*lock) {
    waiting.say("held\n");
    if (options.life == supervisor_life::foreground)
      std::cerr << "a supervisor of " << options.where.jobs.native()
                << " is running already; end it: agent-dispatch stop\n";
    return options.life == supervisor_life::foreground ? 1 : 0;
  }
  if (const auto opened = log::open(options.where.log(), options.life == supervisor_life::foreground, *level); !opened)
    return complain(waiting, opened.error());
  log::tell_fatal_ends(options.where.log());
  auto keeper = keeper_program::open(keeper_path());
  if (!keeper)
    return complain(waiting, keeper.error());
  auto state_lock = await_state_lock(options.where.state / "lock");
  if (!state_lock)
    return complain(waiting, state_lock.error());
  enable_death_points(options.where.state);
  crash_point("start");
  return daemon{options, std::move(**lock), std::move(*state_lock), std::move(*keeper)}.run(waiting);
}

} // namespace

int run_daemon(const daemon_options& options) {
  if (options.life == supervisor_life::detached)
    detach();
  close_inherited({std::min(options.lifeline, options.listening), std::max(options.lifeline, options.listening)});
  starter waiting{options.lifeline};
  harden();
  try {
    return serve(options, waiting);
  } catch (const std::exception& problem) { // no descriptors, no memory, no threads: nothing serves yet
    return complain(waiting, not_set_up(problem));
  }
}

} // namespace agent_dispatch
