#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "messages/json.hpp"

/// What a message looks like in each revision of MCP: everything that differs between them is here.
namespace agent_dispatch {

/// One revision. The earlier ones begin with a handshake (`initialize`) that holds for the connection; from 2026-07-28
/// on each request says in its `_meta` which revision it speaks, and nothing holds from one to the next. A connection
/// may mix them.
struct era {
  std::string_view revision;
  bool is_stateless;          ///< results say what they are and who gives them, lists how long they hold
  bool has_annotations;       ///< of tools
  bool has_progress_text;     ///< a message in progress notifications
  bool has_completions;       ///< as a capability of its own
  bool has_titles;            ///< of tools and resources; `_meta` of theirs
  bool has_structured_object; ///< structuredContent and outputSchema, objects alone
  bool has_structured_value;  ///< the same, any JSON value
  bool has_elicitation;       ///< a client may be able to ask its user something
  bool may_lack_id;           ///< errors about what could not be read have no id; earlier ones have no valid form
};

/// All that are spoken, newest first.
std::span<const era> eras();

/// Null when it is not spoken.
const era* find_era(std::string_view revision);

/// The one that is offered to a client which asks for one we do not speak.
const era& newest_handshake();

/// Their names, newest first.
ordered_json revision_names();

/// `resultType`, and who gives it.
ordered_json finished(const era& spoken, ordered_json result);

/// Whose eyes a result that is kept by a client may come to.
enum class cache_scope { everybody, this_user };

/// The same of a list or a resource, with how long it holds (milliseconds).
ordered_json finished_for(const era& spoken, ordered_json result, std::int64_t ttl_ms, cache_scope scope);

/// `serverInfo`.
ordered_json server_info();

/// The keys of `_meta` that the stateless revisions reserve.
namespace meta_key {
inline constexpr const char* revision = "io.modelcontextprotocol/protocolVersion";
inline constexpr const char* capabilities = "io.modelcontextprotocol/clientCapabilities";
inline constexpr const char* log_level = "io.modelcontextprotocol/logLevel";
inline constexpr const char* server = "io.modelcontextprotocol/serverInfo";
} // namespace meta_key

} // namespace agent_dispatch
