#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

/// Every number that bounds something, with its unit and its source.
namespace agent_dispatch::limits {

using namespace std::chrono_literals;

/// A line from a client or a frame on the socket, without its newline. SPEC: a 64 MiB line hurts nobody.
inline constexpr std::size_t frame_bytes = 64u << 20;
/// How deep a message may nest, and JSON that comes in a text within one: copying and freeing it recurses.
inline constexpr std::size_t message_nesting = 256;
/// Of a request's id and of its progress token, which every word about it repeats. Clients count, or use UUIDs.
inline constexpr std::size_t id_bytes = 4u << 10;
/// Characters of a sentence that rejects a request; and of what it repeats of that, where more is to be said after it.
inline constexpr std::size_t rejection_characters = 4'000;
inline constexpr std::size_t repeated_characters = 200;
/// The environment of a frontend: Linux hands no program more than 6 MiB.
inline constexpr std::size_t environment_bytes = 8u << 20;
inline constexpr std::size_t environment_entries = 100'000;
/// A per-call timeout is clamped to this range (interface of the program we replace).
inline constexpr auto timeout_floor = 10s;
inline constexpr auto timeout_ceiling = 7200s;
/// Every other timeout is at most what agents.yaml can say, 68 years: far within the range of a clock's nanoseconds.
inline constexpr std::chrono::seconds longest_timeout{2'147'483'647};
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

/// What an agent is asked, all parts together: task, context, goal, caller and the group's shared context. Ten
/// times what is known to be wanted.
inline constexpr std::size_t prompt_bytes = 10u << 20;
/// The name of a session to go on with, as a caller or a CLI says it. The CLI's own are UUIDs.
inline constexpr std::size_t session_id_bytes = 200;
/// Runs that were asked for and have not been answered, of one agent and in all; and what their prompts take together,
/// which is in memory. Ten thousand queued jobs are known to be wanted.
inline constexpr std::size_t agent_requests = 10'000;
inline constexpr std::size_t all_requests = 50'000;
inline constexpr std::size_t all_request_bytes = 256u << 20;

/// Frontends that are connected at a time: each takes a descriptor, and a run may well start one of its own.
inline constexpr std::size_t connections = 2'000;
/// Requests of one connection that are open at a time.
inline constexpr std::size_t open_calls = 2'000;
/// What its user is asked about at a time: the prompts of all these dispatches together, which no queue counts yet.
inline constexpr std::size_t unconfirmed_bytes = 64u << 20;
/// Resources and tasks that one connection is told about.
inline constexpr std::size_t topics = 10'000;
/// Of those, questions that are answered from memory or disk: while there are more, nothing is read from it.
inline constexpr std::size_t unanswered_questions = 8;
/// Frames of one connection that were read and not dealt with yet: at most so many, and one more once they take so many
/// bytes. What comes after them stays in the socket.
inline constexpr std::size_t unread_frames = 64;
inline constexpr std::size_t unread_bytes = 16u << 20;
/// What a reader of lines keeps of its buffer for the next ones.
inline constexpr std::size_t idle_buffer_bytes = 1u << 20;
/// While so many bytes wait for a frontend that does not read, nothing is read from it.
inline constexpr std::size_t unwritten_bytes = 16u << 20;
/// While so many bytes wait, what may be left out is left out.
inline constexpr std::size_t slow_reader_bytes = 1u << 20;
/// What a run does is told at once, up to so many events in so much time; of more, the last ones.
inline constexpr std::size_t events_at_once = 20;
inline constexpr auto event_window = 100ms;

/// How deep the JSON of a kept file may nest: copying, writing and destroying it recurses. An answer that was parsed is
/// at most a quarter as deep.
inline constexpr std::size_t file_nesting = 1024;
/// Of a result that is given as a ref: characters that can be asked for beside it.
inline constexpr std::int64_t summary_characters = 100'000;
/// What the result cache may hold, whatever settings.cache.max_size says.
inline constexpr std::size_t cache_bytes = 64u << 20;
/// What a session asked to see in directories of agents less than this ago is not looked for again: so old may a list
/// of agents be. For those that ask in a row; a look at ten agents takes 0.3 ms.
inline constexpr auto view_age = 100ms;
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
