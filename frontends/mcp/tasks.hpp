#pragma once

#include <string_view>

#include "frontends/mcp/era.hpp"
#include "messages/job.hpp"

/// The extension io.modelcontextprotocol/tasks: a task is a job, and its id the job's.
namespace agent_dispatch {

inline constexpr const char* tasks_extension = "io.modelcontextprotocol/tasks";

/// `Task`, with its result when it has one, as `tasks/get` and `notifications/tasks` show it. A job that failed is a
/// task that completed, with a result that says so: a failed task is one that broke the protocol.
ordered_json task_json(const job_record& record, const era& spoken);

/// The result of a call that has become a task. `remark`: "" for none.
ordered_json created_task(const job_record& record, const std::string& remark);

/// `{"extensions": {…}}`: what a client must declare.
ordered_json tasks_capability();

} // namespace agent_dispatch
