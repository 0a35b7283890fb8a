#pragma once

#include <optional>
#include <string_view>

#include <nlohmann/json.hpp>

namespace agent_dispatch {

/// The JSON value that a reply consists of, bare or in a code fence, blanks around it aside. Nothing when it is none,
/// when it is `null`, or when it nests deeper than 256: such a value is a danger to whoever copies or prints it.
std::optional<nlohmann::json> parse_reply(std::string_view reply);

} // namespace agent_dispatch
