#include <algorithm>
#include <chrono>
#include <ostream>

#include "actors/storage/job_search.hpp"
#include "frontends/cli/job_commands.hpp"
#include "frontends/cli/job_output.hpp"
#include "frontends/cli/jobs_text.hpp"
#include "frontends/cli/result_output.hpp"
#include "frontends/cli/status_display.hpp"
#include "frontends/views/jobs_view.hpp"

namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

/// A job that lives through so many supervisors kills them: then somebody has to look.
constexpr int most_supervisors = 3;

/// What waiting for a job came to.
struct waited_job {
  ordered_json answer; ///< as the supervisor gave it, or the record
  job_record record;
  bool gave_up = false; ///< the time passed
};

/// The times at which waiting ends.
class deadline {
public:
  explicit deadline(std::optional<double> seconds)
      : at_{seconds ? std::optional{clock::now() + std::chrono::duration_cast<clock::duration>(longest(*seconds))}
                    : std::nullopt} {}

  bool has_passed() const { return at_ && clock::now() >= *at_; }
  /// Seconds for the control protocol, where 0 is for ever.
  double left() const {
    constexpr double least = 0.001;
    return at_ ? std::max(least, std::chrono::duration<double>{*at_ - clock::now()}.count()) : 0;
  }

private:
  /// The clock ends in some hundred years.
  static std::chrono::duration<double> longest(double seconds) {
    constexpr std::chrono::duration<double> limit = std::chrono::years{10};
    return std::min(std::chrono::duration<double>{seconds}, limit);
  }

  std::optional<clock::time_point> at_;
};

/// Of the status line: `infra 3f2a9c01b4de`.
std::string job_subject(const job_record& record) {
  return record.agent.value + " " + std::string{first_characters(record.id.value, short_id_characters)};
}

expected<waited_job> read_answer(ordered_json answer) {
  auto record = job_record_from(nlohmann::json(answer));
  if (!record)
    return failure(fault_kind::protocol, std::string{jobs_text::unreadable_answer});
  const bool gave_up = !is_terminal(record->status);
  return waited_job{std::move(answer), std::move(*record), gave_up};
}

/// Waits for one job by asking supervisors about it. A job outlives its supervisor: the next one is asked again.
class job_wait {
public:
  job_wait(cli_io& io, const job_files& files, supervisor_kind kind, status_display& display)
      : io_{io}, files_{files}, kind_{kind}, display_{display} {}

  /// `make_call` is asked anew for each supervisor.
  expected<waited_job> run(const job_id& id, const deadline& until,
                           const std::function<control_call()>& make_call) const {
    for (int supervisor = 1;; ++supervisor) {
      const auto record = find_job(files_, id.value);
      if (!record)
        return tl::unexpected(record.error());
      if (is_terminal(record->status) || until.has_passed())
        return waited_job{waited_job_json(*record), *record, !is_terminal(record->status)};
      show(*record);
      auto answer = ask(make_call());
      if (answer)
        return read_answer(std::move(*answer));
      if (answer.error().kind != fault_kind::lost || supervisor == most_supervisors)
        return tl::unexpected(answer.error());
    }
  }

private:
  expected<ordered_json> ask(control_call call) const {
    auto request = make_link_request(io_, frontend_role::cli, kind_);
    if (!request)
      return tl::unexpected(request.error());
    request->warn = display_.warn();
    auto link = connect_supervisor(*request, display_.tick());
    if (!link)
      return tl::unexpected(link.error());
    display_.attach(call);
    return refusal_as_fault(call_supervisor(*link, call));
  }

  /// What the record knows, until the supervisor says more.
  void show(const job_record& record) const {
    display_.update([&](waiting_view& view) {
      view.subject = job_subject(record);
      view.phase = wait_phase::connecting;
      view.status = {.state = record.status == job_status::running ? call_state::running : call_state::starting,
                     .last_act = record.progress.empty() ? std::string{} : record.progress.back()};
    });
  }

  cli_io& io_;
  const job_files& files_;
  supervisor_kind kind_;
  status_display& display_;
};

int report_wait_failure(cli_io& io, output_format format, const job_id& id, const fault& problem) {
  if (problem.kind != fault_kind::cancelled)
    return report_failure(io, format, problem.message);
  io.err << jobs_text::goes_on(id.value) << '\n';
  return exit_interrupted;
}

int exit_code_of(const waited_job& job) {
  if (job.gave_up)
    return exit_gave_up_waiting;
  return job.record.status == job_status::done ? exit_success : exit_failure;
}

/// Of all jobs: giving up outweighs a failure, for then it is not known how they end.
int combined(int code, int next) { return std::max(code, next); }

void print_waited(cli_io& io, const waited_job& job) {
  if (job.gave_up)
    io.err << jobs_text::still_unfinished(job.record.id.value, to_string(job.record.status)) << '\n';
  else
    print_job_line(io, job.record);
}

/// All ids are known before anything is waited for.
expected<std::vector<job_id>> resolve_all(const job_files& files, const std::vector<std::string>& given) {
  std::vector<job_id> ids;
  for (const auto& text : given) {
    const auto id = resolve_job(files, text);
    if (!id)
      return tl::unexpected(id.error());
    ids.push_back(*id);
  }
  return ids;
}

void add_cost(std::optional<double>& spent, const job_record& record) {
  if (record.result && record.result->cost_usd)
    spent = spent.value_or(0) + *record.result->cost_usd;
}

control_call wait_call(const job_id& id, const deadline& until) {
  return {.method = "wait", .params = {{"id", id.value}, {"timeout_seconds", until.left()}}};
}

control_call follow_call(const cli_io& io, status_display& display, const job_id& id) {
  return {.method = "follow", .params = {{"id", id.value}}, .progress = [&](std::string_view text) {
            print_events(io, display, text);
          }};
}

expected<waited_job> follow_job(const job_files& files, supervisor_kind kind, const job_id& id, cli_io& io) {
  status_display display{io, {.subject = id.value}};
  return job_wait{io, files, kind, display}.run(id, deadline{std::nullopt},
                                                [&] { return follow_call(io, display, id); });
}

void print_answers(cli_io& io, ordered_json answers) {
  print_json(io, answers.size() == 1 ? answers.front() : answers);
}

} // namespace

int run_wait(const wait_options& options, cli_io& io) {
  const deadline until{options.timeout};
  const auto files = caller_job_files(io);
  if (!files)
    return report_failure(io, options.format, files.error().message);
  const auto ids = resolve_all(*files, options.ids);
  if (!ids)
    return report_failure(io, options.format, ids.error().message);
  status_display display{io, {}};
  const job_wait wait{io, *files, options.supervisor, display};
  auto answers = ordered_json::array();
  int code = exit_success;
  for (const auto& id : *ids) {
    if (ids->size() > 1)
      display.update([left = ids->size() - answers.size()](waiting_view& view) { view.jobs_left = left; });
    const auto job = wait.run(id, until, [&] { return wait_call(id, until); });
    display.erase();
    if (!job)
      return report_wait_failure(io, options.format, id, job.error());
    code = combined(code, exit_code_of(*job));
    if (options.format == output_format::text)
      print_waited(io, *job);
    answers.push_back(job->answer);
    display.update([&](waiting_view& view) { add_cost(view.spent, job->record); });
  }
  if (options.format == output_format::json)
    print_answers(io, std::move(answers));
  return code;
}

int run_follow(const one_job_options& options, cli_io& io) {
  const auto files = caller_job_files(io);
  if (!files)
    return report_failure(io, options.format, files.error().message);
  const auto id = resolve_job(*files, options.id);
  if (!id)
    return report_failure(io, options.format, id.error().message);
  const auto job = follow_job(*files, options.supervisor, *id, io);
  if (!job)
    return report_wait_failure(io, options.format, *id, job.error());
  if (options.format == output_format::json)
    print_json(io, job->answer);
  else
    print_result(io, result_of_job(job->record));
  return exit_code_of(*job);
}

int run_retry(const one_job_options& options, cli_io& io) {
  const auto files = caller_job_files(io);
  if (!files)
    return report_failure(io, options.format, files.error().message);
  const auto id = resolve_job(*files, options.id);
  if (!id)
    return report_failure(io, options.format, id.error().message);
  return start_job("retry", {{"id", id->value}},
                   {.supervisor = options.supervisor, .format = options.format, .subject = id->value}, io);
}

int start_job(std::string_view method, const ordered_json& params, const start_job_options& options, cli_io& io) {
  auto request = make_link_request(io, frontend_role::cli, options.supervisor);
  if (!request)
    return report_failure(io, options.format, request.error().message);
  if (request->missing == when_missing::start_embedded)
    return report_failure(io, options.format, jobs_text::embedded_refused, exit_usage);
  auto link = connect_visibly(io, *request, options.subject);
  if (!link)
    return report_failure(io, options.format, link.error().message);
  const auto answer = ask_supervisor(*link, method, params, &*request);
  if (!answer)
    return report_failure(io, options.format, answer.error().message);
  // What was refused, and a job whose record could not be made, is answered as a dispatch that failed.
  if (answer->is_object() && answer->contains("error") && (*answer)["error"].is_string())
    return report_failure(io, options.format, (*answer)["error"].get<std::string>());
  const auto id = answer->is_object() ? answer->find("job_id") : answer->end();
  if (!answer->is_object() || id == answer->end() || !id->is_string())
    return report_failure(io, options.format, jobs_text::unreadable_answer);
  if (options.format == output_format::json) {
    print_json(io, *answer);
    return exit_success;
  }
  io.out << id->get<std::string>() << std::endl;
  io.err << painted_note(io, colour::dim, jobs_text::accepted(id->get<std::string>())) << '\n';
  return exit_success;
}

} // namespace agent_dispatch
