#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every number that bounds something, with its unit and its source.
namespace agent_dispatch::limits {

using namespace std::chrono_literals;

/// A line from a client or a frame on the socket, without its newline. SPEC: a 64 MiB line hurts nobody.
inline constexpr std::size_t frame_bytes = 64u << 20;
/// A per-call timeout is clamped to this range (interface of the program we replace).
inline constexpr auto timeout_floor = 10s;
inline constexpr auto timeout_ceiling = 7200s;
/// Grace between SIGINT and SIGTERM, and between SIGTERM and SIGKILL. Measured: the CLI answers SIGINT in 40–130 ms
/// and SIGTERM in up to 1.2 s.
inline constexpr auto signal_grace = 2s;
/// A sweep gives up after this and reports what stays.
inline constexpr auto sweep_time = 5s;
/// stdout and stderr of one run together; over it the run is ended.
inline constexpr std::uint64_t run_output_bytes = 1ull << 30;
/// Of stderr, the first bytes are kept.
inline constexpr std::size_t stderr_bytes = 64u << 10;
/// Text taken from a run's output that is not a result: partial answers, plain output.
inline constexpr std::size_t partial_text_bytes = 1u << 20;
/// Bounds on what a child may put into a result (interface of the program we replace).
inline constexpr std::size_t denied_tools = 10;
inline constexpr std::size_t denied_tool_characters = 100;
inline constexpr std::size_t errors = 5;
inline constexpr std::size_t error_characters = 300;
/// One progress line: in an answer's progress, and in a job.
inline constexpr std::size_t progress_characters = 500;
inline constexpr std::size_t job_progress_characters = 300;

/// Of a result that is given as a ref: characters that can be asked for beside it.
inline constexpr std::int64_t summary_characters = 100'000;
/// What the result cache may hold, whatever settings.cache.max_size says.
inline constexpr std::size_t cache_bytes = 64u << 20;
/// How often a run's output is looked at. Measured: cheaper than inotify up to a few hundred runs.
inline constexpr auto output_poll = 50ms;
/// A frontend gives a supervisor this long to come up.
inline constexpr auto supervisor_start = 10s;
/// The holder of the supervisor lock compares descriptor and path this often.
inline constexpr auto lock_check = 5s;
/// A supervisor's log past this size is put aside, and so many of them are kept: 20 MiB in all. A day of much work is
/// some 100 KiB.
inline constexpr std::size_t log_bytes = 5u << 20;
inline constexpr std::size_t old_logs = 3;
/// Locks shared with other programs are waited for this long.
inline constexpr auto shared_lock = 10s;

} // namespace agent_dispatch::limits
