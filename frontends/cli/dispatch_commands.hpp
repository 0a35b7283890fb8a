#pragma once

#include <optional>
#include <string>

#include <CLI/App.hpp>

#include "frontends/cli/caller.hpp"
#include "frontends/cli/presentation.hpp"
#include "messages/run.hpp"

/// The commands that give agents something to do: dispatch, test, dialogue.
namespace agent_dispatch {

enum class progress_display { none, lines };

enum class dispatch_wait {
  for_answer, ///< prints the answer
  accept_job, ///< `--async`: prints the id of the job
};

enum class shown_result {
  whole,
  ref, ///< `--return-ref`: its id and its beginning
};

struct dispatch_options {
  run_request run;
  dispatch_wait wait = dispatch_wait::for_answer;
  shown_result shown = shown_result::whole;
  std::int64_t summary_characters = 500; ///< of a ref
  progress_display progress = progress_display::none;
  output_format format = output_format::text;
  supervisor_kind supervisor = supervisor_kind::shared;
  bool is_shareable = false; ///< an earlier answer will do, where nothing is to be watched
};

struct dialogue_options {
  std::string requester;
  std::string responder;
  std::string topic;
  int most_rounds = 3;
  progress_display progress = progress_display::none;
  output_format format = output_format::text;
  supervisor_kind supervisor = supervisor_kind::shared;
};

/// Prints the answer. Exit code 1 when the agent failed or could not be asked.
int run_dispatch(const dispatch_options& options, cli_io& io);

/// Prints the answer, and what was said on the way. Exit code 1 when a turn failed or nobody could be asked.
int run_dialogue(const dialogue_options& options, cli_io& io);

/// Declares `dispatch`, `test` and `dialogue`. `embedded` is read when a command runs.
void register_dispatch_commands(CLI::App& app, cli_command& chosen, const bool& embedded);

} // namespace agent_dispatch
