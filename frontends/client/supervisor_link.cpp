#include "frontends/client/supervisor_link.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <optional>
#include <thread>

#include <nlohmann/json.hpp>

#include "actors/storage/supervisor_lock.hpp"
#include "frontends/client/link_text.hpp"
#include "frontends/client/start_supervisor.hpp"
#include "frontends/client/supervisor_probe.hpp"
#include "frontends/client/version_order.hpp"
#include "messages/limits.hpp"
#include "messages/member_reader.hpp"
#include "messages/socket_address.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// Between two looks at a supervisor that is coming up.
constexpr std::chrono::milliseconds look_again{20};
/// A frontend inside a run leaves an outside one this long to start a supervisor: one of its own would be a descendant
/// of the run, and die with it.
constexpr std::chrono::seconds leave_to_others{2};
constexpr std::chrono::milliseconds look_for_others{100};
/// A supervisor that holds its lock but does not listen is given this long: it may have hundreds of runs to take over.
constexpr std::chrono::seconds recovery_time{60};
/// What a supervisor that is started has to say is waited for: it gives another one in its state directory 15 s to go.
constexpr std::chrono::seconds word_time{20};
/// A supervisor that ends while it is being connected to: so many times, with pauses that double.
constexpr int tries = 3;
constexpr std::chrono::milliseconds first_pause{100};
constexpr std::size_t read_bytes = 64u << 10;
/// Room for verb and number beside a payload of the largest size.
constexpr std::size_t envelope_bytes = 64;

/// How long connect and send may block. Zero: for ever.
void limit_sending(int socket, std::chrono::seconds time) {
  const timeval limit{.tv_sec = time.count(), .tv_usec = 0};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

tl::unexpected<fault> hangs(int socket, const link_request& request) {
  ucred peer{};
  socklen_t size = sizeof peer;
  const auto entry = read_supervisor_entry(request.where.lock());
  const bool is_one =
      ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && (!entry || may_be_ended(*entry, peer.pid));
  return failure(fault_kind::protocol, link_text::hangs(is_one ? peer.pid : 0, request.where.log().native()));
}

/// Empty when nobody listens there.
expected<unique_fd> connect_once(const std::filesystem::path& path, const link_request& request) {
  unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket)
    return io_failure("making a socket for", path.native(), errno);
  const auto address = make_socket_address(path);
  if (!address)
    return unique_fd{};
  limit_sending(socket.get(), limits::supervisor_start); // connect blocks while the backlog is full
  if (::connect(socket.get(), address->get(), address->size()) == 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid())
      return socket;
    return failure(fault_kind::io, link_text::held_by_another_user(path.native()));
  }
  if (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTSOCK)
    return unique_fd{};
  if (errno == EAGAIN)
    return hangs(socket.get(), request);
  return io_failure("connecting to the supervisor at", path.native(), errno);
}

bool wait_readable(int fd, clock::time_point until) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd waiting{fd, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, left > 0 ? static_cast<int>(left) : 0);
    if (ready > 0)
      return true;
    if (ready == 0 || errno != EINTR)
      return false;
  }
}

/// The first line that the supervisor sends.
expected<std::string> read_line(supervisor_link& link, const link_request& request, clock::time_point until) {
  std::array<char, read_bytes> buffer{};
  for (;;) {
    if (const auto line = link.lines.next()) {
      if (!*line)
        return tl::unexpected(line->error());
      return std::string{**line};
    }
    if (!wait_readable(link.socket.get(), until))
      return hangs(link.socket.get(), request);
    const auto count = ::read(link.socket.get(), buffer.data(), buffer.size());
    if (count == 0 || (count < 0 && errno == ECONNRESET))
      return failure(fault_kind::lost, std::string{link_text::ended_on_connecting});
    if (count < 0 && errno != EINTR)
      return io_failure("reading from", "the supervisor", errno);
    if (count > 0)
      link.lines.feed({buffer.data(), static_cast<std::size_t>(count)});
  }
}

expected<supervisor_greeting> read_greeting(supervisor_link& link, const link_request& request,
                                            clock::time_point until) {
  const auto line = read_line(link, request, until);
  if (!line)
    return tl::unexpected(line.error());
  const auto first = decode_frame(*line);
  if (!first)
    return tl::unexpected(first.error());
  const auto json = nlohmann::json::parse(first->payload, nullptr, false);
  if (!json.is_object() || (first->verb != "welcome" && first->verb != "refused"))
    return failure(fault_kind::protocol, std::string{link_text::not_ours});
  member_reader reader{json};
  if (first->verb == "refused") {
    std::string why{link_text::refused};
    reader.read("error", why);
    return failure(fault_kind::version_mismatch, std::move(why));
  }
  supervisor_greeting greeting;
  reader.read("protocol", greeting.protocol);
  reader.read("version", greeting.version);
  reader.read("live_runs", greeting.live_runs);
  reader.read("queued", greeting.queued);
  if (!reader.wrong().empty())
    return failure(fault_kind::protocol, std::string{link_text::not_ours});
  return greeting;
}

expected<supervisor_link> greet(unique_fd socket, const supervisor_entry& entry, const link_request& request) {
  if (auto held = request.lock->hold(entry.state, request.hello.frontend); !held)
    return tl::unexpected(held.error());
  supervisor_link link{.socket = std::move(socket),
                       .lifeline = {},
                       .lock = request.lock,
                       .greeting = {},
                       .lines = line_splitter{limits::frame_bytes + envelope_bytes}};
  // A supervisor that refuses closes before it has read everything: its reason is worth more than the broken pipe. It
  // has come by then, so that there is nothing to wait for.
  const auto written = send_all(link.socket.get(), encode_frame("hello", 0, encode_hello(request.hello)));
  const auto longest = entry.is_activated ? recovery_time : limits::supervisor_start; // it may be coming up
  const auto patience = written ? longest : std::chrono::seconds::zero();
  auto greeting = read_greeting(link, request, clock::now() + patience);
  if (!greeting)
    return tl::unexpected(greeting.error());
  limit_sending(link.socket.get(), std::chrono::seconds::zero());
  link.greeting = std::move(*greeting);
  return link;
}

/// Asks an idle supervisor to end, and waits until it has.
void replace(supervisor_link link, const link_request& request) {
  static_cast<void>(send_all(link.socket.get(), encode_frame("msg", 1, R"({"jsonrpc":"2.0","id":1,"method":"stop"})")));
  const auto until = clock::now() + limits::supervisor_start;
  while (read_line(link, request, until)) {
  }
}

/// Whether the supervisor that a service has started upon our connecting is the one of this jobs directory: its unit
/// may have been changed since the entry was written.
bool serves_here(const supervisor_entry& before, const link_request& request) {
  const auto now = read_supervisor_entry(request.where.lock());
  return now && now->socket == before.socket && now->state == before.state && is_supervisor_alive(request.where.lock());
}

/// One look: connected, or nobody is there (absent), or a fault that waiting does not mend.
expected<std::optional<supervisor_link>> try_connect(const link_request& request) {
  const auto entry = read_supervisor_entry(request.where.lock());
  if (!entry)
    return std::nullopt;
  // To connect would start one.
  if (entry->is_activated && request.missing != when_missing::start && !is_supervisor_alive(request.where.lock()))
    return std::nullopt;
  auto socket = connect_once(entry->socket, request);
  if (!socket)
    return tl::unexpected(socket.error());
  if (!*socket)
    return std::nullopt;
  if (!entry->config.empty() && entry->config != request.where.config && request.warn)
    request.warn(link_text::other_configuration(request.where.jobs.native(), entry->config.native(),
                                                request.where.config.native()));
  auto link = greet(std::move(*socket), *entry, request);
  if (!link)
    return tl::unexpected(link.error());
  if (entry->is_activated && !serves_here(*entry, request))
    return std::nullopt;
  return std::optional<supervisor_link>{std::move(*link)};
}

/// From nobody there to a connection: looks, starts, looks again.
class search {
public:
  explicit search(const link_request& request) : request_{request} {}

  expected<supervisor_link> run() {
    for (;;) {
      auto link = try_connect(request_);
      if (!link)
        return tl::unexpected(link.error());
      if (*link)
        return take(std::move(**link));
      if (auto waited = wait_or_start(); !waited)
        return tl::unexpected(waited.error());
    }
  }

private:
  bool is_embedded() const { return request_.missing == when_missing::start_embedded; }

  expected<supervisor_link> take(supervisor_link link) {
    if (is_embedded() && !lifeline_)
      return failure(fault_kind::invalid_argument, link_text::embedded_beside_another(request_.where.jobs.native()));
    link.lifeline = std::move(lifeline_);
    return link;
  }

  /// Nobody has been found.
  expected<void> wait_or_start() {
    if (request_.missing == when_missing::fail)
      return failure(fault_kind::supervisor_missing, std::string{link_text::not_running});
    const auto now = clock::now();
    // One that holds its lock is coming up, or on its way out.
    const bool is_held = is_supervisor_alive(request_.where.lock());
    if (failed_ && !is_held)
      return tl::unexpected(*failed_);
    if (now >= (is_held && !started_ ? begun_ + recovery_time : begun_ + patience_ + limits::supervisor_start))
      return failed_ ? tl::unexpected(*failed_)
                     : failure(fault_kind::supervisor_missing,
                               link_text::unreachable_after_start(request_.where.log().native()));
    if (is_held)
      std::this_thread::sleep_for(look_again);
    else if (now < begun_ + patience_)
      std::this_thread::sleep_for(look_for_others);
    else
      return start();
    return {};
  }

  expected<void> start() {
    if (started_) { // and it has ended already
      std::this_thread::sleep_for(pause_);
      pause_ *= 2;
    }
    const auto life = is_embedded() ? supervisor_life::embedded : supervisor_life::detached;
    auto started = start_supervisor(
        {.where = request_.where, .home = request_.home, .life = life, .log_level = request_.log_level},
        clock::now() + word_time);
    if (!started) {
      failed_ = started.error();
      return {};
    }
    started_ = started->is_ours;
    if (started_)
      lifeline_ = std::move(started->lifeline);
    return {};
  }

  const link_request& request_;
  const clock::time_point begun_ = clock::now();
  const clock::duration patience_ = request_.hello.caller->parent && request_.missing == when_missing::start
                                        ? clock::duration{leave_to_others}
                                        : clock::duration::zero();
  std::chrono::milliseconds pause_ = first_pause;
  bool started_ = false; ///< one of ours said that it is ready
  /// Why one of ours did not start. It may be there for a moment still, or another one have come up instead.
  std::optional<fault> failed_;
  unique_fd lifeline_; ///< of an embedded one
};

bool is_older(const supervisor_greeting& supervisor) {
  return version_order(supervisor.version, program_version) == std::strong_ordering::less;
}

/// A connection; an older supervisor replaced if it is idle.
expected<supervisor_link> find_supervisor(const link_request& request) {
  auto link = search{request}.run();
  if (!link || !is_older(link->greeting) || request.missing == when_missing::fail)
    return link;
  const int runs = link->greeting.live_runs + link->greeting.queued;
  if (runs > 0) {
    if (request.warn)
      request.warn(link_text::older_and_busy(link->greeting.version, program_version, runs));
    return link;
  }
  if (const auto entry = read_supervisor_entry(request.where.lock()); entry && entry->is_activated) {
    if (request.warn) // its unit would start the same one again
      request.warn(link_text::older_service(link->greeting.version, program_version));
    return link;
  }
  // Its own role decides what a line means, so the request to end goes over a connection of the command line's.
  auto asking = request;
  asking.hello.role = frontend_role::cli;
  asking.hello.frontend = frontend_id{make_uuid()};
  asking.lock = std::make_shared<frontend_lock>();
  if (auto ending = try_connect(asking); ending && *ending)
    replace(std::move(**ending), request);
  return search{request}.run();
}

} // namespace

expected<void> send_all(int socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      return io_failure("writing to", "the supervisor", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

expected<supervisor_link> connect_supervisor(const link_request& request) {
  if (request.find_where) {
    auto found = request;
    auto where = request.find_where();
    if (!where)
      return tl::unexpected(where.error());
    found.where = std::move(*where);
    found.find_where = nullptr;
    return connect_supervisor(found);
  }
  auto pause = first_pause;
  for (int left = tries;; pause *= 2) {
    auto link = find_supervisor(request);
    const bool may_mend = !link && link.error().kind == fault_kind::lost;
    if (!may_mend || --left == 0)
      return link;
    std::this_thread::sleep_for(pause);
  }
}

} // namespace agent_dispatch
