#pragma once

#include <functional>

#include "frontends/jsonrpc/message.hpp"
#include "messages/actors.hpp"

namespace agent_dispatch {

class session_services;

/// A dispatch that a frontend waits for.
struct pending_call {
  nlohmann::json id;             ///< of the JSON-RPC request
  nlohmann::json progress_token; ///< null: nobody wants progress
};

/// The language of one kind of frontend: what its JSON-RPC methods mean and what the answers look like. Stateless
/// between messages but for what its protocol negotiates.
class session_dialect {
public:
  virtual ~session_dialect() = default;

  /// Answers through `services`, exactly once for each request: `reply`, `reject` or `dispatch`.
  virtual void request(session_services& services, std::uint64_t line, const jsonrpc::request& message) = 0;
  virtual void notification(session_services& services, const jsonrpc::notification& message) = 0;

  /// The line for a progress event; `count` grows with each of a call.
  virtual std::string progress_line(const pending_call& call, std::uint64_t count, std::string_view text) const = 0;
  /// The line for an answer. Absent: the protocol forbids one (a cancelled MCP request).
  virtual std::optional<std::string> answer_line(const pending_call& call, const dispatch_answer& answer,
                                                 bool cancelled) const = 0;
};

/// What a session does for its dialect.
class session_services {
public:
  virtual ~session_services() = default;

  virtual void reply(std::uint64_t line, const nlohmann::json& id, const ordered_json& result) = 0;
  virtual void reject(std::uint64_t line, const nlohmann::json& id, jsonrpc::code code, std::string_view message) = 0;
  /// Starts a dispatch for the request on this line.
  virtual void dispatch(std::uint64_t line, pending_call call, run_request run) = 0;
  /// Cancels the dispatch with this JSON-RPC id, if it is still in flight.
  virtual void cancel(const nlohmann::json& id) = 0;
  /// Asks for the configuration; `then` gets it and replies.
  virtual void with_config(std::uint64_t line, const nlohmann::json& id,
                           std::function<void(const config_snapshot&)> then) = 0;
  virtual void with_status(std::uint64_t line, const nlohmann::json& id,
                           std::function<void(const supervisor_status&)> then) = 0;
  virtual void with_stop(std::uint64_t line, const nlohmann::json& id, stop_mode mode,
                         std::function<void(const stop_report&)> then) = 0;
  virtual const frontend_hello& hello() const = 0;
};

} // namespace agent_dispatch
