#pragma once

#include <map>
#include <optional>
#include <string>

#include "frontends/client/supervisor_link.hpp"
#include "frontends/jsonrpc/envelope.hpp"

namespace agent_dispatch {

/// Bytes on their way out of the relay, written as far as the other side takes them.
class outgoing {
public:
  void append(std::string_view bytes) { buffer_.append(bytes); }
  bool empty() const noexcept { return start_ == buffer_.size(); }
  std::size_t size() const noexcept { return buffer_.size() - start_; }
  std::string_view bytes() const noexcept { return std::string_view{buffer_}.substr(start_); }
  void consume(std::size_t count);
  void clear();

private:
  std::string buffer_;
  std::size_t start_ = 0;
};

/// The MCP client's side of `serve`.
struct client_descriptors {
  int input = 0;
  int output = 1;
};

/// `agent-dispatch serve`: copies lines between an MCP client on stdio and its session in the supervisor, each with its
/// number. It knows framing and request ids, nothing else of MCP.
///
///     connected ──supervisor gone──▶ apart ──next line──▶ connected
///         └──EOF, SIGINT, SIGTERM──▶ leaving ──supervisor closes, 5 s──▶ ended
///
/// When the supervisor goes away, every request that it has not answered is answered with an error; the next line
/// connects again, starts a supervisor if need be, and tells it the client's `initialize` first. Both directions are
/// independent and never block; what waits to be written is bounded, by reading no more.
class relay {
public:
  relay(link_request request, client_descriptors client);

  /// Runs until the client is gone. Returns the exit code.
  int run();

private:
  struct unanswered {
    nlohmann::json id; ///< null: no answer is due
  };

  enum class phase { serving, leaving };

  void step();
  void read_client();
  void take_client_line(std::string_view line);
  void send_line(std::uint64_t number, std::string_view line);
  void read_supervisor();
  void take_supervisor_line(std::string_view line);
  void write_client();
  void write_supervisor();
  void connect();
  void lose_supervisor(std::string_view why);
  void answer_with_error(const nlohmann::json& id, std::string_view sentence);
  void leave();
  void read_signal();
  bool is_done() const;
  int time_left() const;

  link_request request_;
  client_descriptors client_;
  unique_fd own_output_; ///< the client's pipe, opened anew so that writing to it does not block
  unique_fd signals_;
  std::optional<supervisor_link> link_;
  line_splitter from_client_;
  outgoing to_client_;
  outgoing to_supervisor_;
  std::map<std::uint64_t, unanswered> unanswered_;
  std::uint64_t next_number_ = 1;
  std::string initialize_;      ///< the client's last `initialize`, for a supervisor that does not know it
  std::uint64_t swallowed_ = 0; ///< number of a replayed `initialize`, whose answer the client has had
  phase now_ = phase::serving;
  bool client_gone_ = false;
  std::chrono::steady_clock::time_point leave_by_;
};

} // namespace agent_dispatch
