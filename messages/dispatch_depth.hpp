#pragma once

#include <string_view>

namespace agent_dispatch {

/// How deep in nested dispatches a process is: a decimal number.
inline constexpr std::string_view depth_variable = "AGENT_DISPATCH_DEPTH";

/// The depth that a value of that variable says: 0 when it is anything but digits (blanks around them are allowed). A
/// number too big for an int is the biggest int.
int dispatch_depth(std::string_view value);

} // namespace agent_dispatch
