#pragma once

#include <map>

#include "actors/logic/composite.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

/// Drives one request that consists of others: asks for its parts as `composite` says, each as a request of its own,
/// and tells `composite_done` once. A part that an earlier supervisor has accepted is found by its key, so that nothing
/// is done twice.
struct composite_state {
  explicit composite_state(composite_actor::pointer own) : self{own} {}

  void ask(const std::vector<due_part>& parts);
  void answered(const request_answered& event);
  void progress(const request_progress& event);
  void count_cost(const dispatch_answer& answer);
  void finish_if_done();

  composite_actor::pointer self;
  request_key key;
  caller_context_ptr caller;
  requests_actor requests;
  std::unique_ptr<composite> parts;
  std::map<std::string, agent_name> asked; ///< parts that owe their answers
  bool is_started = false;                 ///< one of them
  bool is_done = false;
  double spent = 0; ///< US dollars, by the parts that have ended and said what they cost

  static inline const char* name = "composite";
};

composite_actor::behavior_type composite_driver(composite_actor::stateful_pointer<composite_state> self,
                                                const request_key& key, composite_plan_ptr plan,
                                                caller_context_ptr caller, const requests_actor& requests);

} // namespace agent_dispatch
