#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "messages/fault.hpp"
#include "messages/ids.hpp"
#include "messages/run.hpp"

namespace agent_dispatch {

/// What a frontend wants of its connection.
enum class frontend_role {
  mcp, ///< lines are MCP's JSON-RPC
  cli, ///< lines are our own JSON-RPC methods
};

/// What a frontend says first.
struct frontend_hello {
  int protocol = 0;
  std::string version;
  frontend_role role = frontend_role::cli;
  frontend_id frontend;
  caller_context_ptr caller;
};

/// The payload of a `hello` frame: JSON. Environment and directory are bytes, which JSON cannot hold; each byte is
/// written as the code point of its number.
std::string encode_hello(const frontend_hello& hello);

/// Fault `protocol`: not a hello, and why.
expected<frontend_hello> decode_hello(std::string_view payload);

} // namespace agent_dispatch
