#include "frontends/control/control_dialect.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "actors/logic/job_rules.hpp"
#include "actors/logic/sentences.hpp"
#include "frontends/session/answer_json.hpp"
#include "frontends/views/cache_view.hpp"
#include "frontends/views/jobs_view.hpp"
#include "messages/limits.hpp"
#include "messages/run_request_json.hpp"

namespace agent_dispatch {

namespace {

constexpr double most_rows = 1000; // as the tool dispatch_jobs

ordered_json status_json(const supervisor_status& status) {
  ordered_json json;
  json["running"] = true;
  json["pid"] = status.pid;
  json["version"] = status.version;
  json["uptime_seconds"] = status.uptime_seconds;
  json["socket"] = status.socket.native();
  json["log"] = status.log.native();
  json["frontends"] = status.frontends;
  json["live_runs"] = status.admission.live;
  json["queued"] = status.admission.queued;
  json["slots"]["used"] = status.admission.slots_used;
  json["slots"]["max"] = status.admission.slots_max;
  if (const auto& overload = status.admission.overload) {
    auto& shown = json["overload"];
    if (overload->status)
      shown["api_status"] = *overload->status;
    shown["start_interval_seconds"] = std::chrono::duration<double>(overload->start_interval).count();
    shown["next_start_seconds"] = std::chrono::duration<double>(overload->next_start).count();
    shown["reason"] = sentences::starts_are_apart(overload->status, overload->start_interval, overload->next_start);
  }
  json["agents"] = ordered_json::array();
  for (const auto& row : status.admission.agents) {
    ordered_json agent;
    agent["name"] = row.name.value;
    agent["live"] = row.live;
    agent["queued"] = row.queued;
    json["agents"].push_back(std::move(agent));
  }
  json["cache"] = cache_stats_json(status.cache);
  return json;
}

ordered_json stop_json(const stop_report& report) {
  ordered_json json;
  json["stopped"] = true;
  json["ended"] = ordered_json::array();
  for (const auto& run : report.ended) {
    ordered_json row;
    row["run"] = run.key.value;
    row["agent"] = run.agent.value;
    row["session_id"] = run.session.value;
    json["ended"].push_back(std::move(row));
  }
  return json;
}

std::string text_of(const nlohmann::json& params, const char* name) {
  const auto found = params.is_object() ? params.find(name) : params.end();
  return params.is_object() && found != params.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

double number_of(const nlohmann::json& params, const char* name) {
  const auto found = params.is_object() ? params.find(name) : params.end();
  return params.is_object() && found != params.end() && found->is_number() ? found->get<double>() : 0;
}

bool is_set(const nlohmann::json& params, const char* name) {
  return params.is_object() && params.value(name, nlohmann::json{}) == true;
}

/// A call whose progress is told.
pending_call watched_call(const jsonrpc::request& message) {
  return {.id = message.id, .progress_token = message.id, .wants_status = is_set(message.params, "wants_status")};
}

void start_dispatch(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  auto run = run_request_from(message.params);
  if (!run) {
    services.reject(line, message.id, jsonrpc::code::invalid_params, run.error().message);
    return;
  }
  auto call = watched_call(message);
  dispatch_order order{.run = std::move(*run), .is_shareable = is_set(message.params, "shareable")};
  if (is_set(message.params, "return_ref")) {
    order.kind = call_kind::ref;
    call.view = answer_view::ref;
    call.summary_chars = static_cast<std::int64_t>(
        std::clamp<double>(number_of(message.params, "summary_chars"), 0, limits::summary_characters));
  }
  services.dispatch(line, std::move(call), std::move(order));
}

void start_job(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  auto run = run_request_from(message.params);
  if (run)
    services.dispatch(line, {.id = message.id, .progress_token = nullptr, .view = answer_view::job},
                      {.run = std::move(*run), .kind = call_kind::job});
  else
    services.reject(line, message.id, jsonrpc::code::invalid_params, run.error().message);
}

void start_dialogue(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  constexpr double most_rounds = 10; // as the tool dispatch_dialogue
  const auto rounds = static_cast<int>(std::clamp<double>(number_of(message.params, "max_rounds"), 1, most_rounds));
  services.dispatch(
      line, watched_call(message),
      {.run = {},
       .composite = std::make_shared<const composite_order>(dialogue_order{{text_of(message.params, "requester")},
                                                                           {text_of(message.params, "responder")},
                                                                           text_of(message.params, "topic"),
                                                                           rounds})});
}

void refuse(session_services& services, std::uint64_t line, const nlohmann::json& id, const fault& why) {
  ordered_json refusal;
  refusal["error"] = why.message;
  services.reply(line, id, refusal);
}

void list_jobs(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto status = job_status_from(text_of(message.params, "status"));
  const auto limit = static_cast<std::size_t>(std::clamp<double>(number_of(message.params, "limit"), 1, most_rows));
  services.with_jobs(line, message.id, {status, limit}, [&services, line, id = message.id](const jobs_found& found) {
    if (found.records)
      services.reply(line, id, job_rows_json(*found.records));
    else
      refuse(services, line, id, found.records.error());
  });
}

void show_job(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.with_job(line, message.id, text_of(message.params, "id"),
                    [&services, line, id = message.id](const job_found& found) {
                      if (found.record)
                        services.reply(line, id, job_json(*found.record));
                      else
                        refuse(services, line, id, found.record.error());
                    });
}

/// `reason` and `waiting_for` only while it waits.
ordered_json explanation_json(const job_record& job, const queue_position_ptr& place) {
  ordered_json json;
  json["job_id"] = job.id.value;
  json["agent"] = job.agent.value;
  json["status"] = to_string(job.status);
  json["waiting"] = job.status == job_status::pending;
  if (!place)
    return json;
  if (place->position > 0)
    json["position"] = place->position;
  json["reason"] = place->reason;
  json["waiting_for"] = ordered_json::array();
  for (const auto& holder : place->holders) {
    ordered_json row;
    row["agent"] = holder.agent.value;
    if (holder.job)
      row["job_id"] = holder.job->value;
    json["waiting_for"].push_back(std::move(row));
  }
  return json;
}

void explain(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.with_job_explained(line, message.id, text_of(message.params, "id"),
                              [&services, line, id = message.id](const job_explained& found) {
                                if (found.job.record)
                                  services.reply(line, id, explanation_json(*found.job.record, found.place));
                                else
                                  refuse(services, line, id, found.job.record.error());
                              });
}

void end_job(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.with_job_cancelled(line, message.id, text_of(message.params, "id"),
                              [&services, line, id = message.id](const job_cancelled& done) {
                                if (done.report)
                                  services.reply(line, id, cancel_json(*done.report));
                                else
                                  refuse(services, line, id, done.report.error());
                              });
}

void collect_jobs(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const bool all = is_set(message.params, "all");
  const auto days = all ? 0 : number_of(message.params, "max_age_days");
  const std::chrono::duration<double, std::chrono::days::period> age{days};
  services.with_jobs_collected(line, message.id, {all, age},
                               [&services, line, id = message.id, days](const jobs_collected& done) {
                                 if (done.purged)
                                   services.reply(line, id, gc_json(*done.purged, days));
                                 else
                                   refuse(services, line, id, done.purged.error());
                               });
}

void await_job(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  constexpr double longest = 10 * 365 * 86'400.0; // the clock's range is some centuries
  const auto seconds = std::min(number_of(message.params, "timeout_seconds"), longest);
  std::optional<std::chrono::milliseconds> patience;
  if (seconds > 0)
    patience = std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>{seconds});
  auto call = watched_call(message);
  call.view = answer_view::record;
  services.watch(line, std::move(call), text_of(message.params, "id"), patience);
}

void retry_job(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.with_job(
      line, message.id, text_of(message.params, "id"), [&services, line, id = message.id](const job_found& found) {
        if (!found.record)
          refuse(services, line, id, found.record.error());
        else if (auto run = run_again(*found.record))
          services.dispatch(line, {.id = id, .progress_token = nullptr, .view = answer_view::job},
                            {.run = std::move(*run), .kind = call_kind::job, .retry_of = found.record->id});
        else
          refuse(services, line, id, run.error());
      });
}

void stop(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto mode = is_set(message.params, "now")         ? stop_mode::now
                    : is_set(message.params, "keep_runs") ? stop_mode::keep_runs
                                                          : stop_mode::drain;
  services.with_stop(line, watched_call(message), mode, [&services, line, id = message.id](const stop_report& report) {
    services.reply(line, id, stop_json(report));
  });
}

} // namespace

namespace {

void show_status(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  services.with_status(line, message.id, [&services, line, id = message.id](const supervisor_status& status) {
    services.reply(line, id, status_json(status));
  });
}

struct control_method {
  std::string_view name;
  void (*run)(session_services&, std::uint64_t, const jsonrpc::request&);
};

constexpr std::array control_methods{
    control_method{"dispatch", start_dispatch},
    control_method{"dispatch_async", start_job},
    control_method{"status", show_status},
    control_method{"stop", stop},
    control_method{"jobs", list_jobs},
    control_method{"job", show_job},
    control_method{"cancel_job", end_job},
    control_method{"gc", collect_jobs},
    control_method{"wait", await_job},
    control_method{"follow", await_job},
    control_method{"retry", retry_job},
    control_method{"dispatch_dialogue", start_dialogue},
    control_method{"why", explain},
};

} // namespace

void control_dialect::request(session_services& services, std::uint64_t line, const jsonrpc::request& message) {
  const auto found = std::find_if(control_methods.begin(), control_methods.end(),
                                  [&](const control_method& method) { return method.name == message.method; });
  if (found != control_methods.end())
    found->run(services, line, message);
  else
    services.reject(line, message.id, jsonrpc::code::method_not_found, "there is no method '" + message.method + "'");
}

void control_dialect::notification(session_services& services, const jsonrpc::notification& message) {
  if (message.method == "cancel" && message.params.is_object() && message.params.contains("id"))
    services.cancel(message.params["id"]);
}

std::string control_dialect::progress_line(const pending_call& call, std::uint64_t, std::string_view text) const {
  ordered_json params;
  params["id"] = call.id;
  params["text"] = text;
  return jsonrpc::notification_line("progress", params);
}

std::string control_dialect::status_line(const pending_call& call, const call_status& status,
                                         std::string_view text) const {
  ordered_json params;
  params["id"] = call.id;
  if (!text.empty())
    params["text"] = text;
  params.update(call_status_json(status));
  return jsonrpc::notification_line("progress", params);
}

std::optional<std::string> control_dialect::answer_line(const pending_call& call, const dispatch_answer& answer,
                                                        bool) const {
  return jsonrpc::result_line(call.id, answer_json(call, answer));
}

} // namespace agent_dispatch
