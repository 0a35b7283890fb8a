#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/ids.hpp"

namespace agent_dispatch {

/// The value of a variable in a list of "NAME=value"; the first when there are several, as getenv has it. The view
/// lives as long as the list.
std::optional<std::string_view> find_variable(const std::vector<std::string>& environment, std::string_view name);

/// True when a caller at this depth may dispatch no further.
bool is_too_deep(int depth, int max_dispatch_depth);

/// The caller's variables, byte for byte and in their order, with AGENT_DISPATCH_DEPTH one more than `depth` and
/// AGENT_DISPATCH_RUN set to `run`, each exactly once.
std::vector<std::string> build_child_environment(const std::vector<std::string>& caller, int depth, const run_key& run);

} // namespace agent_dispatch
