#pragma once

#include <set>

#include "actors/storage/job_files.hpp"
#include "actors/storage/job_index.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// The job records, for actors. Spawn it detached.
struct job_store_state {
  explicit job_store_state(job_store_actor::pointer own) : self{own} {}

  /// Before anything else. `owner`: our mark.
  void open(std::filesystem::path jobs, std::string owner);
  job_change_reply change(const change_job& order) const;
  job_cancelled cancel(const job_id& id) const;
  job_found find(const std::string& text) const;
  jobs_found list(const list_stored_jobs& order);
  jobs_collected collect(const collect_stored_jobs& order);
  jobs_found unfinished();
  void maintain(const maintain_jobs& order);
  /// Of other programs.
  void recover_stale();
  /// Each file is complained of once.
  void warn_of(const std::vector<skipped_file>& skipped);

  job_store_actor::pointer self;
  std::unique_ptr<job_files> files;
  std::unique_ptr<job_index> index; ///< of the one who reads; knows nothing until it is asked
  std::set<std::string> complained_of;

  static inline const char* name = "job_store";
};

job_store_actor::behavior_type job_store(job_store_actor::stateful_pointer<job_store_state> self,
                                         std::filesystem::path jobs, std::string owner);

/// Unix time in seconds.
double unix_now();

} // namespace agent_dispatch
