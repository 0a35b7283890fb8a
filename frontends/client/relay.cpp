#include "frontends/client/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "frontends/client/link_text.hpp"
#include "frontends/jsonrpc/message.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 64u << 10;
/// The supervisor is not read while this much waits to be written to the client.
constexpr std::size_t backlog_bytes = 8u << 20;
/// Frames are made up to this many bytes ahead: a line that has not left the relay was not in flight.
constexpr std::size_t ahead_bytes = 64u << 10;
/// How long the supervisor has to say what is left to say when the client leaves.
constexpr std::chrono::seconds farewell{5};
constexpr std::string_view cancel_method = "notifications/cancelled";

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

/// The id that a `notifications/cancelled` speaks of; null: none.
nlohmann::json cancelled_id(std::string_view line) {
  const auto message = jsonrpc::parse(line);
  const auto* notification = std::get_if<jsonrpc::notification>(&message);
  if (notification == nullptr || !notification->params.is_object())
    return nullptr;
  return notification->params.value("requestId", nlohmann::json{});
}

std::string cancel_line(const nlohmann::json& id) {
  ordered_json params;
  params["requestId"] = id;
  return jsonrpc::notification_line(cancel_method, params);
}

/// The number in a progress notification, which must only ever grow.
std::optional<std::uint64_t> progress_in(std::string_view line) {
  const auto message = jsonrpc::parse(line);
  const auto* notification = std::get_if<jsonrpc::notification>(&message);
  if (notification == nullptr || !notification->params.is_object())
    return std::nullopt;
  const auto number = notification->params.find("progress");
  if (number == notification->params.end() || !number->is_number_unsigned())
    return std::nullopt;
  return number->get<std::uint64_t>();
}

} // namespace

void outgoing::append(std::string_view bytes) {
  buffer_.append(bytes);
  appended_ += bytes.size();
}

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

// Signals are blocked before the first attempt starts its thread, which would otherwise be hit by them.
relay::relay(link_request request, client_descriptors client)
    : client_{client}, warn_{request.warn}, own_output_{reopen_pipe(client.output)}, signals_{block_signals()},
      connector_{std::move(request)}, from_client_{limits::frame_bytes} {
  if (own_output_)
    client_.output = own_output_.get();
}

int relay::run() {
  // Connected before the first line comes, so that a client which starts us ahead of time finds us ready.
  while (!is_done())
    step();
  return 0;
}

bool relay::is_done() const {
  if (client_gone_)
    return true;
  const bool waits = link_ || (unsent_first_ && connector_.is_busy()) || !to_client_.empty();
  return now_ == phase::leaving && (!waits || clock::now() >= leave_by_);
}

int relay::time_left() const {
  const auto due = now_ == phase::leaving ? std::optional{leave_by_} : policy_.next();
  if (!due)
    return -1;
  return static_cast<int>(
      std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(*due - clock::now()).count()));
}

/// A crowded relay reads on while there is something to cancel or somebody who could make room; requests that come then
/// are refused, as far as the client takes the refusals.
bool relay::may_read_client() const {
  if (now_ != phase::serving)
    return false;
  if (!kept_.is_crowded())
    return true;
  return to_client_.size() < backlog_bytes && (policy_.is_content() || kept_.has_cancellable());
}

void relay::step() {
  begin_due_attempt();
  take_client_lines();
  fill_supervisor();
  const bool read_link_too = link_ && to_client_.size() < backlog_bytes;
  std::array<pollfd, 5> waiting{{
      {may_read_client() ? client_.input : -1, POLLIN, 0},
      // Without anything to write, only the end of the client's reading side is of interest.
      {client_.output, static_cast<short>(to_client_.empty() ? 0 : POLLOUT), 0},
      {link_ && (read_link_too || !is_deaf_) ? link_->socket.get() : -1,
       static_cast<short>((read_link_too ? POLLIN : 0) | (to_supervisor_.empty() ? 0 : POLLOUT)), 0},
      {signals_.get(), POLLIN, 0},
      {connector_.descriptor(), POLLIN, 0},
  }};
  if (is_done() || ::poll(waiting.data(), waiting.size(), time_left()) < 0)
    return;
  if (waiting[3].revents != 0)
    read_signal();
  if (waiting[4].revents != 0)
    end_attempt();
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
    leave(farewell_reason::signal);
}

void relay::read_client() {
  std::array<char, read_bytes> buffer{};
  const auto count = ::read(client_.input, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN))
    return;
  if (count <= 0) {
    leave(farewell_reason::end_of_input);
    return;
  }
  from_client_.feed({buffer.data(), static_cast<std::size_t>(count)});
  take_client_lines();
}

void relay::take_client_lines() {
  while (may_read_client()) {
    const auto line = from_client_.next();
    if (!line)
      return;
    if (*line)
      take_client_line(**line);
    else
      answer_with_error(nullptr, link_text::line_too_long(line->error().message));
  }
}

/// A batch, which revision 2025-03-26 has, is as many lines: each of its requests has an answer of its own.
void relay::take_client_line(std::string_view line) {
  const auto parts = jsonrpc::batch_parts(line);
  for (const auto part : parts)
    take_client_message(part);
  if (parts.empty())
    take_client_message(line);
}

void relay::take_client_message(std::string_view line) {
  if (line.ends_with('\r'))
    line.remove_suffix(1);
  if (line.empty())
    return;
  policy_.wanted(clock::now());
  const auto envelope = jsonrpc::read_envelope(line);
  const bool needs_answer = !envelope.method.empty() && !envelope.id.is_null();
  if (envelope.method == cancel_method && !needs_answer)
    take_cancel(line);
  else if (!kept_.is_crowded())
    kept_.keep(std::string{line}, needs_answer ? envelope.id : nlohmann::json{}, envelope.method);
  else if (needs_answer)
    answer_with_error(envelope.id, link_text::too_much_waits);
  // What needs no answer only informs, and a client that lets so much pile up gets on without it.
}

void relay::take_cancel(std::string_view line) {
  const auto id = cancelled_id(line);
  const bool is_news = kept_.cancel(id);
  if (!kept_.is_crowded())
    kept_.keep(std::string{line}, nullptr, cancel_method);
  else if (is_news) // no longer than its request, and once only
    kept_.keep(cancel_line(id), nullptr, cancel_method);
}

void relay::begin_due_attempt() {
  const auto due = policy_.next();
  if (now_ == phase::leaving || !due || clock::now() < *due)
    return;
  policy_.trying();
  connector_.start();
}

void relay::end_attempt() {
  auto link = connector_.take();
  if (!link)
    return;
  if (*link) {
    policy_.connected(clock::now());
    link_ = std::move(**link);
    end_ = supervisor_end::died;
    is_deaf_ = false;
    kept_.connected();
    read_supervisor(); // something may have come with the welcome
    return;
  }
  policy_.failed();
  const auto sentence = link_text::unreachable(link->error().message);
  if (warn_)
    warn_(sentence);
  for (const auto& id : kept_.give_up_all())
    answer_with_error(id, sentence);
}

void relay::read_supervisor() {
  std::array<char, read_bytes> buffer{};
  const auto count = ::recv(link_->socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  const bool is_over = count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN);
  if (count > 0)
    link_->lines.feed({buffer.data(), static_cast<std::size_t>(count)});
  while (link_) {
    const auto line = link_->lines.next();
    if (!line)
      break;
    if (*line)
      take_supervisor_line(**line);
    else
      lose_supervisor();
  }
  // What is left then is part of a line, of which the rest will not come.
  if (link_ && is_over)
    lose_supervisor();
}

void relay::take_supervisor_line(std::string_view line) {
  const auto frame = decode_frame(line);
  if (!frame)
    return;
  if (frame->verb == "answer") {
    take_answer(*frame);
  } else if (frame->verb == "note") {
    if (kept_.noted(frame->number, progress_in(frame->payload)))
      send_client_line(frame->payload);
  } else if (frame->verb == "settled") {
    kept_.settled(frame->number);
  } else if (frame->verb == "leaving") {
    end_ = supervisor_end::planned;
    is_handed_over_ = frame->payload.find("handover") != std::string_view::npos;
    kept_.end_announced();
  }
}

void relay::take_answer(const frame& answer) {
  if (!kept_.answered(answer.number))
    return;
  policy_.heard();
  to_client_.append(answer.payload);
  to_client_.append("\n");
  answers_.emplace_back(to_client_.appended(), answer.number);
  write_client();
}

void relay::send_client_line(std::string_view line) {
  to_client_.append(line);
  to_client_.append("\n");
  write_client();
}

void relay::write_client() {
  while (!to_client_.empty() && !client_gone_) {
    const auto count = write_some(client_.output, to_client_.bytes());
    if (count < 0)
      client_gone_ = true;
    if (count <= 0)
      break;
    to_client_.consume(static_cast<std::size_t>(count));
  }
  for (; !answers_.empty() && answers_.front().first <= to_client_.consumed(); answers_.pop_front())
    kept_.delivered(answers_.front().second);
}

void relay::fill_supervisor() {
  while (link_ && !is_deaf_ && to_supervisor_.size() < ahead_bytes) {
    if (const auto frame = kept_.next_frame()) {
      to_supervisor_.append(*frame);
    } else if (now_ == phase::leaving && !std::exchange(said_bye_, true)) {
      to_supervisor_.append(encode_frame("bye", 0, {}));
    } else {
      break;
    }
    write_supervisor();
  }
}

void relay::write_supervisor() {
  while (!to_supervisor_.empty()) {
    const auto count = write_some(link_->socket.get(), to_supervisor_.bytes());
    if (count == 0)
      return;
    if (count < 0) {
      // It is gone, but what it has said is still to be read; the end of that is the end of the connection.
      is_deaf_ = true;
      to_supervisor_.clear();
      return;
    }
    to_supervisor_.consume(static_cast<std::size_t>(count));
  }
}

void relay::lose_supervisor() {
  link_.reset();
  to_supervisor_.clear();
  const bool is_listening = std::exchange(is_handed_over_, false) && kept_.has_subscriptions();
  const auto end = said_bye_ ? supervisor_end::planned : end_; // it closes what has said `bye`
  policy_.lost(clock::now(), end, is_listening || !kept_.empty());
  for (const auto& id : kept_.lost(end))
    answer_with_error(id, link_text::given_up);
}

void relay::answer_with_error(const nlohmann::json& id, std::string_view sentence) {
  send_client_line(jsonrpc::error_line(id, jsonrpc::code::internal_error, sentence));
}

void relay::leave(farewell_reason why) {
  if (now_ == phase::leaving) {
    unsent_first_ = unsent_first_ && why == farewell_reason::end_of_input;
    return;
  }
  now_ = phase::leaving;
  leave_by_ = clock::now() + farewell;
  // Lines that were piped in and have gone nowhere yet; a signal is in more of a hurry.
  unsent_first_ = why == farewell_reason::end_of_input && kept_.has_unsent();
}

} // namespace agent_dispatch
