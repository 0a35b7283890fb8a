#include "frontends/cli/job_commands.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <ostream>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include "actors/storage/job_cancel.hpp"
#include "actors/storage/job_search.hpp"
#include "actors/storage/owner.hpp"
#include "actors/storage/private_directory.hpp"
#include "frontends/cli/job_output.hpp"
#include "frontends/cli/jobs_text.hpp"
#include "frontends/client/control_client.hpp"
#include "frontends/views/jobs_view.hpp"

namespace agent_dispatch {

namespace {

constexpr std::int64_t most_rows = 1000; // as the tool dispatch_jobs
constexpr double seconds_per_day = 86'400;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

/// Answers of the records themselves, for when there is no supervisor.
expected<ordered_json> stored_rows(cli_io& io, std::optional<job_status> status, std::int64_t limit) {
  const auto files = caller_job_files(io);
  if (!files)
    return tl::unexpected(files.error());
  const auto found = files->list(status, static_cast<std::size_t>(limit));
  if (!found)
    return tl::unexpected(found.error());
  print_skipped(io, found->skipped);
  return job_rows_json(found->records);
}

expected<ordered_json> stored_job(const cli_io& io, const std::string& id) {
  const auto files = caller_job_files(io);
  if (!files)
    return tl::unexpected(files.error());
  const auto record = find_job(*files, id);
  if (!record)
    return tl::unexpected(record.error());
  return job_json(*record);
}

double age_in_days(const gc_options& options) { return options.which == collect::all ? 0 : options.days; }

expected<ordered_json> stored_gc(cli_io& io, const gc_options& options) {
  const auto files = caller_job_files(io);
  if (!files)
    return tl::unexpected(files.error());
  const auto age = std::chrono::duration<double>{age_in_days(options) * seconds_per_day};
  const auto collected = files->gc(options.which, age, unix_now());
  if (!collected)
    return tl::unexpected(collected.error());
  return gc_json(collected->purged, age_in_days(options));
}

/// From the supervisor when one is alive, else from `stored`.
template <class Stored>
expected<ordered_json> live_or_stored(cli_io& io, std::string_view method, const ordered_json& params, Stored stored) {
  auto link = connect_if_running(io);
  if (!link)
    return tl::unexpected(link.error());
  if (!*link)
    return stored();
  auto answer = ask_supervisor(**link, method, params, nullptr);
  if (!answer && answer.error().kind == fault_kind::lost)
    return stored(); // it has died meanwhile
  return answer;
}

/// A supervisor of ours has to end it: its own thread may be waiting for the run.
expected<ordered_json> cancel_by_supervisor(cli_io& io, const job_id& id, supervisor_kind kind) {
  const auto request = make_link_request(io, frontend_role::cli, kind);
  if (!request)
    return tl::unexpected(request.error());
  auto link = connect_supervisor(*request);
  if (!link)
    return tl::unexpected(link.error());
  return ask_supervisor(*link, "cancel_job", {{"id", id.value}}, &*request);
}

expected<ordered_json> cancel_stored(cli_io& io, const job_files& files, const job_record& record,
                                     supervisor_kind kind) {
  const bool is_ours = owner_of_record(record.owner, files.owner()) != job_owner::another_program;
  if (is_ours && !is_terminal(record.status))
    return cancel_by_supervisor(io, record.id, kind);
  const auto cancelled = cancel_record(files, record.id, unix_now());
  if (!cancelled)
    return tl::unexpected(cancelled.error());
  return cancel_json(cancelled->report);
}

expected<ordered_json> cancel_job(const one_job_options& options, cli_io& io) {
  const auto files = caller_job_files(io);
  if (!files)
    return tl::unexpected(files.error());
  const auto record = find_job(*files, options.id);
  if (!record)
    return tl::unexpected(record.error());
  return live_or_stored(io, "cancel_job", {{"id", record->id.value}},
                        [&] { return cancel_stored(io, *files, *record, options.supervisor); });
}

void print_cancel(cli_io& io, const ordered_json& answer) {
  const auto outcome = answer.value("outcome", "");
  auto sentence = answer.value("message", "");
  if (outcome == to_string(cancel_outcome::cancelled))
    sentence = jobs_text::cancelled;
  else if (outcome == to_string(cancel_outcome::cancelled_running))
    sentence = jobs_text::cancelled_running;
  io.out << "Job " << printable(answer.value("job_id", "")) << ": " << printable(sentence) << '\n';
}

bool is_cancel_answer(const ordered_json& answer) {
  const auto is_text = [&](const char* key) { return !answer.contains(key) || answer[key].is_string(); };
  return answer.is_object() && answer.contains("outcome") && is_text("outcome") && is_text("message") &&
         is_text("job_id");
}

template <class Options>
void add_json_flag(CLI::App& command, const std::shared_ptr<Options>& options) {
  command.add_flag_callback(
      "--json", [options] { options->format = output_format::json; }, std::string{jobs_text::json_help});
}

void declare_jobs(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<jobs_options>();
  auto& command = *app.add_subcommand("jobs", std::string{jobs_text::jobs_help});
  command.add_option("--status", options->status, std::string{jobs_text::status_help})
      ->type_name(std::string{jobs_text::status_type});
  command.add_option("--limit", options->limit, std::string{jobs_text::limit_help})
      ->check(CLI::Range(std::int64_t{1}, most_rows));
  add_json_flag(command, options);
  command.callback([&chosen, options] { chosen = [options](cli_io& io) { return run_jobs(*options, io); }; });
}

void declare_gc(CLI::App& app, cli_command& chosen) {
  const auto options = std::make_shared<gc_options>();
  auto& command = *app.add_subcommand("gc", std::string{jobs_text::gc_help});
  command.add_option("--days", options->days, std::string{jobs_text::days_help});
  command.add_flag_callback(
      "--all", [options] { options->which = collect::all; }, std::string{jobs_text::all_help});
  add_json_flag(command, options);
  command.callback([&chosen, options] { chosen = [options](cli_io& io) { return run_gc(*options, io); }; });
}

void declare_wait(CLI::App& app, cli_command& chosen, const bool& embedded) {
  const auto options = std::make_shared<wait_options>();
  auto& command = *app.add_subcommand("wait", std::string{jobs_text::wait_help});
  command.add_option("jobs", options->ids, std::string{jobs_text::id_help})->required();
  command.add_option("--timeout", options->timeout, std::string{jobs_text::timeout_help})->check(CLI::PositiveNumber);
  add_json_flag(command, options);
  command.callback([&chosen, &embedded, options] {
    options->supervisor = embedded ? supervisor_kind::embedded : supervisor_kind::shared;
    chosen = [options](cli_io& io) { return run_wait(*options, io); };
  });
}

using one_job_command = int (*)(const one_job_options&, cli_io&);

struct one_job_subcommand {
  const char* name;
  std::string_view help;
  one_job_command run;
};

void declare_one_job(CLI::App& app, cli_command& chosen, const bool& embedded, const one_job_subcommand& declared) {
  const auto options = std::make_shared<one_job_options>();
  auto& command = *app.add_subcommand(declared.name, std::string{declared.help});
  command.add_option("id", options->id, std::string{jobs_text::id_help})->required();
  add_json_flag(command, options);
  command.callback([&chosen, &embedded, options, run = declared.run] {
    options->supervisor = embedded ? supervisor_kind::embedded : supervisor_kind::shared;
    chosen = [options, run](cli_io& io) { return run(*options, io); };
  });
}

} // namespace

double unix_now() { return std::chrono::duration<double>{std::chrono::system_clock::now().time_since_epoch()}.count(); }

expected<job_files> caller_job_files(const cli_io& io) {
  const auto paths = find_paths(io.environment, io.directory);
  if (!paths)
    return tl::unexpected(paths.error());
  if (const auto checked = check_private_directory(paths->jobs, "AGENT_DISPATCH_JOBS_DIR"); !checked)
    return tl::unexpected(checked.error());
  std::error_code problem;
  const auto real = std::filesystem::canonical(paths->jobs, problem);
  const auto& directory = problem ? paths->jobs : real; // not there yet: then nothing is in it
  return job_files{directory, owner_of(directory)};
}

expected<ordered_json> ask_supervisor(supervisor_link& link, std::string_view method, const ordered_json& params,
                                      const link_request* redial) {
  return refusal_as_fault(call_supervisor(link, {.method = method, .params = params, .redial = redial}));
}

expected<ordered_json> refusal_as_fault(expected<ordered_json> answer) {
  // A record or result may say what its agent failed with: that is no refusal.
  const bool is_refusal = answer && answer->is_object() && answer->contains("error") && !answer->contains("id") &&
                          !answer->contains("agent");
  if (!is_refusal)
    return answer;
  const auto& sentence = (*answer)["error"];
  return failure(fault_kind::invalid_argument,
                 sentence.is_string() ? sentence.get<std::string>() : std::string{jobs_text::unreadable_answer});
}

int run_jobs(const jobs_options& options, cli_io& io) {
  const auto word = lower_case(options.status);
  const auto status = job_status_from(word);
  if (!word.empty() && !status)
    return report_failure(io, options.format, jobs_text::unknown_status(printable(options.status)), exit_usage);
  const auto rows = live_or_stored(io, "jobs", {{"status", word}, {"limit", options.limit}},
                                   [&] { return stored_rows(io, status, options.limit); });
  if (!rows)
    return report_failure(io, options.format, rows.error().message);
  if (!rows->is_array())
    return report_failure(io, options.format, jobs_text::unreadable_answer);
  if (options.format == output_format::json)
    print_json(io, *rows);
  else if (rows->empty())
    io.out << (word.empty() ? jobs_text::no_jobs : jobs_text::no_such_jobs) << '\n';
  else
    print_job_rows(io, *rows);
  return exit_success;
}

int run_job(const one_job_options& options, cli_io& io) {
  const auto answer = live_or_stored(io, "job", {{"id", options.id}}, [&] { return stored_job(io, options.id); });
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (options.format == output_format::json) {
    print_json(io, *answer);
    return exit_success;
  }
  const auto record = job_record_from(nlohmann::json(*answer));
  if (!record)
    return report_failure(io, options.format, jobs_text::unreadable_answer);
  print_job(io, *record);
  return exit_success;
}

int run_cancel(const one_job_options& options, cli_io& io) {
  const auto answer = cancel_job(options, io);
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  if (!is_cancel_answer(*answer))
    return report_failure(io, options.format, jobs_text::unreadable_answer);
  if (options.format == output_format::json)
    print_json(io, *answer);
  else
    print_cancel(io, *answer);
  return answer->at("outcome") == to_string(cancel_outcome::running) ? exit_failure : exit_success;
}

int run_gc(const gc_options& options, cli_io& io) {
  if (!std::isfinite(options.days) || options.days <= 0)
    return report_failure(io, options.format, jobs_text::days_refused, exit_usage);
  ordered_json params;
  if (options.which == collect::all)
    params["all"] = true;
  else
    params["max_age_days"] = options.days;
  const auto answer = live_or_stored(io, "gc", params, [&] { return stored_gc(io, options); });
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  const auto purged = answer->find("purged");
  if (!answer->is_object() || purged == answer->end() || !purged->is_number_unsigned())
    return report_failure(io, options.format, jobs_text::unreadable_answer);
  if (options.format == output_format::json)
    print_json(io, *answer);
  else
    io.out << jobs_text::purged(purged->get<std::size_t>()) << '\n';
  return exit_success;
}

void register_job_commands(CLI::App& app, cli_command& chosen, const bool& embedded) {
  declare_jobs(app, chosen);
  declare_one_job(app, chosen, embedded, {"job", jobs_text::job_help, run_job});
  declare_one_job(app, chosen, embedded, {"cancel", jobs_text::cancel_help, run_cancel});
  declare_gc(app, chosen);
  declare_wait(app, chosen, embedded);
  declare_one_job(app, chosen, embedded, {"follow", jobs_text::follow_help, run_follow});
  declare_one_job(app, chosen, embedded, {"retry", jobs_text::retry_help, run_retry});
}

} // namespace agent_dispatch
