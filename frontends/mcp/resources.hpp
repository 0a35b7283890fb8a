#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "frontends/mcp/era.hpp"
#include "messages/agent.hpp"
#include "messages/job.hpp"

/// Jobs with their results, and agents, as resources: `job://ID` and `agent://NAME`.
namespace agent_dispatch {

struct job_resource {
  job_id id;
};
struct agent_resource {
  agent_name name;
};

/// The job or agent that a URI names, whether there is one or not. Both absent for any other URI.
std::optional<job_resource> job_of_uri(std::string_view uri);
std::optional<agent_resource> agent_of_uri(std::string_view uri);
std::string uri_of(const job_id& id);

/// The `resources/list` result: the agents, and these jobs.
ordered_json list_resources(const era& spoken, const configuration& config, std::span<const job_record> jobs);
/// The `resources/templates/list` result.
ordered_json list_resource_templates(const era& spoken);
/// The `resources/read` result of one resource: the JSON that a tool would answer.
ordered_json resource_contents(std::string_view uri, const ordered_json& value);

} // namespace agent_dispatch
