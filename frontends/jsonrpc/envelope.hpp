#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace agent_dispatch::jsonrpc {

/// What a relay must know of a line.
struct envelope {
  nlohmann::json id;  ///< null: the line has none, or it cannot be read
  std::string method; ///< "" when there is none
};

/// Reads the top-level `id` and `method` of a line, and builds nothing of the rest: it may be large.
envelope read_envelope(std::string_view line);

/// The messages of a batch (`[…]`), each as it stands there; empty when the line is none. Looks at brackets and strings
/// alone: what is no JSON is found out by whoever reads the parts.
std::vector<std::string_view> batch_parts(std::string_view line);

} // namespace agent_dispatch::jsonrpc
