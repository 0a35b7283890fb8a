#pragma once

#include <cstddef>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/logic/admission_policy.hpp"

namespace agent_dispatch {

/// Part of `admission_policy`, for its own use: the least set of live runs and lanes that end eventually, as that
/// header defines it. Refers into the policy, so it is made anew after every change. Costs a look at each live run and
/// lane, and another at the lanes for each link in the longest chain of lanes that wait for each other.
class admission_policy::outlook {
public:
  /// `slots`: how many there are for this question.
  outlook(const admission_policy& policy, int slots);

  /// Counts a lane as ending, with all that follows from it.
  void assume_ends(const agent_name& agent, const lane_key& lane);

  bool ends(const run_key& live) const;
  bool ends(const agent_name& agent, const lane_key& lane) const;
  /// Runs that end leave a seat for this lane.
  bool seat_comes(const agent_map::value_type& agent, const lane_key& lane) const;
  /// All runs above this one in its stack end.
  bool becomes_top(const run_key& live) const;
  /// A run let in past its agent's limit is live and ends.
  bool guest_leaves(const agent_name& agent) const;
  /// What blocks this lane waits, at some remove, for this lane.
  bool on_cycle(const agent_name& agent, const lane_key& lane) const;

private:
  struct graph_node {
    const live_map::value_type* run = nullptr; ///< null: a lane
    const agent_map::value_type* agent = nullptr;
    const lane_key* lane = nullptr;
    std::vector<std::size_t> targets; ///< of a run: what it waits for
    std::vector<std::size_t> waiters; ///< the reverse
    std::size_t missing = 0;          ///< targets that do not end, as far as is known
    bool ends = false;
  };

  void add_nodes();
  void add_waits();
  void add_wait(const run_key& waiter, std::size_t target);
  void settle();
  void mark(std::vector<std::size_t> open);
  void count_out(const live_run& run);
  bool slot_comes(const lane_key& lane) const;
  std::vector<std::size_t> blockers(std::size_t at) const;

  const admission_policy& policy_;
  int slots_;
  std::vector<graph_node> nodes_;
  std::unordered_map<run_key, std::size_t> runs_;
  std::map<std::pair<agent_name, lane_key>, std::size_t> lanes_;
  std::unordered_map<agent_name, int> stuck_in_agent_; ///< live runs that do not end
  std::unordered_map<run_key, int> stuck_in_slot_;     ///< the same by slot; slots without one are left out
  std::unordered_map<run_key, int> stuck_inside_;      ///< the same by the ancestor that lends its seat
};

} // namespace agent_dispatch
