#include "frontends/cli/dispatch_commands.hpp"

#include <memory>
#include <ostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "frontends/cli/job_commands.hpp"
#include "frontends/cli/jobs_text.hpp"
#include "frontends/cli/result_output.hpp"
#include "frontends/cli/supervisor_text.hpp"
#include "frontends/client/control_client.hpp"
#include "messages/run_request_json.hpp"

namespace agent_dispatch {

namespace {

control_call make_call(const dispatch_options& options, cli_io& io) {
  control_call call{.method = "dispatch",
                    .params = run_request_json(options.run),
                    .progress = {},
                    .cancelling = [&io] { io.err << supervisor_text::cancelling << std::endl; },
                    .interrupt = on_interrupt::cancel_request};
  if (options.progress == progress_display::lines)
    call.progress = [&io](std::string_view text) { io.err << painted(io, colour::dim, printable(text)) << std::endl; };
  return call;
}

/// The options that `dispatch` and `test` share.
void add_common_options(CLI::App& command, const std::shared_ptr<dispatch_options>& options) {
  command.add_flag_callback(
      "--stream", [options] { options->progress = progress_display::lines; },
      std::string{supervisor_text::stream_help});
  command.add_flag_callback(
      "--json", [options] { options->format = output_format::json; }, std::string{supervisor_text::json_help});
}

void finish(CLI::App& command, cli_command& chosen, const bool& embedded,
            const std::shared_ptr<dispatch_options>& options) {
  command.callback([&chosen, &embedded, options] {
    options->supervisor = embedded ? supervisor_kind::embedded : supervisor_kind::shared;
    chosen = [options](cli_io& io) { return run_dispatch(*options, io); };
  });
}

void declare_dispatch(CLI::App& app, cli_command& chosen, const bool& embedded) {
  const auto options = std::make_shared<dispatch_options>();
  auto& run = options->run;
  auto& command = *app.add_subcommand("dispatch", std::string{supervisor_text::dispatch_help});
  command.add_option("agent", run.agent.value, "Name of the agent")->required();
  command.add_option("task", run.task, "What to do")->required();
  command.add_option("--context", run.context, "Facts the task needs");
  command.add_option("--caller", run.caller, "Who asks");
  command.add_option("--goal", run.goal, "The larger aim");
  command.add_option_function<std::string>(
      "--session-id", [options](const std::string& id) { options->run.resume = session_id{id}; },
      "Session to go on with");
  command
      .add_option_function<std::string>(
          "--response-format",
          [options](const std::string& format) {
            options->run.format = format == "json" ? response_format::json : response_format::text;
          },
          "json asks for one JSON value")
      ->check(CLI::IsMember({"text", "json"}));
  command.add_option_function<std::int64_t>(
      "--timeout,--timeout-seconds",
      [options](std::int64_t seconds) { options->run.timeout = std::chrono::seconds{seconds}; },
      "Seconds this run may take, 10 to 7200; 0: as the agent is configured");
  auto* const async = command.add_flag_callback(
      "--async", [options] { options->wait = dispatch_wait::accept_job; }, std::string{jobs_text::async_help});
  add_common_options(command, options);
  command.get_option("--stream")->excludes(async);
  finish(command, chosen, embedded, options);
}

void declare_test(CLI::App& app, cli_command& chosen, const bool& embedded) {
  const auto options = std::make_shared<dispatch_options>();
  options->run.task = supervisor_text::test_task;
  options->run.clamp_timeout = false;
  auto& command = *app.add_subcommand("test", std::string{supervisor_text::test_help});
  command.add_option("name", options->run.agent.value, "Name of the agent")->required();
  command.add_option("task", options->run.task, "What to do; a short greeting if omitted");
  command
      .add_option_function<std::int64_t>(
          "--timeout", [options](std::int64_t seconds) { options->run.timeout = std::chrono::seconds{seconds}; },
          "Seconds this run may take")
      ->check(CLI::PositiveNumber);
  add_common_options(command, options);
  finish(command, chosen, embedded, options);
}

} // namespace

int run_dispatch(const dispatch_options& options, cli_io& io) {
  if (options.wait == dispatch_wait::accept_job)
    return start_job("dispatch_async", run_request_json(options.run),
                     {.supervisor = options.supervisor, .format = options.format}, io);
  const auto request = make_link_request(io, frontend_role::cli, options.supervisor);
  if (!request)
    return report_failure(io, options.format, request.error().message);
  auto link = connect_supervisor(*request);
  if (!link)
    return report_failure(io, options.format, link.error().message);
  auto call = make_call(options, io);
  call.redial = &*request;
  const auto answer = call_supervisor(*link, call);
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (answer->is_object() && answer->contains("error") && !answer->contains("agent"))
    return report_failure(io, options.format, answer->value("error", ""));
  const auto result = dispatch_result_from(nlohmann::json(*answer));
  if (!result)
    return report_failure(io, options.format, result.error().message);
  if (options.format == output_format::text)
    return print_result(io, *result);
  print_json(io, to_json(*result));
  return result->success ? exit_success : exit_failure;
}

void register_dispatch_commands(CLI::App& app, cli_command& chosen, const bool& embedded) {
  declare_dispatch(app, chosen, embedded);
  declare_test(app, chosen, embedded);
}

} // namespace agent_dispatch
