#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "messages/ids.hpp"
#include "messages/supervision.hpp"

/// run.json: what a later supervisor must know of a run. Never the environment.
namespace agent_dispatch {

/// JSON on one line, with a newline. `borrowed_from`: the run whose slot this one has; absent: its own.
std::string encode_run_record(const run_spec& spec, std::string_view owner,
                              const std::optional<run_key>& borrowed_from);

/// What is read again; all else is in the request's file.
struct run_record {
  std::optional<agent_name> agent; ///< absent: it does not say
  std::optional<run_key> slot_of;  ///< absent: a slot of its own, or it does not say

  bool operator==(const run_record&) const = default;
};

/// Of any text, of this format or a newer one. One that cannot be read says nothing.
run_record decode_run_record(std::string_view text);

} // namespace agent_dispatch
