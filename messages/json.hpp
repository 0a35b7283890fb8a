#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "messages/fault.hpp"
#include "messages/job.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// JSON that keeps the order in which members were added, so that answers read as the interface lists them.
using ordered_json = nlohmann::ordered_json;

/// Members in the interface's order; absent ones are left out. Text is repaired to valid UTF-8 when it is written out
/// (see `dump`), not here.
ordered_json to_json(const dispatch_result& result);
ordered_json to_json(const job_record& record);
ordered_json to_json(const job_request& request);

/// Fault `protocol` names the member that has the wrong type. Missing members keep their defaults.
expected<dispatch_result> dispatch_result_from(const nlohmann::json& json);

/// A record as `to_json` or the Python program has written it. Fault `protocol` names the member that is missing (id,
/// agent, task, status and created_at must be there) or has a value that does not belong there. A member of null is an
/// absent one. Members of no meaning here are kept in `unknown`.
expected<job_record> job_record_from(const nlohmann::json& json);

/// On one line, not ASCII-escaped; invalid UTF-8 becomes U+FFFD. Never throws.
std::string dump(const ordered_json& json);
std::string dump(const nlohmann::json& json);

/// The same over several lines, indented by two.
std::string dump_pretty(const ordered_json& json);

/// UTF-8 with every invalid sequence replaced by U+FFFD (one per maximal subpart, as Unicode recommends).
std::string to_valid_utf8(std::string_view bytes);

/// At most `count` code points of valid UTF-8, from the front.
std::string_view first_characters(std::string_view text, std::size_t count);

/// The same by bytes: as many whole code points as fit.
std::string_view first_bytes(std::string_view text, std::size_t count);

/// Number of code points of valid UTF-8.
std::size_t count_characters(std::string_view text);

} // namespace agent_dispatch
