#include "frontends/client/control_client.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

#include "frontends/client/connector.hpp"
#include "frontends/client/kept_requests.hpp"
#include "frontends/client/link_text.hpp"
#include "frontends/client/redial_policy.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

constexpr std::size_t read_bytes = 64u << 10;
/// The request is the first line, and has its number as id.
constexpr int request_id = 1;
constexpr std::string_view cancel_text = R"({"jsonrpc":"2.0","method":"cancel","params":{"id":1}})";

unique_fd take_interrupts() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  return unique_fd{::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
}

std::string request_line(const control_call& call) {
  ordered_json json;
  json["jsonrpc"] = "2.0";
  json["id"] = request_id;
  json["method"] = call.method;
  json["params"] = call.params;
  if (call.status)
    json["params"]["wants_status"] = true;
  return dump(json);
}

/// One call in progress.
///
///     connected ──supervisor gone──▶ resting ──▶ connecting ──welcome──▶ connected
///         └──answer, second Ctrl-C──▶ ended ◀──three deaths, cannot be had─┘
class waiting_call {
public:
  waiting_call(supervisor_link& link, const control_call& call) : link_{link}, call_{call} {
    policy_.trying();
    policy_.connected(clock::now());
    kept_.keep(request_line(call), request_id, call.method);
    kept_.connected();
    if (call.redial != nullptr)
      connector_.emplace(*call.redial);
  }

  expected<ordered_json> run() {
    while (!ended_) {
      if (is_connected_)
        exchange();
      if (!ended_)
        wait();
    }
    return std::move(*ended_);
  }

private:
  void exchange() {
    while (const auto frame = kept_.next_frame())
      if (!send_all(link_.socket.get(), *frame))
        break; // what it has said is still to be read; then comes its end
    take_lines();
  }

  void wait() {
    begin_due_attempt();
    if (call_.tick && clock::now() >= next_tick_)
      next_tick_ = call_.tick();
    std::array<pollfd, 3> waiting{{{is_connected_ ? link_.socket.get() : -1, POLLIN, 0},
                                   {interrupts_.get(), POLLIN, 0},
                                   {connector_ ? connector_->descriptor() : -1, POLLIN, 0}}};
    if (::poll(waiting.data(), waiting.size(), milliseconds_to_wait()) < 0)
      return;
    if (waiting[1].revents != 0 && !go_on_after_interrupt())
      end(failure(fault_kind::cancelled, std::string{link_text::interrupted}));
    else if (waiting[0].revents != 0 && !read_more())
      lose();
    else if (waiting[2].revents != 0)
      end_attempt();
  }

  /// For ever: -1.
  int milliseconds_to_wait() const {
    const auto attempt = policy_.next();
    if (!call_.tick)
      return attempt ? milliseconds_until(*attempt) : -1;
    return milliseconds_until(std::min(next_tick_, attempt.value_or(next_tick_)));
  }

  void end(expected<ordered_json> how) { ended_.emplace(std::move(how)); }

  void take_lines() {
    while (const auto line = link_.lines.next()) {
      if (!*line)
        return end(tl::unexpected(line->error()));
      const auto frame = decode_frame(**line);
      if (!frame)
        return end(tl::unexpected(frame.error()));
      take_frame(*frame);
      if (ended_)
        return;
    }
  }

  void take_frame(const frame& frame) {
    if (frame.verb == "answer" && frame.number == request_id) {
      conclude(ordered_json::parse(frame.payload, nullptr, false));
    } else if (frame.verb == "settled") {
      kept_.settled(frame.number);
      if (frame.number == request_id)
        end(failure(fault_kind::cancelled, std::string{link_text::cancelled}));
    } else if (frame.verb == "note") {
      take_progress(ordered_json::parse(frame.payload, nullptr, false));
    } else if (frame.verb == "leaving") {
      how_ = supervisor_end::planned;
      kept_.end_announced();
    }
  }

  void take_progress(const ordered_json& message) const {
    const auto params = message.is_object() ? message.find("params") : message.end();
    if (!message.is_object() || params == message.end() || !params->is_object())
      return;
    const auto text = params->find("text");
    if (call_.progress && text != params->end() && text->is_string())
      call_.progress(text->get_ref<const std::string&>());
    if (const auto status = call_status_from(*params); status && call_.status)
      call_.status(*status);
  }

  void conclude(ordered_json answer) {
    kept_.answered(request_id);
    kept_.delivered(request_id);
    // Fails only when the supervisor is gone, and then there is nobody left to know.
    std::ignore = send_all(link_.socket.get(), encode_frame("ack", request_id, {}));
    if (answer.is_object() && answer.contains("result"))
      return end(std::move(answer["result"]));
    if (answer.is_object() && answer.contains("error") && answer["error"].is_object()) {
      const auto& message = answer["error"]["message"];
      return end(failure(fault_kind::protocol,
                         message.is_string() ? message.get<std::string>() : std::string{link_text::call_rejected}));
    }
    end(failure(fault_kind::protocol, std::string{link_text::answer_unreadable}));
  }

  bool read_more() {
    std::array<char, read_bytes> buffer{};
    const auto count = ::read(link_.socket.get(), buffer.data(), buffer.size());
    if (count > 0)
      link_.lines.feed({buffer.data(), static_cast<std::size_t>(count)});
    return count > 0 || (count < 0 && errno == EINTR);
  }

  void lose() {
    is_connected_ = false;
    link_.socket.reset();
    link_.lifeline.reset();
    policy_.lost(clock::now(), how_, true);
    if (!connector_)
      return end(failure(fault_kind::lost, std::string{link_text::ended_before_answer}));
    kept_.lost(how_);
    if (!kept_.is_open(request_id))
      return end(failure(fault_kind::lost, std::string{link_text::given_up}));
    if (call_.progress)
      call_.progress(link_text::connecting_again);
    if (call_.lost)
      call_.lost();
  }

  void begin_due_attempt() {
    const auto due = policy_.next();
    if (!due || clock::now() < *due)
      return;
    policy_.trying();
    connector_->start();
  }

  void end_attempt() {
    auto link = connector_->take();
    if (!link)
      return;
    if (!*link)
      return end(tl::unexpected(link->error()));
    link_ = std::move(**link);
    is_connected_ = true;
    how_ = supervisor_end::died;
    policy_.connected(clock::now());
    kept_.connected();
    if (call_.found)
      call_.found();
  }

  bool go_on_after_interrupt() {
    signalfd_siginfo info{};
    if (::read(interrupts_.get(), &info, sizeof info) <= 0)
      return true;
    if (call_.interrupt == on_interrupt::give_up || !kept_.cancel(request_id))
      return false;
    kept_.keep(std::string{cancel_text}, nullptr, "cancel");
    if (call_.cancelling)
      call_.cancelling();
    return true;
  }

  supervisor_link& link_;
  const control_call& call_;
  unique_fd interrupts_ = take_interrupts(); // before the connector has a thread
  redial_policy policy_{clock::now()};
  kept_requests kept_;
  std::optional<connector> connector_; ///< none: the call is not sent again
  clock::time_point next_tick_ = clock::now();
  bool is_connected_ = true;
  supervisor_end how_ = supervisor_end::died; ///< the present connection will have ended
  std::optional<expected<ordered_json>> ended_;
};

} // namespace

expected<ordered_json> call_supervisor(supervisor_link& link, const control_call& call) {
  return waiting_call{link, call}.run();
}

void await_close(supervisor_link& link) {
  std::array<char, read_bytes> buffer{};
  for (;;) {
    const auto count = ::read(link.socket.get(), buffer.data(), buffer.size());
    if (count == 0 || (count < 0 && errno != EINTR))
      return;
  }
}

} // namespace agent_dispatch
