#pragma once

#include <map>
#include <optional>
#include <set>

#include "actors/logic/admission_policy.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Hands out seats and slots. The policy decides; this actor tells the agents.
struct admission_state {
  explicit admission_state(admission_actor::pointer own) : self{own}, policy{1} {}

  void admit(const admit_run& order);
  void readmit(const readmit_run& order);
  /// The ticket comes by way of the agent, so this may be here before it.
  void leave_parent(const run_key& run);
  void release(const run_key& run);
  bool withdraw(const run_key& run);
  /// Tells the agents of every run that may start now; while the API is overloaded, of one at a time.
  void hand_out();
  void hear_of_trouble(const api_trouble& what);
  void hear_of_success(overload_policy::clock::time_point begun);
  void tick(const admission_tick& tick);
  queue_position_ptr position(const get_queue_position& order);
  admission_figures figures();

  admission_actor::pointer self;
  admission_policy policy;
  std::map<run_key, agent_actor> waiting;
  std::set<run_key> left_early; ///< their tickets have not come yet
  overload_policy overload;
  std::chrono::milliseconds known_interval{0}; ///< between starts, as it was logged last
  std::uint64_t current_tick = 0;
  std::optional<overload_policy::clock::time_point> tick_due{}; ///< when the current tick comes, if one does

  static inline const char* name = "admission";

private:
  overload_policy::clock::time_point now() const { return self->clock().now(); }
  void log_interval();
  /// Hands out again then; once for each time.
  void wake_at(std::optional<overload_policy::clock::time_point> time);
  void hand_out(const std::vector<admission_grant>& grants);
};

admission_actor::behavior_type admission(admission_actor::stateful_pointer<admission_state> self, int max_concurrency);

} // namespace agent_dispatch
