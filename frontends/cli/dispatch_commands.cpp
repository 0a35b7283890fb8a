#include "frontends/cli/dispatch_commands.hpp"

#include <memory>
#include <ostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "frontends/cli/job_commands.hpp"
#include "frontends/cli/jobs_text.hpp"
#include "frontends/cli/result_output.hpp"
#include "frontends/cli/status_display.hpp"
#include "frontends/cli/supervisor_text.hpp"
#include "messages/run_request_json.hpp"

namespace agent_dispatch {

namespace {

/// What a person waits for, and how.
struct asking {
  std::string subject; ///< of the status line
  progress_display progress = progress_display::none;
  supervisor_kind supervisor = supervisor_kind::shared;
};

/// The supervisor's answer; what has gone wrong is a fault.
expected<ordered_json> ask(const char* method, ordered_json params, const asking& how, cli_io& io) {
  auto request = make_link_request(io, frontend_role::cli, how.supervisor);
  if (!request)
    return tl::unexpected(request.error());
  status_display display{io, {.subject = how.subject}};
  request->warn = display.warn();
  auto link = connect_supervisor(*request, display.tick());
  if (!link)
    return tl::unexpected(link.error());
  control_call call{.method = method,
                    .params = std::move(params),
                    .progress = {},
                    .cancelling = [&display] { display.print(supervisor_text::cancelling); },
                    .interrupt = on_interrupt::cancel_request,
                    .redial = &*request};
  if (how.progress == progress_display::lines)
    call.progress = [&](std::string_view text) { print_events(io, display, text); };
  display.attach(call);
  auto answer = call_supervisor(*link, call);
  if (answer && answer->is_object() && answer->contains("error") && !answer->contains("agent"))
    return failure(fault_kind::invalid_argument, answer->value("error", ""));
  return answer;
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
  options->is_shareable = true;
  auto& run = options->run;
  auto& command = *app.add_subcommand("dispatch", std::string{supervisor_text::dispatch_help});
  command.add_option("agent", run.agent.value, "Name of the agent")->required();
  command.add_option("task", run.task, "What to do")->required();
  command.add_option("--context", run.context, "Facts the task needs");
  command.add_option("--caller", run.caller, "Who asks");
  command.add_option("--goal", run.goal, "The larger aim");
  command.add_option("--group", run.group, "A group of the agent's: it also gets what the members share");
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
  command
      .add_flag_callback(
          "--return-ref", [options] { options->shown = shown_result::ref; },
          std::string{supervisor_text::return_ref_help})
      ->excludes(async);
  command.add_option("--summary-chars", options->summary_characters, std::string{supervisor_text::summary_chars_help});
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
  command.add_option_function<std::int64_t>(
      "--timeout", [options](std::int64_t seconds) { options->run.timeout = std::chrono::seconds{seconds}; },
      "Seconds this run may take; 0: as the agent is configured");
  add_common_options(command, options);
  finish(command, chosen, embedded, options);
}

void declare_dialogue(CLI::App& app, cli_command& chosen, const bool& embedded) {
  constexpr int most_rounds = 10;
  const auto options = std::make_shared<dialogue_options>();
  auto& command = *app.add_subcommand("dialogue", std::string{supervisor_text::dialogue_help});
  command.add_option("requester", options->requester, "The agent that has the question")->required();
  command.add_option("responder", options->responder, "The agent that knows; it speaks first")->required();
  command.add_option("topic", options->topic, "What they talk about")->required();
  command.add_option("--max-rounds", options->most_rounds, "A round is one message of each")
      ->check(CLI::Range(1, most_rounds));
  command.add_flag_callback(
      "--stream", [options] { options->progress = progress_display::lines; },
      std::string{supervisor_text::stream_help});
  command.add_flag_callback(
      "--json", [options] { options->format = output_format::json; }, std::string{supervisor_text::json_help});
  command.callback([&chosen, &embedded, options] {
    options->supervisor = embedded ? supervisor_kind::embedded : supervisor_kind::shared;
    chosen = [options](cli_io& io) { return run_dialogue(*options, io); };
  });
}

int answer_ref(const dispatch_options& options, const ordered_json& answer, cli_io& io) {
  if (options.format == output_format::text)
    return print_ref(io, answer);
  print_json(io, answer);
  return answer.value("success", false) ? exit_success : exit_failure;
}

} // namespace

int run_dispatch(const dispatch_options& options, cli_io& io) {
  if (options.wait == dispatch_wait::accept_job)
    return start_job("dispatch_async", run_request_json(options.run),
                     {.supervisor = options.supervisor, .format = options.format, .subject = options.run.agent.value},
                     io);
  auto params = run_request_json(options.run);
  params["shareable"] = options.is_shareable && options.progress != progress_display::lines && !options.run.resume;
  if (options.shown == shown_result::ref) {
    params["return_ref"] = true;
    params["summary_chars"] = options.summary_characters;
  }
  const auto answer =
      ask("dispatch", std::move(params), {options.run.agent.value, options.progress, options.supervisor}, io);
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (is_ref(*answer))
    return answer_ref(options, *answer, io);
  const auto result = dispatch_result_from(nlohmann::json(*answer));
  if (!result)
    return report_failure(io, options.format, result.error().message);
  if (options.format == output_format::text)
    return print_result(io, *result);
  print_json(io, *answer);
  return result->success ? exit_success : exit_failure;
}

int run_dialogue(const dialogue_options& options, cli_io& io) {
  ordered_json params;
  params["requester"] = options.requester;
  params["responder"] = options.responder;
  params["topic"] = options.topic;
  params["max_rounds"] = options.most_rounds;
  const auto answer =
      ask("dispatch_dialogue", std::move(params),
          {supervisor_text::talk(options.requester, options.responder), options.progress, options.supervisor}, io);
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (options.format == output_format::text)
    return print_dialogue(io, *answer);
  print_json(io, *answer);
  return is_failed_dialogue(*answer) ? exit_failure : exit_success;
}

void register_dispatch_commands(CLI::App& app, cli_command& chosen, const bool& embedded) {
  declare_dispatch(app, chosen, embedded);
  declare_test(app, chosen, embedded);
  declare_dialogue(app, chosen, embedded);
}

} // namespace agent_dispatch
