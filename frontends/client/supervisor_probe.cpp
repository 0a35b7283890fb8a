#include "frontends/client/supervisor_probe.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>

#include <nlohmann/json.hpp>

#include "messages/frame.hpp"
#include "messages/hello.hpp"
#include "messages/limits.hpp"
#include "messages/socket_address.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// A greeting is short; what is longer is none.
constexpr std::size_t longest_greeting = 64u << 10;

timeval as_timeval(std::chrono::milliseconds time) {
  return {.tv_sec = time.count() / 1000, .tv_usec = time.count() % 1000 * 1000};
}

/// 0, or the errno of connect. Waits at most `limit` where the backlog is full.
int connect_to(int socket, const std::filesystem::path& path, std::chrono::milliseconds limit) {
  const auto address = make_socket_address(path);
  if (!address)
    return ENOENT;
  const auto wait = as_timeval(limit);
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
  return ::connect(socket, address->get(), address->size()) == 0 ? 0 : errno;
}

/// False when it could not be written whole.
bool say_hello(int socket) {
  caller_context nobody; // and nothing of this process's environment
  nobody.directory = "/";
  const frontend_hello hello{.protocol = protocol_version,
                             .version = program_version,
                             .role = frontend_role::cli,
                             .frontend = {make_uuid()},
                             .caller = std::make_shared<const caller_context>(std::move(nobody))};
  const auto frame = encode_frame("hello", 0, encode_hello(hello));
  return ::send(socket, frame.data(), frame.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(frame.size());
}

enum class reply { whole, late, closed };

/// The first line that comes, into `line`.
reply read_line(int socket, clock::time_point until, std::string& line) {
  std::array<char, 4096> buffer{};
  while (line.find('\n') == std::string::npos) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - clock::now()).count();
    pollfd waiting{socket, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready == 0)
      return reply::late;
    const auto count = ready < 0 ? -1 : ::read(socket, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count <= 0 || line.size() > longest_greeting)
      return reply::closed;
    line.append(buffer.data(), static_cast<std::size_t>(count));
  }
  line.resize(line.find('\n'));
  return reply::whole;
}

void take_greeting(std::string_view line, supervisor_probe& probe) {
  const auto frame = decode_frame(line);
  const auto json = frame ? nlohmann::json::parse(frame->payload, nullptr, false) : nlohmann::json{};
  probe.presence = supervisor_presence::not_ours;
  if (!json.is_object())
    return;
  if (frame->verb == "refused")
    probe.presence = supervisor_presence::refusing;
  if (frame->verb != "welcome")
    return;
  probe.presence = supervisor_presence::serving;
  const auto number = [&](const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_number_integer() ? found->get<int>() : 0;
  };
  probe.live_runs = number("live_runs");
  probe.queued = number("queued");
  if (const auto version = json.find("version"); version != json.end() && version->is_string())
    probe.version = version->get<std::string>();
}

void converse(int socket, clock::time_point until, supervisor_probe& probe) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
    probe.pid = peer.pid;
  if (peer.uid != ::geteuid()) {
    probe.presence = supervisor_presence::other_user;
    return;
  }
  std::string line;
  // One that refuses may close before it has read everything; what it says has come by then.
  const bool is_said = say_hello(socket);
  switch (read_line(socket, is_said ? until : clock::now(), line)) {
  case reply::whole:
    return take_greeting(line, probe);
  case reply::late:
    if (probe.entry && !may_be_ended(*probe.entry, probe.pid))
      probe.pid = 0;
    probe.presence = supervisor_presence::hanging;
    return;
  case reply::closed: // it is just leaving
    probe.presence = supervisor_presence::not_listening;
    return;
  }
}

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(std::filesystem::symlink_status(path, ignored));
}

} // namespace

bool may_be_ended(const supervisor_entry& entry, int peer) {
  if (!entry.is_activated)
    return true;
  std::ifstream file{"/proc/" + std::to_string(peer) + "/comm"};
  std::string name;
  std::getline(file, name);
  return name == "agent-dispatchd";
}

supervisor_probe probe_supervisor(const std::filesystem::path& lock_file, const std::filesystem::path& usual_socket,
                                  std::chrono::milliseconds limit) {
  const auto until = clock::now() + limit;
  supervisor_probe probe{.entry = read_supervisor_entry(lock_file), .socket = usual_socket, .version = {}};
  if (probe.entry) {
    probe.socket = probe.entry->socket;
    probe.version = probe.entry->version;
  }
  if (!is_supervisor_alive(lock_file)) {
    // An activated one's is not stale: to look would start the next one.
    const bool is_stale = is_there(probe.socket) && !(probe.entry && probe.entry->is_activated);
    probe.presence = is_stale ? supervisor_presence::stale_socket : supervisor_presence::none;
    return probe;
  }
  const unique_fd socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  const int error = socket ? connect_to(socket.get(), probe.socket, limit) : errno;
  if (error == 0)
    converse(socket.get(), until, probe);
  else
    probe.presence = error == EAGAIN ? supervisor_presence::hanging : supervisor_presence::not_listening;
  return probe;
}

} // namespace agent_dispatch
