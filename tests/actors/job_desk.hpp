#pragma once

#include "actors/job_registry.hpp"
#include "actors/job_store.hpp"
#include "tests/actors/neighbours.hpp"
#include "tests/config/temporary_directory.hpp"

/// The registry of jobs with stores whose pace and faults a test decides.
namespace agent_dispatch {

inline const std::string desk_mark = "machine:boot:1:jobs";
/// Frontend of all requests.
inline const frontend_id desk_front{"front"};
/// What is said of a store's `no_space`.
inline const std::string disk_failed = "an operation of the system failed";
/// Waits for jobs, and what admission hears of its wait for job 1.
inline const run_key waiting_run{"front.50.0"};
inline const std::string edge = "admission: front.50.0 waits for front.1.0";
inline const std::string no_edge = "admission: front.50.0 no longer waits for front.1.0";

dispatch_answer failed_answer();

/// A store over real files. While it holds, what it is asked is done when the test says so, in order.
struct store_script {
  store_script(actor_world& world, std::string name, const std::filesystem::path& directory);

  /// Does what is held, up to `count` of it.
  void work(std::size_t count = 1000);

  job_store_actor actor;
  job_store_state state{nullptr};
  bool holds = false;
  int failures = 0;                    ///< so often it dies of a question for a record, or of a cancel
  std::optional<fault> problem;        ///< of every write
  std::optional<fault> settle_problem; ///< of what is added to cancelled records
  std::deque<std::function<void()>> held;
  actor_world& world;
};

/// Journal of what is asked here: `N created`, `N may start`, `N may not start`, `N finished`, `N adopted, STATUS`,
/// `N failed`, `N kept`, `N cancel: OUTCOME`, `TEXT found, STATUS`; or `N not created: FAULT` and so on.
struct job_desk {
  job_desk();

  /// Asks the registry; `hear` puts the reply into words.
  template <class Result, class Message, class Hear>
  void ask(Message message, std::string what, Hear hear) {
    const auto make = [this, message, what, hear](caf::event_based_actor* self) {
      self->request(jobs, caf::infinite, message)
          .then([this, what, hear](const Result& reply) { world.note(what + " " + hear(reply)); },
                [this, what](const caf::error&) { world.note(what + ": no answer"); });
    };
    world.keep(world.system().spawn(make));
    world.settle();
  }

  void create(unsigned line);
  void start(unsigned line);
  void progress(unsigned line, std::string text);
  void finish(unsigned line, dispatch_answer answer = answer_of("done"));
  void adopt(unsigned line);
  void fail(unsigned line, bool has_session = true);
  void keep_result(unsigned line);
  void cancel(unsigned line);
  void cancel(const std::string& text, const std::string& shown);
  void find(const std::string& text);
  void collect_all();

  /// A job that runs; nothing is left in the journal.
  void make_running(unsigned line);

  /// `asker` waits for a job, by request `100 + line` of the same frontend.
  void watch(unsigned line, std::optional<std::chrono::milliseconds> patience = {}, std::optional<run_key> waiter = {});
  void watch_text(std::uint64_t request, std::string text, std::optional<std::chrono::milliseconds> patience = {},
                  std::optional<run_key> waiter = {});
  void unwatch(unsigned line);

  job_record on_disk(unsigned line) const;
  job_record read(const job_id& id) const;
  bool is_on_disk(unsigned line) const;
  void remove(unsigned line) const;
  /// Writes a record as another program would: over what is there.
  void overwrite(job_record record) const;
  /// Both stores stop, or go on and do what they were asked.
  void hold();
  void release();

  static job_id id_of(unsigned line);
  static std::shared_ptr<run_spec> spec(unsigned line);
  /// A job of another program: no mark of ours.
  static job_record foreign(unsigned line, job_status status);
  /// A record of ours as a supervisor has left it.
  static job_record left_behind(unsigned line, job_status status);

  temporary_directory directory;
  actor_world world;
  job_files files{directory.path(), desk_mark};
  store_script writer{world, "writer", directory.path()};
  store_script reader{world, "reader", directory.path()};
  std::shared_ptr<admission_script> admission = scripted_admission(world);
  requests_actor requests =
      scripted_requests(world, std::make_shared<const queue_position>(queue_position{2, "the shop is busy"}));
  std::shared_ptr<requester_script> asker = scripted_requester(world, "asker");
  jobs_actor jobs;
};

} // namespace agent_dispatch
