#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "messages/fault.hpp"
#include "messages/ids.hpp"
#include "messages/limits.hpp"
#include "messages/process.hpp"

namespace agent_dispatch {

/// A resource limit as setrlimit takes it; RLIM_INFINITY is the largest number.
struct resource_limit {
  std::int32_t resource = 0; ///< RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;

  bool operator==(const resource_limit&) const = default;
};

/// All that a keeper needs to start its CLI and to end it. Holds the caller's environment: never on disk, never logged.
struct launch_order {
  run_key run;
  std::string program;                  ///< absolute path of what is executed
  std::vector<std::string> argv;        ///< whole, argv[0] included; never empty
  std::vector<std::string> environment; ///< "NAME=value". The run's mark is put in by `encode` when it is not there
  std::string directory;                ///< absolute: working directory of the CLI
  std::uint32_t umask = 022;
  std::vector<resource_limit> limits;                     ///< those not named stay as the supervisor has them
  std::chrono::milliseconds deadline{0};                  ///< from the start of the CLI, CLOCK_MONOTONIC; 0: none
  std::chrono::milliseconds grace = limits::signal_grace; ///< between SIGINT, SIGTERM and SIGKILL
  std::uint64_t output_limit = limits::run_output_bytes;  ///< stdout and stderr together, bytes; 0: none
  durability written = durability::page_cache;

  bool operator==(const launch_order&) const = default;
};

/// Bytes of an encoded order, at most. execve itself takes 6 MiB.
inline constexpr std::size_t launch_order_bytes = 64u << 20;

/// For a memfd between two programs of one machine: magic, format number, then each member, lengths first. Fails with
/// `invalid_argument` when an argument or variable contains a NUL, argv is empty, the key is none, or it is too large.
expected<std::string> encode(const launch_order& order);

/// Fails with `protocol` on anything that `encode` does not produce: other magic or format, cut off, bytes left over,
/// lengths beyond the end, NULs, relative paths.
expected<launch_order> decode_launch_order(std::string_view bytes);

} // namespace agent_dispatch
