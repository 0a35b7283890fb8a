#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "actors/run/launch_order.hpp"
#include "actors/run/unique_fd.hpp"
#include "messages/process.hpp"

namespace agent_dispatch {

/// Bytes of exit.json: padded with spaces, so that it can be written where no block is free any more.
inline constexpr std::size_t exit_file_bytes = 512;

/// `none`, `deadline`, `cancelled`, `output_limit`: the words of exit.json.
std::string_view to_string(end_reason reason);
std::optional<end_reason> end_reason_from(std::string_view text);

/// One JSON object with `format` and the members of the record; what is absent in the record is null. `start_step`
/// must be plain ASCII without quotes.
std::string exit_json(const exit_record& record);

/// Allocates the draft of exit.json in a new run directory. Returns 0 or errno (ENOSPC: the run must not start).
int reserve_exit_file(int directory);

/// The draft of exit.json, which becomes exit.json, whole, when the run ends.
class exit_file {
public:
  /// Opens the reserved draft. Returns 0 or errno.
  int open(int directory);

  /// Whether the draft still has a name. Whoever removes the directory takes that away before `started`.
  bool is_in_place() const;
  /// Writes the record into the draft and renames it. Needs no free space on file systems that write in place. Returns
  /// 0 or errno of the first step that failed; exit.json is then absent.
  int publish(int directory, const exit_record& record);
  /// After that: what was written is on disk; its name is when the directory is too. Returns 0 or errno.
  int sync() const;

private:
  unique_fd draft_;
};

} // namespace agent_dispatch
