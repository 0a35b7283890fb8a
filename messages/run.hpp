#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "messages/agent.hpp"
#include "messages/ids.hpp"

namespace agent_dispatch {

enum class response_format { text, json };

/// Why a dispatch failed, as `error_type` says it.
enum class error_type { permission, timeout, recursion, not_found, budget, cancelled, cli_error };

/// `permission`, `timeout`, …: the words of the interface.
std::string_view to_string(error_type type);
std::optional<error_type> error_type_from(std::string_view text);

/// What a caller asks of an agent. All text is UTF-8.
struct run_request {
  agent_name agent;
  std::string task{};
  std::string context{};
  std::string caller{};
  std::string goal{};
  response_format format = response_format::text;
  std::optional<session_id> resume{}; ///< continue this session; absent: a fresh one
  std::chrono::seconds timeout{0};    ///< ≤ 0: the agent's
  std::string group{};                ///< whose shared context the agent gets as well; "": none
  bool clamp_timeout = true;          ///< false: `timeout` is taken as it is (the CLI's `test --timeout`)

  bool operator==(const run_request&) const = default;
};

/// A resource limit of the caller, as getrlimit gives it; RLIM_INFINITY is the largest number.
struct caller_limit {
  int resource = 0; ///< RLIMIT_…
  std::uint64_t soft = 0;
  std::uint64_t hard = 0;

  bool operator==(const caller_limit&) const = default;
};

/// What a frontend handed over when it connected. In memory only: never on disk, never in a log.
struct caller_context {
  std::vector<std::string> environment; ///< "NAME=value", bytes as execve takes them
  std::filesystem::path directory;      ///< absolute
  unsigned umask = 022;
  std::vector<caller_limit> limits;
  std::optional<run_key> parent; ///< AGENT_DISPATCH_RUN of the caller: this request is nested in that run
  int depth = 0;                 ///< AGENT_DISPATCH_DEPTH of the caller; absent or garbage: 0
};

using caller_context_ptr = std::shared_ptr<const caller_context>;

/// A dispatch's answer, field for field as the interface has it. Absent members are left out of the JSON.
struct dispatch_result {
  agent_name agent;
  bool success = false;
  std::string result; ///< "" when there is none
  std::optional<session_id> session;
  std::optional<double> cost_usd;          ///< this run's own, US dollars
  std::optional<std::int64_t> duration_ms; ///< as the CLI reports it
  std::optional<std::int64_t> num_turns;
  std::optional<std::string> error;
  std::optional<agent_dispatch::error_type> error_type;
  std::optional<nlohmann::json> parsed_result; ///< only when JSON was asked for and given
  std::vector<std::string> denied_tools;       ///< at most 10 of at most 100 characters
  std::optional<std::string> hint;
  bool budget_exceeded = false;

  bool operator==(const dispatch_result&) const = default;
};

/// One thing an agent did while it ran.
enum class progress_kind {
  text,
  tool,
  queued,
  started,
  note,
  spent, ///< a part of a request has ended: `cost_usd` says what all that have cost; nothing to show by itself
};

struct progress_event {
  progress_kind kind = progress_kind::note;
  std::string text;                 ///< one or more lines, at most 500 characters, ready to show
  std::optional<double> cost_usd{}; ///< US dollars, of `spent` alone

  bool operator==(const progress_event&) const = default;
};

} // namespace agent_dispatch
