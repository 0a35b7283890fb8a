#include "frontends/mcp/task_methods.hpp"

#include "frontends/mcp/resources.hpp"
#include "frontends/mcp/tasks.hpp"

namespace agent_dispatch {

namespace {

constexpr const char* subscription_key = "io.modelcontextprotocol/subscriptionId";
/// Of one `subscriptions/listen`.
constexpr std::size_t most_topics = 200;

/// True after the request was rejected: its client has not said that it knows tasks.
bool lacks_tasks(const mcp_request& request, const answer_form& form) {
  if (form.takes_tasks)
    return false;
  ordered_json data;
  data["requiredCapabilities"] = tasks_capability();
  reject(request, jsonrpc::code::missing_capability,
         std::string{"this needs a client that declares the extension "} + tasks_extension, data);
  return true;
}

/// Absent after the request was rejected.
std::optional<std::string> task_asked_for(const mcp_request& request, const answer_form& form) {
  if (lacks_tasks(request, form))
    return std::nullopt;
  auto id = text_member_of(request.message.params, "taskId");
  if (id && is_job_id(*id))
    return id;
  reject(request, jsonrpc::code::invalid_params,
         id ? "There is no task '" + *id + "'" : request.message.method + " needs a taskId, a string");
  return std::nullopt;
}

/// Replies with what `show` makes of the job that is the task.
void answer_about_task(const mcp_request& request, const answer_form& form,
                       ordered_json (*show)(const job_record&, const era&)) {
  const auto id = task_asked_for(request, form);
  if (!id)
    return;
  request.services.with_job(request.line, request.message.id, *id,
                            [&spoken = request.spoken, &services = request.services, line = request.line,
                             message = request.message, show](const job_found& found) {
                              const mcp_request again{spoken, services, line, message};
                              if (found.record)
                                reply(again, finished(spoken, show(*found.record, spoken)));
                              else
                                reject(again, jsonrpc::code::invalid_params, found.record.error().message);
                            });
}

const era& spoken_in(const job_subscription& what) {
  const auto* spoken = find_era(what.form.revision);
  return spoken == nullptr ? newest_handshake() : *spoken;
}

/// Marked with its subscription, unless it is the session's.
ordered_json marked(const job_subscription& what, ordered_json params) {
  if (!what.id.is_null())
    params["_meta"][subscription_key] = what.id;
  return params;
}

/// The texts of an array; absent when it is none.
std::optional<std::vector<std::string>> texts_of(const nlohmann::json& filter, const char* name) {
  std::vector<std::string> texts;
  const auto* list = member_of(filter, name);
  if (list == nullptr)
    return texts;
  if (!list->is_array())
    return std::nullopt;
  for (const auto& each : *list) {
    if (!each.is_string())
      return std::nullopt;
    texts.push_back(each.get<std::string>());
  }
  return texts;
}

/// The job whose resource is asked for; absent after the request was rejected.
std::optional<job_id> job_to_follow(const mcp_request& request) {
  const auto uri = text_member_of(request.message.params, "uri");
  const auto job = uri ? job_of_uri(*uri) : std::nullopt;
  if (job)
    return job->id;
  reject(request, jsonrpc::code::invalid_params,
         uri ? "'" + repeated(*uri) +
                   "' tells of no changes; job://ID does, with the 32 hexadecimal digits of a job's id"
             : request.message.method + " needs a uri, a string");
  return std::nullopt;
}

} // namespace

// --- tasks
// ---------------------------------------------------------------------------------------------------------------

void get_task(const mcp_request& request, const answer_form& form) {
  answer_about_task(request, form, [](const job_record& job, const era& spoken) { return task_json(job, spoken); });
}

void cancel_task(const mcp_request& request, const answer_form& form) {
  const auto id = task_asked_for(request, form);
  if (!id)
    return;
  request.services.with_job_cancelled(request.line, request.message.id, *id,
                                      [&spoken = request.spoken, &services = request.services, line = request.line,
                                       message = request.message](const job_cancelled& done) {
                                        const mcp_request again{spoken, services, line, message};
                                        // A task that has ended meanwhile is acknowledged too.
                                        if (done.report)
                                          reply(again, finished(spoken, ordered_json::object()));
                                        else
                                          reject(again,
                                                 done.report.error().kind == fault_kind::io
                                                     ? jsonrpc::code::internal_error
                                                     : jsonrpc::code::invalid_params,
                                                 done.report.error().message);
                                      });
}

void update_task(const mcp_request& request, const answer_form& form) {
  // Our tasks ask nothing: whatever is answered is ignored.
  answer_about_task(request, form, [](const job_record&, const era&) { return ordered_json::object(); });
}

// --- subscriptions
// -------------------------------------------------------------------------------------------------------

void listen(const mcp_request& request, const answer_form& form) {
  const auto* filter = member_of(request.message.params, "notifications");
  if (filter == nullptr || !filter->is_object())
    return reject(request, jsonrpc::code::invalid_params, "subscriptions/listen needs notifications, an object");
  const auto uris = texts_of(*filter, "resourceSubscriptions");
  const auto tasks = texts_of(*filter, "taskIds");
  if (!uris || !tasks)
    return reject(request, jsonrpc::code::invalid_params,
                  "resourceSubscriptions and taskIds must be arrays of strings");
  if (uris->size() + tasks->size() > most_topics)
    return reject(request, jsonrpc::code::invalid_params,
                  "one subscription takes " + std::to_string(most_topics) + " resources and tasks, and this one has " +
                      std::to_string(uris->size() + tasks->size()) + "; open several");
  if (member_of(*filter, "taskIds") != nullptr && lacks_tasks(request, form))
    return;
  job_subscription what{.id = request.message.id, .form = form, .topics = {}};
  for (const auto& uri : *uris)
    if (const auto job = job_of_uri(uri))
      what.topics.push_back({job->id, job_news::resource});
  for (const auto& task : *tasks)
    if (is_job_id(task))
      what.topics.push_back({{task}, job_news::task});
  request.services.subscribe(request.line, std::move(what));
}

void subscribe_resource(const mcp_request& request, const answer_form& form) {
  const auto id = job_to_follow(request);
  if (!id)
    return;
  request.services.follow(
      request.line, request.message.id, form, {*id, job_news::resource},
      [&spoken = request.spoken, &services = request.services, line = request.line, message = request.message,
       id = *id](bool is_there) {
        const mcp_request again{spoken, services, line, message};
        if (is_there)
          return reply(again, ordered_json::object());
        ordered_json data;
        data["uri"] = uri_of(id);
        reject(again, jsonrpc::code::resource_not_found,
               "Job '" + id.value + "' was not found. `agent-dispatch jobs` lists the jobs there are.", data);
      });
}

void unsubscribe_resource(const mcp_request& request, const answer_form&) {
  const auto id = job_to_follow(request);
  if (!id)
    return;
  request.services.forget({*id, job_news::resource});
  reply(request, ordered_json::object());
}

std::string subscribed_line(const job_subscription& what) {
  ordered_json agreed = ordered_json::object();
  for (const auto& topic : what.topics) {
    if (topic.news == job_news::resource)
      agreed["resourceSubscriptions"].push_back(uri_of(topic.id));
    else
      agreed["taskIds"].push_back(topic.id.value);
  }
  ordered_json params;
  params["notifications"] = std::move(agreed);
  return jsonrpc::notification_line("notifications/subscriptions/acknowledged", marked(what, std::move(params)));
}

std::string changed_line(const job_subscription& what, const job_id& id) {
  ordered_json params;
  params["uri"] = uri_of(id);
  return jsonrpc::notification_line("notifications/resources/updated", marked(what, std::move(params)));
}

std::string task_line(const job_subscription& what, const job_record& record) {
  return jsonrpc::notification_line("notifications/tasks", marked(what, task_json(record, spoken_in(what))));
}

std::string unsubscribed_line(const job_subscription& what) {
  return jsonrpc::result_line(what.id, finished(spoken_in(what), marked(what, ordered_json::object())));
}

} // namespace agent_dispatch
