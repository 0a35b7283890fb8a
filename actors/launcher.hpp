#pragma once

#include <deque>
#include <filesystem>
#include <map>
#include <set>

#include "actors/run/launch.hpp"
#include "actors/storage/places.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Everything about runs that blocks on the file system. Spawn it detached.
struct launcher_state {
  explicit launcher_state(launcher_actor::pointer own) : self{own} {}

  std::filesystem::path directory_of(const run_key& run, attempt which) const;
  launch_result launch(const launch_run& order);
  exit_report read(const read_exit& order) const;
  /// Of a run whose keeper is still ending it.
  struct open_sweep {
    run_key run;
    caf::typed_response_promise<int> promise;
    int looks = 0;
  };

  void discard(const run_key& run);
  /// From where it is removed soon; what a dead supervisor has left there, at the next start.
  void move_to_trash(const std::filesystem::path& directory);
  std::optional<prepared_directory> take_spare();
  void prepare();
  /// False when there were none.
  bool give_up_reserves();
  void empty_next_grave();
  void empty_trash();
  /// Removes the lock file of one that is not.
  bool is_alive(const frontend_id& frontend) const;
  write_outcome record(const accepted_request& request);
  void discard_request(const agent_dispatch::discard_request& order);
  recovered_state_ptr recover();
  recovered_request recover(const accepted_request_ptr& request);
  recovered_request find(const run_spec_ptr& spec);
  /// The request of a job, one more supervisor having died with it. Of what somebody waits for, his frontend counts.
  accepted_request_ptr count_death(const accepted_request& request);
  void note_handover(const agent_dispatch::note_handover& order);
  /// Of what the supervisor before this one has handed over.
  std::map<frontend_id, caller_context_ptr> take_callers() const;
  /// What is left of a run that has no live keeper and was never started is removed, once no keeper can come late.
  expected<recovered_request> recover_run(const accepted_request_ptr& request, attempt which);
  caf::result<int> sweep(const run_key& run);
  /// False when it has no keeper; else that one is told to end it.
  bool is_being_ended(const run_key& run) const;
  void finish_sweeps();
  void look_later();
  /// Frontends that are gone leave their lock files, supervisors that were killed half-removed directories.
  void tidy();
  run_keys find_live(const std::vector<run_key>& runs) const;
  void clear_strays();
  caf::result<bool> finish();
  /// True when it is gone now; false when its keeper is still ending it.
  bool clear(const std::filesystem::path& directory);

  launcher_actor::pointer self;
  places where;
  std::string owner;
  std::shared_ptr<const keeper_program> keeper;
  std::vector<std::filesystem::path> strays; ///< run directories that belong to no request
  int looks = 0;                             ///< at the strays
  std::vector<open_sweep> sweeps;
  bool is_look_due = false;                                 ///< at strays and sweeps
  int tries = 0;                                            ///< to open again what could not be opened
  std::vector<caf::typed_response_promise<bool>> finishing; ///< who waits until no stray is left
  std::set<run_key> left_alone;                             ///< a newer program's requests wait for them
  std::uint64_t trashed = 0;
  std::uint64_t prepared = 0;
  std::vector<prepared_directory> spares;
  std::deque<std::filesystem::path> graves; ///< in the trash, not removed yet
  bool is_emptying = false;                 ///< a message says so

  static inline const char* name = "launcher";
};

launcher_actor::behavior_type launcher(launcher_actor::stateful_pointer<launcher_state> self, places where,
                                       std::string owner, std::shared_ptr<const keeper_program> keeper);

} // namespace agent_dispatch
