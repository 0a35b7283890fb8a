#pragma once

#include <map>
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
  /// Tells the agents of every run that may start now.
  void hand_out();
  admission_figures figures() const;

  admission_actor::pointer self;
  admission_policy policy;
  std::map<run_key, agent_actor> waiting;
  std::set<run_key> left_early; ///< their tickets have not come yet

  static inline const char* name = "admission";
};

admission_actor::behavior_type admission(admission_actor::stateful_pointer<admission_state> self, int max_concurrency);

} // namespace agent_dispatch
