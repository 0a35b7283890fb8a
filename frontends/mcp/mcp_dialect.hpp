#pragma once

#include "frontends/mcp/era.hpp"
#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// MCP in all revisions that `eras` has, on one connection and in whichever order a client tries them. A request that
/// says its revision in `_meta` is answered in that one; all others belong to the handshake, whose revision `initialize`
/// settles. Nothing is refused for want of a handshake.
class mcp_dialect final : public session_dialect {
public:
  void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) override;
  void notification(session_services& services, const jsonrpc::notification& message) override;
  std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const override;
  std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                         bool cancelled) const override;

private:
  void initialize(session_services& services, std::uint64_t line, const jsonrpc::request& message);
  void answer_stateless(session_services& services, std::uint64_t line, const jsonrpc::request& message,
                        const nlohmann::json& revision);
  void answer_in(const era& spoken, session_services& services, std::uint64_t line, const jsonrpc::request& message);

  const era* handshake_ = &newest_handshake();
};

} // namespace agent_dispatch
