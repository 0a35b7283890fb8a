#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "config/load.hpp"

namespace agent_dispatch {

/// The state of agents.yaml at one moment. Never changes.
struct config_snapshot {
  /// The file's; while `fault` is set, the last one that was good (none ever: the defaults), so that limits stay as
  /// they were.
  configuration value;
  std::optional<agent_dispatch::fault> fault; ///< why the file cannot be used now
  std::vector<std::string> warnings;          ///< one sentence each
  std::uint64_t generation = 0;               ///< from 1; another number when anything above is different
};

/// agents.yaml, re-read when it has changed. An unchanged file costs one stat(2). For one thread at a time, but for
/// `if_unchanged`; the snapshots may go anywhere.
class config_file {
public:
  explicit config_file(config_paths paths) : paths_{std::move(paths)} {}

  /// The file as it is now. Never null.
  std::shared_ptr<const config_snapshot> current();

  /// The same when nothing need be read for it, else null. From any thread, also while `current` is under way.
  std::shared_ptr<const config_snapshot> if_unchanged() const;

  /// How often a text was parsed so far.
  std::uint64_t parse_count() const { return parse_count_; }

  /// How often the file was opened to read it.
  std::uint64_t read_count() const { return read_count_; }

  const config_paths& paths() const { return paths_; }

private:
  /// A file that was written just before it was read may be written again without a new time stamp: then its bytes are
  /// compared until it is older than this.
  static constexpr std::chrono::milliseconds time_stamp_grain{100};

  struct known_file {
    std::shared_ptr<const config_snapshot> snapshot;
    std::optional<file_identity> identity; ///< of the file that `snapshot` shows; absent: look again
  };

  void note(known_file known);
  std::optional<file_identity> read_again();
  void accept(file_bytes file);
  void publish(configuration value, std::optional<agent_dispatch::fault> fault, std::vector<std::string> warnings);

  config_paths paths_;
  mutable std::mutex guard_;
  known_file known_; ///< behind `guard_`
  std::shared_ptr<const config_snapshot> snapshot_;
  std::optional<std::string> text_; ///< what `snapshot_` was parsed from
  std::uint64_t parse_count_ = 0;
  std::uint64_t read_count_ = 0;
};

} // namespace agent_dispatch
