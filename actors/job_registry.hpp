#pragma once

#include <map>
#include <optional>

#include "actors/logic/job_rules.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Where the registry's records are.
struct job_stores {
  job_store_actor writer; ///< everything that changes a record, in order
  job_store_actor reader; ///< everything that walks over many
};

/// The jobs that are not terminal, and those who wait for them. What decides about a job is its record on disk, changed
/// under the directory's lock: of two events that cross, the one that reaches the store first counts, and the other
/// finds a terminal record. Nobody hears that a job has ended before its record says so.
///
/// A job stays here until its run has ended, also when it was cancelled before; a cancel marks the record first and
/// ends the run after, also when the record cannot be marked.
struct job_registry_state {
  explicit job_registry_state(jobs_actor::pointer own) : self{own} {}

  struct live_job {
    request_key request;
    run_key run;
    job_record record;                        ///< as it was written last, with later progress
    bool is_progress_new = false;             ///< not written yet
    std::optional<double> progress_written{}; ///< when it last was, by `seconds`
    std::optional<fault> unsaved;             ///< the record is final, and could not be written
    bool is_cancelled = false;                ///< is being ended, although that could not be written
  };

  struct watch {
    job_id job;
    requester asker;
    std::optional<run_key> waiter;
    std::uint64_t number = 0;
    bool is_live = false;    ///< the job is one of ours; else its file is looked at again and again
    bool is_looking = false; ///< such a look is under way
    bool is_late = false;    ///< its time was over before its job was found
  };

  caf::result<write_outcome> create(const create_job& order);
  /// It was not created after all: who has found it gets the fault.
  void drop(const job_id& id, const fault& why);
  caf::result<bool> start(const job_id& id);
  void progress(const job_progressed& event);
  void replayed(const job_replayed& event);
  void write_progress(const job_id& id, live_job& job);
  void write_progress_if_due(const job_id& id, live_job& job);
  caf::result<write_outcome> finish(const finish_job& order);
  void finished(const job_id& id, const dispatch_answer& answer, const job_change_reply& reply,
                caf::typed_response_promise<write_outcome> done);
  /// The end is said although the disk does not say so, with why.
  void tell_unwritten(live_job& job, expected<job_record> end, const fault& why);
  /// The job is kept until its end is written, unless its record was removed.
  write_outcome outcome_of_unwritten(const job_id& id, const fault& why);
  void settle(const job_id& id, const job_record& record, const dispatch_result& result,
              caf::typed_response_promise<write_outcome> done);
  caf::result<job_found> adopt(const adopt_job& order);
  void all_adopted(const jobs_adopted& order);
  void give_up_strays();
  caf::result<write_outcome> fail(const fail_job& order);
  void fail(const fail_job& order, const std::function<void(const write_outcome&)>& then);
  write_outcome failed(const fail_job& order, const job_change_reply& reply);
  caf::result<write_outcome> keep(const keep_result& order);
  caf::result<job_found> find(const find_job_record& order);
  caf::result<job_explained> explain(const explain_job& order);
  void explain(const job_found& found, const request_key& request, caf::typed_response_promise<job_explained> promise);
  caf::result<job_cancelled> cancel(const cancel_job& order);
  void cancel_now(const job_id& id, caf::typed_response_promise<job_cancelled> done);
  /// What runs may be what takes the room: it is ended all the same, and its record says so when it can be written.
  job_cancelled cancel_unwritten(live_job& job, fault why);
  void begin_watch(const watch_job& order);
  void give_up_watch(const request_key& request);
  void drop_watches(const caf::actor_addr& asker);
  caf::result<job_standing_ptr> standing(const request_key& request);
  void attach(const request_key& request, const job_found& found);
  void look_at_others();
  void end_watch(const request_key& request, dispatch_answer answer);
  /// It is over, and its asker has not been told.
  watch take_watch(std::map<request_key, watch>::iterator place);
  /// Null when it is over, or another one has come for the same request.
  watch* find_watch(const request_key& request, std::uint64_t number);
  void time_out(const watch_timeout& event);
  std::vector<request_key> waiting_for(const job_id& id) const;
  /// The record is terminal, on disk, or why it is not.
  void tell_end(const job_record& record, const std::optional<fault>& unsaved = std::nullopt);
  void tick();
  void keep_ticking();
  live_job* find_live(const job_id& id);
  /// Seconds on the clock of the actors.
  double seconds() const;

  jobs_actor::pointer self;
  job_stores stores;
  admission_actor admission;
  requests_actor requests;
  std::string owner;
  std::map<job_id, live_job> jobs;
  std::map<request_key, watch> watches;
  std::uint64_t watch_count = 0;
  moment touched{}; ///< when the live jobs last were
  bool ticking = false;

  static inline const char* name = "job_registry";
};

jobs_actor::behavior_type job_registry(jobs_actor::stateful_pointer<job_registry_state> self, job_stores stores,
                                       const admission_actor& admission, std::string owner);

} // namespace agent_dispatch
