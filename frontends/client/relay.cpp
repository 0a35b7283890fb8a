#include "frontends/client/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "frontends/jsonrpc/message.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 64u << 10;
/// One side is not read while this much waits to be written to the other.
constexpr std::size_t backlog_bytes = 8u << 20;
/// How long the supervisor has to say what is left to say when the client leaves.
constexpr std::chrono::seconds farewell{5};

/// The client's stdout as a pipe of our own: a non-blocking flag set on the one given would be seen by all who share
/// it.
unique_fd reopen_pipe(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode))
    return {};
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  return unique_fd{::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC)};
}

unique_fd block_signals() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGHUP);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  return unique_fd{::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
}

/// -1: an error that is not "later"; 0: nothing now.
ssize_t write_some(int fd, std::string_view bytes) {
  auto count = ::send(fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (count < 0 && errno == ENOTSOCK)
    count = ::write(fd, bytes.data(), bytes.size());
  if (count < 0 && (errno == EAGAIN || errno == EINTR))
    return 0;
  return count;
}

} // namespace

void outgoing::consume(std::size_t count) {
  start_ += count;
  if (start_ == buffer_.size() || (start_ > read_bytes && start_ > buffer_.size() / 2)) {
    buffer_.erase(0, start_);
    start_ = 0;
  }
}

void outgoing::clear() {
  buffer_.clear();
  start_ = 0;
}

relay::relay(link_request request, client_descriptors client)
    : request_{std::move(request)}, client_{client}, own_output_{reopen_pipe(client.output)}, signals_{block_signals()},
      from_client_{limits::frame_bytes} {
  if (own_output_)
    client_.output = own_output_.get();
}

int relay::run() {
  // Connected before the first line comes, so that a client which starts us ahead of time finds us ready.
  connect();
  while (!is_done())
    step();
  return 0;
}

bool relay::is_done() const {
  if (client_gone_)
    return true;
  return now_ == phase::leaving && ((!link_ && to_client_.empty()) || clock::now() >= leave_by_);
}

int relay::time_left() const {
  if (now_ != phase::leaving)
    return -1;
  return static_cast<int>(
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(leave_by_ - clock::now()).count()));
}

void relay::step() {
  const bool read_client_too = now_ == phase::serving && to_supervisor_.size() < backlog_bytes;
  const bool read_link_too = link_ && to_client_.size() < backlog_bytes;
  std::array<pollfd, 4> waiting{{
      {read_client_too ? client_.input : -1, POLLIN, 0},
      // Without anything to write, only the end of the client's reading side is of interest.
      {client_.output, static_cast<short>(to_client_.empty() ? 0 : POLLOUT), 0},
      {link_ ? link_->socket.get() : -1,
       static_cast<short>((read_link_too ? POLLIN : 0) | (to_supervisor_.empty() ? 0 : POLLOUT)), 0},
      {signals_.get(), POLLIN, 0},
  }};
  if (::poll(waiting.data(), waiting.size(), time_left()) < 0)
    return;
  if (waiting[3].revents != 0)
    read_signal();
  if ((waiting[1].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
    client_gone_ = true;
  else if ((waiting[1].revents & POLLOUT) != 0)
    write_client();
  if (link_ && (waiting[2].revents & POLLOUT) != 0)
    write_supervisor();
  if (link_ && (waiting[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0)
    read_supervisor();
  if ((waiting[0].revents & (POLLIN | POLLHUP | POLLERR | POLLNVAL)) != 0)
    read_client();
}

void relay::read_signal() {
  signalfd_siginfo info{};
  if (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info))
    leave();
}

void relay::read_client() {
  std::array<char, read_bytes> buffer{};
  const auto count = ::read(client_.input, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count <= 0) {
    leave();
    return;
  }
  from_client_.feed({buffer.data(), static_cast<std::size_t>(count)});
  while (const auto line = from_client_.next()) {
    if (*line)
      take_client_line(**line);
    else
      answer_with_error(nullptr, "the message is too long: " + line->error().message);
  }
}

void relay::take_client_line(std::string_view line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.empty())
    return;
  const auto envelope = jsonrpc::read_envelope(line);
  if (envelope.method == "initialize")
    initialize_ = line;
  if (!link_)
    connect();
  if (!link_) {
    if (!envelope.id.is_null() && !envelope.method.empty())
      answer_with_error(envelope.id, "no supervisor can be reached; to see why: agent-dispatch status");
    return;
  }
  const auto number = next_number_++;
  unanswered_.emplace(number, unanswered{envelope.method.empty() ? nlohmann::json{} : envelope.id});
  send_line(number, line);
}

void relay::send_line(std::uint64_t number, std::string_view line) {
  to_supervisor_.append(encode_frame("msg", number, line));
  write_supervisor();
}

void relay::connect() {
  auto link = connect_supervisor(request_);
  if (!link) {
    if (request_.warn)
      request_.warn(link.error().message);
    return;
  }
  link_ = std::move(*link);
  if (initialize_.empty() || next_number_ == 1)
    return;
  swallowed_ = next_number_++;
  send_line(swallowed_, initialize_);
}

void relay::read_supervisor() {
  std::array<char, read_bytes> buffer{};
  const auto count = ::recv(link_->socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count <= 0) {
    lose_supervisor("the supervisor ended before it could answer; try again");
    return;
  }
  link_->lines.feed({buffer.data(), static_cast<std::size_t>(count)});
  while (link_) {
    const auto line = link_->lines.next();
    if (!line)
      break;
    if (*line)
      take_supervisor_line(**line);
    else
      lose_supervisor("the supervisor sent more than a line can hold");
  }
}

void relay::take_supervisor_line(std::string_view line) {
  const auto frame = decode_frame(line);
  if (!frame)
    return;
  const bool is_for_client = frame->number != swallowed_ || swallowed_ == 0;
  if (frame->verb == "answer" || frame->verb == "note") {
    if (is_for_client) {
      to_client_.append(frame->payload);
      to_client_.append("\n");
      write_client();
    }
  }
  if (frame->verb == "answer" || frame->verb == "settled")
    unanswered_.erase(frame->number);
  if (frame->verb == "answer" && link_) {
    to_supervisor_.append(encode_frame("ack", frame->number, {}));
    write_supervisor();
  }
}

void relay::write_client() {
  while (!to_client_.empty()) {
    const auto count = write_some(client_.output, to_client_.bytes());
    if (count < 0) {
      client_gone_ = true;
      return;
    }
    if (count == 0)
      return;
    to_client_.consume(static_cast<std::size_t>(count));
  }
}

void relay::write_supervisor() {
  while (link_ && !to_supervisor_.empty()) {
    const auto count = write_some(link_->socket.get(), to_supervisor_.bytes());
    if (count < 0) {
      lose_supervisor("the supervisor ended before it could answer; try again");
      return;
    }
    if (count == 0)
      return;
    to_supervisor_.consume(static_cast<std::size_t>(count));
  }
}

void relay::lose_supervisor(std::string_view why) {
  link_.reset();
  to_supervisor_.clear();
  swallowed_ = 0;
  for (const auto& [number, request] : unanswered_)
    if (!request.id.is_null())
      answer_with_error(request.id, why);
  unanswered_.clear();
}

void relay::answer_with_error(const nlohmann::json& id, std::string_view sentence) {
  to_client_.append(jsonrpc::error_line(id, jsonrpc::code::internal_error, sentence));
  to_client_.append("\n");
  write_client();
}

void relay::leave() {
  if (now_ == phase::leaving)
    return;
  now_ = phase::leaving;
  leave_by_ = clock::now() + farewell;
  if (link_) {
    to_supervisor_.append(encode_frame("bye", 0, {}));
    write_supervisor();
  }
}

} // namespace agent_dispatch
