#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "messages/json.hpp"

namespace agent_dispatch::jsonrpc {

/// Codes of JSON-RPC 2.0, section 5.1, and others that a protocol on top of it adds.
enum class code {
  parse_error = -32700,
  invalid_request = -32600,
  method_not_found = -32601,
  invalid_params = -32602,
  internal_error = -32603,
  // Of MCP: up to revision 2025-11-25, and from 2026-07-28 on.
  resource_not_found = -32002,
  missing_capability = -32021,
  unsupported_revision = -32022,
};

/// `id`: a string or a number; MCP allows no null.
struct request {
  nlohmann::json id;
  std::string method;
  nlohmann::json params; ///< an object, or null when absent
};

struct notification {
  std::string method;
  nlohmann::json params; ///< an object, or null when absent
};

/// An answer to a request of ours.
struct response {
  nlohmann::json id;
  nlohmann::json result;      ///< null when there is an error
  std::optional<int> error{}; ///< its code; 0 when it has none
};

/// A line that is none of these: the answer it deserves. `id` is null where it could not be read.
struct problem {
  code number;
  std::string message;
  nlohmann::json id;
};

using message = std::variant<request, notification, response, problem>;

/// Reads one line. Never throws, whatever the bytes.
message parse(std::string_view line);

/// Lines without LF. Text that is not UTF-8 is repaired.
std::string result_line(const nlohmann::json& id, const ordered_json& result);
/// `id`: left out when it is `discarded`. `data`: null for none.
std::string error_line(const nlohmann::json& id, code number, std::string_view sentence,
                       const ordered_json& data = nullptr);
std::string notification_line(std::string_view method, const ordered_json& params);
std::string request_line(const nlohmann::json& id, std::string_view method, const ordered_json& params);

} // namespace agent_dispatch::jsonrpc
