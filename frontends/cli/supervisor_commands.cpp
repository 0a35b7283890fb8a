#include "frontends/cli/supervisor_commands.hpp"

#include <iomanip>
#include <memory>
#include <ostream>
#include <thread>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "actors/storage/supervisor_lock.hpp"
#include "frontends/cli/status_display.hpp"
#include "frontends/cli/supervisor_text.hpp"
#include "frontends/client/relay.hpp"
#include "frontends/client/start_supervisor.hpp"

namespace agent_dispatch {

namespace {

/// Between two looks at the lock of a supervisor that ends.
constexpr std::chrono::milliseconds look_again{5};
constexpr std::chrono::seconds end_time{10};

std::string duration_text(double seconds) {
  const auto whole = static_cast<long>(seconds);
  if (whole >= 3600)
    return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
  if (whole >= 60)
    return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole) + " s";
}

void print_status(cli_io& io, const ordered_json& status) {
  const auto& slots = status.at("slots");
  io.out << painted(io, colour::bold, "Supervisor " + status.at("version").get<std::string>()) << ", pid "
         << status.at("pid") << ", up for " << duration_text(status.at("uptime_seconds").get<double>()) << '\n'
         << "Socket     " << status.at("socket").get<std::string>() << '\n'
         << "Log        " << status.at("log").get<std::string>() << '\n'
         << "Frontends  " << status.at("frontends") << '\n'
         << "Runs       " << status.at("live_runs") << " live, " << status.at("queued") << " queued\n"
         << "Slots      " << slots.at("used") << " of " << slots.at("max") << " in use\n";
  if (status.contains("overload"))
    io.out << "Overload   " << printable(status.at("overload").at("reason").get<std::string>()) << '\n';
  for (const auto& agent : status.at("agents"))
    io.out << "  " << agent.at("name").get<std::string>() << ": " << agent.at("live") << " live, " << agent.at("queued")
           << " queued\n";
}

/// A status comes from a supervisor that may be of another version: what is missing there is no crash here.
int show_status(const status_options& options, cli_io& io, const ordered_json& status) {
  if (options.format == output_format::json) {
    print_json(io, status);
    return exit_success;
  }
  try {
    print_status(io, status);
  } catch (const nlohmann::json::exception& problem) {
    return report_failure(io, options.format, supervisor_text::unreadable_answer(problem.what()));
  }
  return exit_success;
}

void print_explanation(cli_io& io, const ordered_json& answer) {
  const auto id = answer.at("job_id").get<std::string>();
  const auto status = answer.at("status").get<std::string>();
  const auto agent = printable(answer.at("agent").get<std::string>());
  if (!answer.at("waiting").get<bool>()) {
    io.out << supervisor_text::waits_for_nothing(id, agent, status) << '\n';
    return;
  }
  io.out << supervisor_text::waits(id, agent, answer.value("position", 0)) << '\n';
  io.out << "  " << printable(answer.value("reason", std::string{supervisor_text::is_about_to_start})) << '\n';
  if (answer.contains("waiting_for"))
    for (const auto& holder : answer.at("waiting_for"))
      io.out << "  - "
             << supervisor_text::in_the_way(printable(holder.at("agent").get<std::string>()),
                                            printable(holder.value("job_id", std::string{})))
             << '\n';
}

int explain(supervisor_link& link, const status_options& options, cli_io& io) {
  const auto answer = call_supervisor(link, {.method = "why", .params = {{"id", options.job}}});
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (answer->contains("error"))
    return report_failure(io, options.format, answer->at("error").get<std::string>());
  if (options.format == output_format::json) {
    print_json(io, *answer);
    return exit_success;
  }
  try {
    print_explanation(io, *answer);
  } catch (const nlohmann::json::exception& problem) {
    return report_failure(io, options.format, supervisor_text::unreadable_answer(problem.what()));
  }
  return exit_success;
}

void print_ended(cli_io& io, const ordered_json& report) {
  if (!report.is_object() || !report.contains("ended") || !report["ended"].is_array())
    return;
  for (const auto& run : report["ended"])
    if (run.is_object())
      io.out << "Ended the run of agent '" << printable(run.value("agent", "")) << "'; its session is "
             << printable(run.value("session_id", "")) << '\n';
}

void await_lock_release(const cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  const auto until = std::chrono::steady_clock::now() + end_time;
  while (paths && is_supervisor_alive(paths->jobs / ".supervisor") && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(look_again);
}

/// Waits until it is gone.
expected<ordered_json> stop_visibly(supervisor_link& link, ordered_json params, cli_io& io) {
  status_display display{io, {.subject = std::string{supervisor_text::whole_supervisor}}};
  control_call call{.method = "stop", .params = std::move(params)};
  display.attach(call);
  display.update([](waiting_view& view) { view.phase = wait_phase::stopping; });
  auto report = call_supervisor(link, call);
  if (!report)
    return report;
  await_close(link);
  await_lock_release(io);
  return report;
}

int report_not_running(output_format format, std::string_view sentence, const ordered_json& json, cli_io& io) {
  if (format == output_format::json)
    print_json(io, json);
  else
    io.out << sentence << '\n';
  return exit_success;
}

} // namespace

int run_serve(supervisor_kind kind, cli_io& io) {
  auto request = make_server_request(io, kind);
  if (!request)
    return report_failure(io, output_format::text, request.error().message);
  return relay{std::move(*request), {}}.run();
}

int run_supervise(cli_io& io) {
  const auto request = make_link_request(io, frontend_role::cli, supervisor_kind::shared);
  if (!request)
    return report_failure(io, output_format::text, request.error().message);
  auto handed_over = find_service_sockets(io.environment);
  if (!handed_over)
    return report_failure(io, output_format::text, handed_over.error().message);
  return report_failure(io, output_format::text,
                        become_supervisor({.where = request->where,
                                           .home = request->home,
                                           .log_level = request->log_level,
                                           .listening = handed_over->listening,
                                           .notify_socket = std::move(handed_over->notify)})
                            .message);
}

int run_status(const status_options& options, cli_io& io) {
  auto link = connect_if_running(io);
  if (!link)
    return report_failure(io, options.format, link.error().message);
  if (!*link && !options.job.empty())
    return report_failure(io, options.format, supervisor_text::nothing_starts(options.job));
  if (!*link)
    return report_not_running(options.format, supervisor_text::not_running, {{"running", false}}, io);
  if (!options.job.empty())
    return explain(**link, options, io);
  const auto status = call_supervisor(**link, {.method = "status", .params = ordered_json::object()});
  if (!status)
    return report_failure(io, options.format, status.error().message);
  return show_status(options, io, *status);
}

int run_stop(const stop_options& options, cli_io& io) {
  auto link = connect_if_running(io);
  if (!link)
    return report_failure(io, options.format, link.error().message);
  if (!*link)
    return report_not_running(options.format, supervisor_text::nothing_to_stop,
                              {{"stopped", false}, {"running", false}}, io);
  const auto& greeting = (*link)->greeting;
  if (options.kind == stop_kind::drain && greeting.live_runs + greeting.queued > 0 &&
      options.format == output_format::text)
    io.err << supervisor_text::draining << std::endl;
  ordered_json params;
  params["now"] = options.kind == stop_kind::now;
  params["keep_runs"] = options.kind == stop_kind::keep_runs;
  const auto report = stop_visibly(**link, std::move(params), io);
  if (!report)
    return report_failure(io, options.format, report.error().message);
  if (options.format == output_format::json) {
    print_json(io, *report);
  } else {
    print_ended(io, *report);
    io.out << supervisor_text::stopped << '\n';
    if (options.kind == stop_kind::keep_runs && greeting.live_runs > 0)
      io.out << supervisor_text::left_runs << '\n';
  }
  return exit_success;
}

void register_supervisor_commands(CLI::App& app, cli_command& chosen, const bool& embedded) {
  app.add_subcommand("serve", std::string{supervisor_text::serve_help})->callback([&chosen, &embedded] {
    const auto kind = embedded ? supervisor_kind::embedded : supervisor_kind::shared;
    chosen = [kind](cli_io& io) { return run_serve(kind, io); };
  });
  app.add_subcommand("supervise", std::string{supervisor_text::supervise_help})->callback([&chosen] {
    chosen = [](cli_io& io) { return run_supervise(io); };
  });
  const auto status = std::make_shared<status_options>();
  auto& status_command = *app.add_subcommand("status", std::string{supervisor_text::status_help});
  status_command.add_flag_callback(
      "--json", [status] { status->format = output_format::json; }, std::string{supervisor_text::json_help});
  status_command.add_option("--why", status->job, std::string{supervisor_text::why_help})->type_name("JOB");
  status_command.callback([&chosen, status] { chosen = [status](cli_io& io) { return run_status(*status, io); }; });
  const auto stop = std::make_shared<stop_options>();
  auto& stop_command = *app.add_subcommand("stop", std::string{supervisor_text::stop_help});
  auto* now = stop_command.add_flag_callback(
      "--now", [stop] { stop->kind = stop_kind::now; }, std::string{supervisor_text::stop_now_help});
  stop_command
      .add_flag_callback(
          "--keep-runs", [stop] { stop->kind = stop_kind::keep_runs; }, std::string{supervisor_text::stop_keep_help})
      ->excludes(now);
  stop_command.add_flag_callback(
      "--json", [stop] { stop->format = output_format::json; }, std::string{supervisor_text::json_help});
  stop_command.callback([&chosen, stop] { chosen = [stop](cli_io& io) { return run_stop(*stop, io); }; });
}

} // namespace agent_dispatch
