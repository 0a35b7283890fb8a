#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "actors/storage/job_files.hpp"
#include "frontends/cli/caller.hpp"
#include "frontends/cli/presentation.hpp"
#include "messages/json.hpp"

/// The commands about jobs: jobs, job, cancel, gc, wait, follow, retry. What the records themselves can answer is
/// answered without a supervisor, and starts none.
namespace agent_dispatch {

/// Exit codes beside those of every command.
enum job_exit_code : int {
  exit_gave_up_waiting = 124, ///< as timeout(1)
  exit_interrupted = 130,     ///< as a shell has it for SIGINT
};

struct jobs_options {
  std::string status; ///< in any case; "": all
  std::int64_t limit = 20;
  output_format format = output_format::text;
};

/// For the commands that take one job.
struct one_job_options {
  std::string id; ///< or a prefix that no other job has
  supervisor_kind supervisor = supervisor_kind::shared;
  output_format format = output_format::text;
};

struct gc_options {
  double days = 7;
  collect which = collect::older_than_age;
  output_format format = output_format::text;
};

struct wait_options {
  std::vector<std::string> ids;
  std::optional<double> timeout; ///< seconds, > 0, for all together
  supervisor_kind supervisor = supervisor_kind::shared;
  output_format format = output_format::text;
};

struct start_job_options {
  supervisor_kind supervisor = supervisor_kind::shared;
  output_format format = output_format::text;
  std::string subject; ///< of the status line, while a supervisor is started
};

int run_jobs(const jobs_options& options, cli_io& io);
int run_job(const one_job_options& options, cli_io& io);

/// Exit code 1 when the job runs on, in another program.
int run_cancel(const one_job_options& options, cli_io& io);
int run_gc(const gc_options& options, cli_io& io);

/// Exit code 0 when all are done, 1 when one failed or was cancelled, 124 when the time passed, 130 after Ctrl-C; the
/// jobs go on.
int run_wait(const wait_options& options, cli_io& io);

/// Progress on the error output, then the result as `dispatch` shows it. Exit codes as of `run_wait`.
int run_follow(const one_job_options& options, cli_io& io);
int run_retry(const one_job_options& options, cli_io& io);

/// Has the supervisor accept a job and prints its id.
int start_job(std::string_view method, const ordered_json& params, const start_job_options& options, cli_io& io);

/// The records of the caller's jobs directory, which need not be there.
expected<job_files> caller_job_files(const cli_io& io);

/// Now, Unix seconds.
double unix_now();

/// Asks a supervisor, and gives up on Ctrl-C. `redial`: how to ask the next one when this one dies; null: it is asked
/// once. Faults as `call_supervisor` and `refusal_as_fault`.
expected<ordered_json> ask_supervisor(supervisor_link& link, std::string_view method, const ordered_json& params,
                                      const link_request* redial);

/// The refusal `{"error"}` of a supervisor as a fault of kind `invalid_argument`; any other answer as it is.
expected<ordered_json> refusal_as_fault(expected<ordered_json> answer);

/// Declares the seven subcommands. `embedded` is read when a command runs.
void register_job_commands(CLI::App& app, cli_command& chosen, const bool& embedded);

} // namespace agent_dispatch
