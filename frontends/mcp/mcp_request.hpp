#pragma once

#include "frontends/mcp/era.hpp"
#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// One request of an MCP client, with the revision in which it is answered.
struct mcp_request {
  const era& spoken; ///< of static storage
  session_services& services;
  std::uint64_t line;
  const jsonrpc::request& message;
};

inline void reply(const mcp_request& request, const ordered_json& result) {
  request.services.reply(request.line, request.message.id, result);
}

inline void reject(const mcp_request& request, jsonrpc::code code, std::string_view why,
                   const ordered_json& data = nullptr) {
  request.services.reject(request.line, request.message.id, code, why, data);
}

/// A member of an object that is neither missing nor null; else null.
const nlohmann::json* member_of(const nlohmann::json& json, const char* name);
/// The same of `params._meta`.
const nlohmann::json* meta_member_of(const nlohmann::json& params, const char* name);
/// A text; absent when it is missing or no text.
std::optional<std::string> text_member_of(const nlohmann::json& json, const char* name);

/// What a sentence repeats of a request, and says more after it: its beginning, when it is long.
std::string repeated(std::string_view text);

} // namespace agent_dispatch
