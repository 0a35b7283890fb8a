#include "frontends/client/control_client.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace agent_dispatch {

namespace {

constexpr std::size_t read_bytes = 64u << 10;

unique_fd take_interrupts() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGINT);
  sigaddset(&ends, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &ends, nullptr);
  return unique_fd{::signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK)};
}

std::string request_line(std::string_view method, const ordered_json& params) {
  ordered_json json;
  json["jsonrpc"] = "2.0";
  json["id"] = 1;
  json["method"] = method;
  json["params"] = params;
  return dump(json);
}

/// One call in progress.
class waiting_call {
public:
  waiting_call(supervisor_link& link, const control_call& call) : link_{link}, call_{call} {}

  expected<ordered_json> run() {
    if (auto sent = send_all(link_.socket.get(), encode_frame("msg", 1, request_line(call_.method, call_.params)));
        !sent)
      return tl::unexpected(sent.error());
    for (;;) {
      if (auto answer = take_lines())
        return std::move(*answer);
      std::array<pollfd, 2> waiting{{{link_.socket.get(), POLLIN, 0}, {interrupts_.get(), POLLIN, 0}}};
      if (::poll(waiting.data(), waiting.size(), -1) < 0)
        continue;
      if (waiting[1].revents != 0 && !go_on_after_interrupt())
        return failure(fault_kind::cancelled, "given up; the answer is not waited for");
      if (waiting[0].revents != 0 && !read_more())
        return failure(fault_kind::lost, "the supervisor ended before it could answer; try again");
    }
  }

private:
  /// The answer, once it is there.
  std::optional<expected<ordered_json>> take_lines() {
    while (const auto line = link_.lines.next()) {
      if (!*line)
        return tl::unexpected(line->error());
      const auto frame = decode_frame(**line);
      if (!frame)
        return tl::unexpected(frame.error());
      auto json = ordered_json::parse(frame->payload, nullptr, false);
      if (frame->verb == "answer")
        return conclude(std::move(json));
      if (frame->verb == "note" && call_.progress && json.is_object() && json["params"].is_object())
        call_.progress(json["params"].value("text", ""));
    }
    return std::nullopt;
  }

  expected<ordered_json> conclude(ordered_json answer) {
    // Fails only when the supervisor is gone, and then there is nobody left to know.
    std::ignore = send_all(link_.socket.get(), encode_frame("ack", 1, {}));
    if (answer.is_object() && answer.contains("result"))
      return std::move(answer["result"]);
    if (answer.is_object() && answer["error"].is_object())
      return failure(fault_kind::protocol, answer["error"].value("message", "the supervisor rejected the call"));
    return failure(fault_kind::protocol, "the supervisor's answer cannot be read");
  }

  bool read_more() {
    std::array<char, read_bytes> buffer{};
    const auto count = ::read(link_.socket.get(), buffer.data(), buffer.size());
    if (count > 0)
      link_.lines.feed({buffer.data(), static_cast<std::size_t>(count)});
    return count > 0 || (count < 0 && errno == EINTR);
  }

  bool go_on_after_interrupt() {
    signalfd_siginfo info{};
    if (::read(interrupts_.get(), &info, sizeof info) <= 0)
      return true;
    if (call_.interrupt == on_interrupt::give_up || cancelling_)
      return false;
    cancelling_ = true;
    if (call_.cancelling)
      call_.cancelling();
    constexpr std::string_view cancel = R"({"jsonrpc":"2.0","method":"cancel","params":{"id":1}})";
    return send_all(link_.socket.get(), encode_frame("msg", 2, cancel)).has_value();
  }

  supervisor_link& link_;
  const control_call& call_;
  unique_fd interrupts_ = take_interrupts();
  bool cancelling_ = false;
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
