#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/supervision.hpp"

namespace agent_dispatch {

/// A part of a request, which is to be done now.
struct due_part {
  std::string part; ///< of its key
  run_spec_ptr spec;
  bool is_shareable = false; ///< an earlier answer to the same question will do, or that of a run in flight
};

/// What a request that consists of others does next. It knows nothing but the plan and the answers: given the same ones
/// again, by the next supervisor, it comes to the same place.
class composite {
public:
  virtual ~composite() = default;

  /// What is due first.
  virtual std::vector<due_part> begin() = 0;
  /// A part that was due has its answer, the first time: what is due now.
  virtual std::vector<due_part> answered(std::string_view part, const dispatch_answer& answer) = 0;
  /// Absent while parts are due.
  virtual std::optional<dispatch_answer> result() const = 0;
  /// Nothing more becomes due. Parts that were keep owing their answers.
  virtual void cancel() = 0;
};

/// The keys of its parts derive from `key`.
std::unique_ptr<composite> make_composite(const request_key& key, composite_plan_ptr plan);

/// The answer to a parallel request all of whose parts are refused, the aggregator too.
dispatch_answer refused_parallel(const std::vector<planned_item>& items, const dispatch_result& aggregator);

/// The answer to a dialogue one side of which is refused: its turn has failed, and nothing was said before.
dispatch_answer refused_dialogue(dialogue_role role, const dispatch_result& refusal);

/// What ends a dialogue, wherever it stands in a message.
inline constexpr std::string_view resolved_marker = "[RESOLVED]";

} // namespace agent_dispatch
