#pragma once

#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// MCP, handshake revisions 2024-11-05, 2025-03-26, 2025-06-18 and 2025-11-25. `server/discover`, with which clients of
/// the stateless revision begin, is answered at once with an error, so that they go on to `initialize`.
class mcp_dialect final : public session_dialect {
public:
  void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) override;
  void notification(session_services& services, const jsonrpc::notification& message) override;
  std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const override;
  std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                         bool cancelled) const override;

private:
  void call_tool(session_services& services, std::uint64_t line, const jsonrpc::request& message);
};

} // namespace agent_dispatch
