#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace agent_dispatch {

/// A string that cannot be mistaken for another kind of string.
template <class Tag>
struct strong_id {
  std::string value;

  auto operator<=>(const strong_id&) const = default;
  bool empty() const noexcept { return value.empty(); }
};

/// Name of an agent: `^[A-Za-z0-9][A-Za-z0-9_-]*$`.
using agent_name = strong_id<struct agent_name_tag>;

/// Session of the agent's CLI: a UUID in its usual form, chosen by us for a fresh run. What a caller gives to resume
/// is passed on as it is.
using session_id = strong_id<struct session_id_tag>;

/// One frontend process, for its whole life: a UUID.
using frontend_id = strong_id<struct frontend_id_tag>;

/// A persisted job: 32 lowercase hexadecimal digits.
using job_id = strong_id<struct job_id_tag>;

/// A run, unique for ever; also the name of its run directory and the value of AGENT_DISPATCH_RUN in its processes.
/// Form: `<frontend uuid>.<line>.<part>`; part is `0`, `1`, … for items, `agg` and `t1`, … for those to come.
using run_key = strong_id<struct run_key_tag>;

/// Name of the variable that marks every process of a run; its value is the run's key.
inline constexpr std::string_view run_variable = "AGENT_DISPATCH_RUN";

/// A caller's request: the frontend and the number of the line that carried it (from 1). Everything that is done for a
/// request has a key that derives from this one, so that it is found again instead of being done again. What a request
/// consists of, an item of a parallel one or a turn of a dialogue, is a request as well, with the name of that part.
struct request_key {
  frontend_id frontend;
  std::uint64_t line = 0;
  std::string part{}; ///< `0`, `1`, … `agg`, `t1`, `t2`, …; "": the request itself

  auto operator<=>(const request_key&) const = default;

  /// `<frontend>.<line>`, and `.<part>` of a part: the name of the request's file.
  std::string text() const;
  /// The key of the request's run: `<frontend>.<line>.<part>`, the part of a request that is whole being 0.
  run_key run() const;
  request_key part_of(std::string name) const { return {frontend, line, std::move(name)}; }
  /// The request that this one is a part of.
  request_key whole() const { return {frontend, line}; }
};

/// A random (version 4) UUID in lower case, from the kernel's random source.
std::string make_uuid();

/// A new job's id, as random as a UUID.
job_id make_job_id();

/// 36 characters, hexadecimal digits and dashes where they belong; any version, any case.
bool is_uuid(std::string_view text);

/// 32 lowercase hexadecimal digits.
bool is_job_id(std::string_view text);

/// `^[A-Za-z0-9][A-Za-z0-9_-]*$`.
bool is_valid_name(std::string_view text);

/// `^[A-Za-z0-9][A-Za-z0-9._-]*$` and at most 200 bytes: safe as a file name.
bool is_run_key(std::string_view text);

} // namespace agent_dispatch

template <class Tag>
struct std::hash<agent_dispatch::strong_id<Tag>> {
  std::size_t operator()(const agent_dispatch::strong_id<Tag>& id) const noexcept {
    return std::hash<std::string>{}(id.value);
  }
};
