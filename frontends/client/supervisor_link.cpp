#include "frontends/client/supervisor_link.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include <nlohmann/json.hpp>

#include "actors/run/open_lock.hpp"
#include "actors/storage/supervisor_lock.hpp"
#include "frontends/client/start_supervisor.hpp"
#include "frontends/client/version_order.hpp"
#include "messages/limits.hpp"
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
constexpr std::size_t read_bytes = 64u << 10;

/// Empty when nobody listens there.
expected<unique_fd> connect_once(const std::filesystem::path& path) {
  unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (!socket)
    return io_failure("making a socket for", path.native(), errno);
  const auto address = make_socket_address(path);
  if (!address)
    return unique_fd{};
  if (::connect(socket.get(), address->get(), address->size()) == 0) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid())
      return socket;
    return failure(fault_kind::io,
                   "the supervisor's socket " + path.native() +
                       " is held by another user; nothing was sent to it. Remove that file, and see who may "
                       "write to the jobs directory");
  }
  if (errno == ECONNREFUSED || errno == ENOENT || errno == ENOTSOCK)
    return unique_fd{};
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
expected<std::string> read_line(supervisor_link& link, clock::time_point until) {
  std::array<char, read_bytes> buffer{};
  for (;;) {
    if (const auto line = link.lines.next()) {
      if (!*line)
        return tl::unexpected(line->error());
      return std::string{**line};
    }
    if (!wait_readable(link.socket.get(), until))
      return failure(fault_kind::protocol,
                     "the supervisor did not answer in time; its log says more, see: agent-dispatch status");
    const auto count = ::read(link.socket.get(), buffer.data(), buffer.size());
    if (count == 0 || (count < 0 && errno == ECONNRESET))
      return failure(fault_kind::supervisor_missing, "the supervisor ended while it was being connected to; try again");
    if (count < 0 && errno != EINTR)
      return io_failure("reading from", "the supervisor", errno);
    if (count > 0)
      link.lines.feed({buffer.data(), static_cast<std::size_t>(count)});
  }
}

bool is_named(int fd, const std::filesystem::path& path) {
  struct stat held {};
  struct stat named {};
  return ::fstat(fd, &held) == 0 && ::lstat(path.c_str(), &named) == 0 && held.st_ino == named.st_ino;
}

/// A supervisor that looks for frontends that are gone may hold the lock for a moment, and remove the file: then once
/// more.
expected<unique_fd> lock_frontend(const std::filesystem::path& state, const frontend_id& frontend) {
  const auto path = state / "frontends" / frontend.value;
  const auto until = clock::now() + limits::supervisor_start;
  for (;;) {
    unique_fd file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
    if (!file)
      return io_failure("opening", path.native(), errno);
    const auto state_of_lock = try_lock(file.get());
    if (state_of_lock == lock_state::free && is_named(file.get(), path))
      return file;
    if (state_of_lock == lock_state::error || clock::now() >= until)
      return io_failure("locking", path.native(), errno);
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
}

expected<supervisor_greeting> read_greeting(supervisor_link& link) {
  const auto line = read_line(link, clock::now() + limits::supervisor_start);
  if (!line)
    return tl::unexpected(line.error());
  const auto first = decode_frame(*line);
  if (!first)
    return tl::unexpected(first.error());
  const auto json = nlohmann::json::parse(first->payload, nullptr, false);
  if (!json.is_object() || (first->verb != "welcome" && first->verb != "refused"))
    return failure(fault_kind::protocol, "what listens on the supervisor's socket is no supervisor of ours");
  if (first->verb == "refused")
    return failure(fault_kind::version_mismatch, json.value("error", "the supervisor refuses this frontend"));
  return supervisor_greeting{.protocol = json.value("protocol", 0),
                             .version = json.value("version", ""),
                             .live_runs = json.value("live_runs", 0),
                             .queued = json.value("queued", 0)};
}

expected<supervisor_link> greet(unique_fd socket, const std::filesystem::path& state, const frontend_hello& hello) {
  supervisor_link link{.socket = std::move(socket),
                       .frontend_lock = {},
                       .lifeline = {},
                       .greeting = {},
                       .lines = line_splitter{limits::frame_bytes + 64}};
  auto lock = lock_frontend(state, hello.frontend);
  if (!lock)
    return tl::unexpected(lock.error());
  link.frontend_lock = std::move(*lock);
  // A supervisor that refuses closes before it has read everything: its reason is worth more than the broken pipe.
  const auto written = send_all(link.socket.get(), encode_frame("hello", 0, encode_hello(hello)));
  auto greeting = read_greeting(link);
  if (!greeting && !written) // it ended while it was being connected to
    return failure(fault_kind::supervisor_missing, written.error().message);
  if (!greeting)
    return tl::unexpected(greeting.error());
  link.greeting = std::move(*greeting);
  return link;
}

/// Asks an idle supervisor to end, and waits until it has.
void replace(supervisor_link link) {
  static_cast<void>(send_all(link.socket.get(), encode_frame("msg", 1, R"({"jsonrpc":"2.0","id":1,"method":"stop"})")));
  const auto until = clock::now() + limits::supervisor_start;
  while (read_line(link, until)) {
  }
}

/// One look: connected, or nobody is there (absent), or a fault that waiting does not mend.
expected<std::optional<supervisor_link>> try_connect(const link_request& request) {
  const auto entry = read_supervisor_entry(request.where.lock());
  if (!entry)
    return std::nullopt;
  auto socket = connect_once(entry->socket);
  if (!socket)
    return tl::unexpected(socket.error());
  if (!*socket)
    return std::nullopt;
  if (!entry->config.empty() && entry->config != request.where.config && request.warn)
    request.warn("the supervisor of " + request.where.jobs.native() + " works with " + entry->config.native() +
                 ", not with " + request.where.config.native() +
                 "; for one of its own set AGENT_DISPATCH_JOBS_DIR, or end this one: agent-dispatch stop");
  auto link = greet(std::move(*socket), entry->state, request.hello);
  if (!link && link.error().kind == fault_kind::supervisor_missing)
    return std::nullopt;
  if (!link)
    return tl::unexpected(link.error());
  return std::optional<supervisor_link>{std::move(*link)};
}

expected<std::optional<supervisor_link>> connect_until(const link_request& request, clock::time_point until) {
  for (;;) {
    auto link = try_connect(request);
    if (!link || *link || clock::now() >= until)
      return link;
    std::this_thread::sleep_for(look_again);
  }
}

expected<supervisor_link> start_and_connect(const link_request& request) {
  const auto until = clock::now() + limits::supervisor_start;
  const auto life =
      request.missing == when_missing::start_embedded ? supervisor_life::embedded : supervisor_life::detached;
  auto started = start_supervisor({.where = request.where, .home = request.home, .life = life}, until);
  if (!started)
    return tl::unexpected(started.error());
  if (life == supervisor_life::embedded && !started->is_ours)
    return failure(fault_kind::invalid_argument,
                   "a supervisor of " + request.where.jobs.native() +
                       " is running already, and --embedded would need a private one; leave --embedded out, or end it: "
                       "agent-dispatch stop");
  auto link = connect_until(request, until);
  if (!link)
    return tl::unexpected(link.error());
  if (!*link)
    return failure(fault_kind::supervisor_missing,
                   "a supervisor was started, but cannot be reached; its log is " + request.where.log().native());
  (*link)->lifeline = std::move(started->lifeline);
  return std::move(**link);
}

bool is_older(const supervisor_greeting& supervisor) {
  return version_order(supervisor.version, program_version) == std::strong_ordering::less;
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
  const bool inside_a_run = request.hello.caller->parent.has_value();
  const auto patience = inside_a_run && request.missing == when_missing::start ? clock::duration{leave_to_others}
                                                                               : clock::duration::zero();
  auto link = connect_until(request, clock::now() + patience);
  if (!link)
    return tl::unexpected(link.error());
  if (*link && request.missing == when_missing::start_embedded)
    return start_and_connect(request); // says that one is there
  if (!*link) {
    if (request.missing == when_missing::fail)
      return failure(fault_kind::supervisor_missing, "no supervisor is running");
    return start_and_connect(request);
  }
  auto& found = **link;
  if (!is_older(found.greeting) || request.missing == when_missing::fail)
    return std::move(found);
  if (found.greeting.live_runs + found.greeting.queued == 0) {
    // Its own role decides what a line means, so the request to end goes over a connection of the command line's.
    auto asking = request;
    asking.hello.role = frontend_role::cli;
    asking.hello.frontend = frontend_id{make_uuid()};
    if (auto ending = try_connect(asking); ending && *ending)
      replace(std::move(**ending));
    return start_and_connect(request);
  }
  if (request.warn)
    request.warn("the supervisor is version " + found.greeting.version + ", this is version " + program_version +
                 "; it is busy with " + std::to_string(found.greeting.live_runs + found.greeting.queued) +
                 " runs and is replaced when it is idle, or now with: agent-dispatch stop");
  return std::move(found);
}

} // namespace agent_dispatch
