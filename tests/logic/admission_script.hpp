#pragma once

#include <string>
#include <vector>

#include "actors/logic/admission_policy.hpp"

/// Short words for tests of the admission policy.
namespace agent_dispatch::admission_script {

using keys = std::vector<std::string>;

/// A run's agent is the first letter of its name.
inline admission_ticket ticket(const std::string& run, const std::string& parent = "", int max_parallel = 1) {
  admission_ticket made{
      .run = {run}, .agent = {run.substr(0, 1)}, .max_parallel = max_parallel, .parent = {}, .waits = true};
  if (!parent.empty())
    made.parent = run_key{parent};
  return made;
}

inline admission_ticket job(const std::string& run, const std::string& parent, int max_parallel = 1) {
  auto made = ticket(run, parent, max_parallel);
  made.waits = false;
  return made;
}

/// What is granted now: "run", "run<slot" when it borrows, with a "!" when it is past max_parallel.
inline keys granted(admission_policy& policy) {
  keys result;
  for (const auto& grant : policy.grant())
    result.push_back(grant.run.value + (grant.borrowed_from ? "<" + grant.borrowed_from->value : "") +
                     (grant.past_max_parallel ? "!" : ""));
  return result;
}

inline keys after_enqueue(admission_policy& policy, const admission_ticket& added) {
  policy.enqueue(added);
  return granted(policy);
}

inline keys after_release(admission_policy& policy, const std::string& run) {
  policy.release({run});
  return granted(policy);
}

inline keys names(const std::vector<run_key>& runs) {
  keys result;
  for (const auto& run : runs)
    result.push_back(run.value);
  return result;
}

/// "position: reason", or "none" when the run is not queued.
inline std::string reason(const admission_policy& policy, const std::string& run) {
  auto place = policy.place({run});
  return place ? std::to_string(place->position) + ": " + place->reason : "none";
}

} // namespace agent_dispatch::admission_script
