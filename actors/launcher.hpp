#pragma once

#include <filesystem>

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
  void discard(const run_key& run);
  void move_to_trash(const std::filesystem::path& directory);
  /// Removes the lock file of one that is not.
  bool is_alive(const frontend_id& frontend) const;
  /// Notes what an earlier supervisor has left. Once, before the first launch.
  void find_left_over();
  void clear_left_over();
  caf::result<bool> finish();
  /// True when it is gone now; false when its keeper is still ending it.
  bool clear(const std::filesystem::path& directory);

  launcher_actor::pointer self;
  places where;
  std::string owner;
  std::shared_ptr<const keeper_program> keeper;
  std::vector<std::filesystem::path> left_over; ///< run directories that are not of this supervisor
  bool looked_for_left_over = false;
  int looks = 0;                                            ///< at what is left over
  std::vector<caf::typed_response_promise<bool>> finishing; ///< who waits until nothing is left over
  std::uint64_t trashed = 0;

  static inline const char* name = "launcher";
};

launcher_actor::behavior_type launcher(launcher_actor::stateful_pointer<launcher_state> self, places where,
                                       std::string owner, std::shared_ptr<const keeper_program> keeper);

} // namespace agent_dispatch
