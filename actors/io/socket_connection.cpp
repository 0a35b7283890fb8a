#include "actors/io/socket_connection.hpp"

#include <asio/dispatch.hpp>
#include <asio/post.hpp>
#include <asio/write.hpp>

#include "actors/log.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t read_bytes = 64u << 10;
constexpr std::chrono::seconds hello_time{10};
constexpr std::chrono::seconds flush_time{2};
/// Room for verb and number beside a payload of the largest size.
constexpr std::size_t envelope_bytes = 64;

} // namespace

socket_connection::socket_connection(asio::local::stream_protocol::socket socket, welcome on_hello,
                                     std::shared_ptr<void> place)
    : place_{std::move(place)}, socket_{std::move(socket)}, deadline_{socket_.get_executor()},
      on_hello_{std::move(on_hello)}, lines_{limits::frame_bytes + envelope_bytes}, input_(read_bytes) {}

void socket_connection::turn_away(std::string_view sentence) {
  asio::post(socket_.get_executor(),
             [self = shared_from_this(), sentence = std::string{sentence}] { self->refuse(sentence); });
}

void socket_connection::begin() {
  expire_in(hello_time);
  read_more();
}

void socket_connection::start(const session_actor& session) {
  asio::post(socket_.get_executor(), [self = shared_from_this(), session] {
    self->session_ = session;
    if (self->closed_) {
      caf::anon_send(session, connection_closed{});
      self->session_ = nullptr;
      return;
    }
    self->dispatch_frames();
  });
}

void socket_connection::send(std::string_view verb, std::uint64_t number, std::string_view payload, importance rank) {
  asio::dispatch(
      socket_.get_executor(), [self = shared_from_this(), line = encode_frame(verb, number, payload), rank]() mutable {
        const bool too_slow = rank == importance::droppable && self->output_bytes_ > limits::slow_reader_bytes;
        if (self->closed_ || self->flushing_ || too_slow)
          return;
        self->output_bytes_ += line.size();
        self->output_.push_back(std::move(line));
        self->write_more();
      });
}

void socket_connection::consumed() {
  asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    self->unread_bytes_ -= self->unread_.front();
    self->unread_.pop_front();
    self->dispatch_frames();
  });
}

void socket_connection::close() {
  asio::dispatch(socket_.get_executor(), [self = shared_from_this()] {
    if (self->closed_ || self->flushing_)
      return;
    self->flushing_ = true;
    self->expire_in(flush_time);
    if (self->output_.empty())
      self->shut();
  });
}

bool socket_connection::takes_frames() const {
  return !closed_ && !flushing_ && unread_.size() < limits::unread_frames && unread_bytes_ < limits::unread_bytes &&
         output_bytes_ < limits::unwritten_bytes && (!greeted_ || session_);
}

void socket_connection::read_more() {
  if (reading_ || !takes_frames())
    return;
  reading_ = true;
  socket_.async_read_some(asio::buffer(input_),
                          [self = shared_from_this()](const asio::error_code& problem, std::size_t count) {
                            self->reading_ = false;
                            if (problem) {
                              self->shut();
                              return;
                            }
                            self->lines_.feed({self->input_.data(), count});
                            self->dispatch_frames();
                          });
}

void socket_connection::dispatch_frames() {
  while (takes_frames()) {
    const auto line = lines_.next();
    if (!line)
      break;
    if (!*line) {
      log::warn("a frontend sent too long a line");
      refuse(line->error().message);
      return;
    }
    take_frame(**line);
  }
  read_more();
}

void socket_connection::take_frame(std::string_view line) {
  const auto parsed = decode_frame(line);
  if (!parsed) {
    refuse(parsed.error().message);
  } else if (!greeted_) {
    greet(*parsed);
  } else {
    unread_.push_back(line.size());
    unread_bytes_ += line.size();
    caf::anon_send(session_, frame_received{std::string{parsed->verb}, parsed->number, std::string{parsed->payload}});
  }
}

void socket_connection::greet(const frame& first) {
  if (first.verb != "hello") {
    refuse("the first line on this socket must be a hello");
    return;
  }
  auto hello = decode_hello(first.payload);
  if (!hello) {
    refuse(hello.error().message);
    return;
  }
  greeted_ = true;
  deadline_.cancel();
  on_hello_(shared_from_this(), std::make_shared<const frontend_hello>(std::move(*hello)));
}

void socket_connection::refuse(std::string_view sentence) {
  ordered_json reason;
  reason["error"] = sentence;
  send("refused", 0, dump(reason), importance::must_arrive);
  close();
}

void socket_connection::write_more() {
  if (writing_ || output_.empty() || closed_)
    return;
  writing_ = true;
  asio::async_write(socket_, asio::buffer(output_.front()),
                    [self = shared_from_this()](const asio::error_code& problem, std::size_t) {
                      self->writing_ = false;
                      self->output_bytes_ -= self->output_.front().size();
                      self->output_.pop_front();
                      if (problem || (self->flushing_ && self->output_.empty())) {
                        self->shut();
                        return;
                      }
                      self->write_more();
                      self->dispatch_frames();
                    });
}

void socket_connection::shut() {
  if (closed_)
    return;
  closed_ = true;
  deadline_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
  if (session_)
    caf::anon_send(session_, connection_closed{});
  session_ = nullptr;
}

void socket_connection::expire_in(std::chrono::steady_clock::duration time) {
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this()](const asio::error_code& problem) {
    if (!problem)
      self->shut();
  });
}

} // namespace agent_dispatch
