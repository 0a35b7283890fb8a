#pragma once

#include "frontends/mcp/mcp_request.hpp"

/// The methods of tasks and subscriptions.
namespace agent_dispatch {

void get_task(const mcp_request& request, const answer_form& form);
void cancel_task(const mcp_request& request, const answer_form& form);
void update_task(const mcp_request& request, const answer_form& form);

/// `subscriptions/listen`
void listen(const mcp_request& request, const answer_form& form);
/// `resources/subscribe` and `resources/unsubscribe`
void subscribe_resource(const mcp_request& request, const answer_form& form);
void unsubscribe_resource(const mcp_request& request, const answer_form& form);

/// The lines of a subscription (`session_dialect`).
std::string subscribed_line(const job_subscription& what);
std::string changed_line(const job_subscription& what, const job_id& id);
std::string task_line(const job_subscription& what, const job_record& record);
std::string unsubscribed_line(const job_subscription& what);

} // namespace agent_dispatch
