#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include <asio/local/stream_protocol.hpp>
#include <asio/steady_timer.hpp>

#include "messages/actors.hpp"
#include "messages/frame.hpp"

namespace agent_dispatch {

/// A frontend on the socket. The public functions may be called from any thread; all else runs on the I/O thread.
///
///     fresh ──hello──▶ greeted ──start──▶ open ──close──▶ flushing ──▶ closed
///       └──anything else, 10 s──────────────────────────────────────────▲
///
/// Reading stops while the session has not consumed what it has (`limits::unread_frames`, `unread_bytes`), so that a
/// flood stays in the socket; and while the frontend does not read what it is sent (`limits::unwritten_bytes`), so that
/// it cannot ask for more.
class socket_connection final : public connection, public std::enable_shared_from_this<socket_connection> {
public:
  using welcome = std::function<void(connection_ptr, std::shared_ptr<const frontend_hello>)>;

  /// `place` is kept as long as the connection is there.
  socket_connection(asio::local::stream_protocol::socket socket, welcome on_hello, std::shared_ptr<void> place = {});

  /// Waits for the hello.
  void begin();

  /// Instead of `begin`: says why, and closes.
  void turn_away(std::string_view sentence);

  void start(const session_actor& session) override;
  void send(std::string_view verb, std::uint64_t number, std::string_view payload, importance rank) override;
  void consumed() override;
  void close() override;

private:
  bool takes_frames() const;
  void read_more();
  void dispatch_frames();
  void take_frame(std::string_view line);
  void greet(const frame& hello);
  void refuse(std::string_view sentence);
  void write_more();
  void shut();
  void expire_in(std::chrono::steady_clock::duration time);

  std::shared_ptr<void> place_;
  asio::local::stream_protocol::socket socket_;
  asio::steady_timer deadline_;
  welcome on_hello_;
  session_actor session_; ///< null until start
  line_splitter lines_;
  std::vector<char> input_;
  std::deque<std::string> output_;
  std::size_t output_bytes_ = 0;
  std::deque<std::size_t> unread_; ///< sizes of the frames that the session has not consumed
  std::size_t unread_bytes_ = 0;
  bool greeted_ = false;
  bool reading_ = false;
  bool writing_ = false;
  bool flushing_ = false;
  bool closed_ = false;
};

} // namespace agent_dispatch
