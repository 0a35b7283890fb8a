#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// What `<jobs>/.supervisor` says of the supervisor that holds it.
struct supervisor_entry {
  std::filesystem::path socket;
  std::filesystem::path state;
  std::filesystem::path config; ///< agents.yaml that it serves; "" when it does not say
  std::string version;
  int protocol = 0;          ///< 0: it does not say
  bool is_activated = false; ///< somebody else listens on the socket when it is gone, and starts the next one

  bool operator==(const supervisor_entry&) const = default;
};

/// What the file's bytes say; absent when they are no such entry, or not all of one.
std::optional<supervisor_entry> parse_supervisor_entry(std::string_view text);

/// Absent: the file is not there, or is not (yet) whole. Says nothing of whether that supervisor lives.
std::optional<supervisor_entry> read_supervisor_entry(const std::filesystem::path& lock_file);

/// Whether a supervisor holds the lock.
bool is_supervisor_alive(const std::filesystem::path& lock_file);

/// The lock that makes a supervisor the only one of its jobs directory, held for life.
class supervisor_lock {
public:
  /// Absent: another one holds it. Fault `io`: it cannot be had at all.
  static expected<std::optional<supervisor_lock>> acquire(const std::filesystem::path& lock_file);

  /// Tells frontends where to connect. Call once the socket listens.
  expected<void> publish(const supervisor_entry& entry);

  /// False when the path names another file than the one that is locked: somebody has deleted or replaced it, and
  /// another supervisor may be there any time.
  bool is_still_ours() const;

private:
  supervisor_lock(unique_fd fd, std::filesystem::path path) : fd_{std::move(fd)}, path_{std::move(path)} {}

  unique_fd fd_;
  std::filesystem::path path_;
};

} // namespace agent_dispatch
