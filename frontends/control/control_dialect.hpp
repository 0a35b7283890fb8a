#pragma once

#include "frontends/session/dialect.hpp"

namespace agent_dispatch {

/// Our own JSON-RPC methods, for the command line. docs/protocol.md lists them.
class control_dialect final : public session_dialect {
public:
  void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) override;
  void notification(session_services& services, const jsonrpc::notification& message) override;
  std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const override;
  std::string status_line(const pending_call& call, const call_status& status, std::string_view text) const override;
  std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                         bool cancelled) const override;
};

} // namespace agent_dispatch
