#pragma once

#include "frontends/mcp/era.hpp"
#include "frontends/mcp/log_level.hpp"
#include "frontends/mcp/mcp_request.hpp"

namespace agent_dispatch {

/// MCP in all revisions that `eras` has, on one connection and in whichever order a client tries them. A request that
/// says its revision in `_meta` is answered in that one; all others belong to the handshake, whose revision
/// `initialize` settles. Nothing is refused for want of a handshake.
class mcp_dialect final : public session_dialect {
public:
  void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) override;
  void notification(session_services& services, const jsonrpc::notification& message) override;
  nlohmann::json unknown_id() const override;
  std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const override;
  std::optional<std::string> log_line(const pending_call& call, std::string_view text) const override;
  std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                         bool cancelled) const override;
  std::string subscribed_line(const job_subscription& what) const override;
  std::string changed_line(const job_subscription& what, const job_id& id) const override;
  std::string task_line(const job_subscription& what, const job_record& record) const override;
  std::string unsubscribed_line(const job_subscription& what) const override;

private:
  void initialize(const mcp_request& request);
  void set_log_level(const mcp_request& request);
  void answer_stateless(session_services& services, std::uint64_t line, const jsonrpc::request& message,
                        const nlohmann::json& revision);
  void answer_handshake(const mcp_request& request);

  const era* handshake_ = &newest_handshake();
  bool may_ask_ = false;              ///< of the handshake
  std::optional<log_level> log_from_; ///< of the handshake; absent: nothing is logged
};

} // namespace agent_dispatch
