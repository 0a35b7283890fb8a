#pragma once

#include <deque>
#include <optional>
#include <string>

#include "frontends/client/connector.hpp"
#include "frontends/client/kept_requests.hpp"
#include "frontends/client/redial_policy.hpp"
#include "frontends/jsonrpc/envelope.hpp"

namespace agent_dispatch {

/// Bytes on their way out of the relay, written as far as the other side takes them.
class outgoing {
public:
  void append(std::string_view bytes);
  bool empty() const noexcept { return start_ == buffer_.size(); }
  std::size_t size() const noexcept { return buffer_.size() - start_; }
  std::string_view bytes() const noexcept { return std::string_view{buffer_}.substr(start_); }
  void consume(std::size_t count);
  void clear();
  /// Bytes ever appended, and of these the ones consumed.
  std::uint64_t appended() const noexcept { return appended_; }
  std::uint64_t consumed() const noexcept { return appended_ - size(); }

private:
  std::string buffer_;
  std::size_t start_ = 0;
  std::uint64_t appended_ = 0;
};

/// The MCP client's side of `serve`.
struct client_descriptors {
  int input = 0;
  int output = 1;
};

/// `agent-dispatch serve`: copies lines between an MCP client on stdio and its session in the supervisor, each with its
/// number. It knows framing, request ids, cancels and progress numbers, nothing else of MCP.
///
///                ┌──────────supervisor gone──────────┐
///                ▼                                   │
///     apart ──attempt due──▶ connecting ──welcome──▶ connected
///       ▲                        └──cannot be had: what is kept is answered with an error──▶ apart
///       └──EOF, SIGINT, SIGTERM, in any state──▶ leaving ──supervisor closes, 5 s──▶ ended
///
/// Every line is kept until the supervisor has answered it. When a supervisor goes away, the relay connects to the next
/// one by itself and sends again what is kept, under the old numbers: what had been started is found again, not started
/// again. `kept_requests` says what is sent, `redial_policy` when.
///
/// Both directions are independent and never block, and connecting has a thread of its own. What is retained is
/// bounded: what waits for the client by reading no more from the supervisor, what is kept by refusing further
/// requests, since a client that is not read cannot cancel.
class relay {
public:
  relay(link_request request, client_descriptors client);

  /// Runs until the client is gone. Returns the exit code.
  int run();

private:
  enum class phase { serving, leaving };
  enum class farewell_reason { end_of_input, signal };

  void step();
  void read_client();
  void take_client_lines();
  void take_client_line(std::string_view line);
  void take_client_message(std::string_view line);
  void take_cancel(std::string_view line);
  void read_supervisor();
  void take_supervisor_line(std::string_view line);
  void take_answer(const frame& answer);
  void send_client_line(std::string_view line);
  void write_client();
  void fill_supervisor();
  void write_supervisor();
  void begin_due_attempt();
  void end_attempt();
  void lose_supervisor();
  void answer_with_error(const nlohmann::json& id, std::string_view sentence);
  void leave(farewell_reason why);
  void read_signal();
  bool may_read_client() const;
  bool is_done() const;
  int time_left() const;

  client_descriptors client_;
  std::function<void(std::string_view)> warn_;
  unique_fd own_output_; ///< the client's pipe, opened anew so that writing to it does not block
  unique_fd signals_;
  connector connector_;
  redial_policy policy_{redial_policy::clock::now()};
  kept_requests kept_;
  std::optional<supervisor_link> link_;
  supervisor_end end_ = supervisor_end::died; ///< how the present connection will have ended
  bool is_handed_over_ = false;               ///< and another supervisor takes over what it has
  bool is_deaf_ = false;                      ///< nothing can be written to it; what it has said is still read
  bool said_bye_ = false;
  line_splitter from_client_;
  outgoing to_client_;
  outgoing to_supervisor_;
  std::deque<std::pair<std::uint64_t, std::uint64_t>> answers_; ///< where in to_client_ each ends, and its number
  phase now_ = phase::serving;
  bool unsent_first_ = false; ///< leaving, but the connection under way is waited for
  bool client_gone_ = false;
  std::chrono::steady_clock::time_point leave_by_;
};

} // namespace agent_dispatch
