#pragma once

#include <string>
#include <string_view>

#include "actors/logic/output_event.hpp"

namespace agent_dispatch {

/// Nothing but white space.
bool is_blank(std::string_view text);

/// What a result that is an error says: its text, else its errors joined by "; ", else its subtype. Never empty, and
/// never longer than `limits::partial_text_bytes`.
std::string error_text(const result_event& result);

/// Trimmed, valid UTF-8, at most `limits::stderr_bytes`.
std::string bounded_error(std::string_view bytes);

/// Whether an error is about a lack of permission, going by the phrases of the interface, in any case.
bool speaks_of_permissions(std::string_view error);

} // namespace agent_dispatch
