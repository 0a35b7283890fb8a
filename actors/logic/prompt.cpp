#include "actors/logic/prompt.hpp"

#include <string_view>

#include "actors/logic/sentences.hpp"

namespace agent_dispatch {

namespace {

void add_section(std::string& prompt, std::string_view title, std::string_view text) {
  if (text.empty())
    return;
  if (!prompt.empty())
    prompt += "\n\n";
  prompt.append("## ").append(title).append("\n").append(text);
}

std::string sectioned(const run_request& request) {
  std::string prompt;
  add_section(prompt, "Goal", request.goal);
  add_section(prompt, "Dispatched by", request.caller);
  add_section(prompt, "Context", request.context);
  add_section(prompt, "Task", request.task);
  return prompt;
}

std::string plain(const run_request& request) {
  if (request.context.empty())
    return request.task;
  std::string prompt = "Context:\n";
  prompt.append(request.context).append("\n\nTask:\n").append(request.task);
  return prompt;
}

} // namespace

std::string build_prompt(run_request request, std::string_view shared_context) {
  if (!shared_context.empty())
    request.context = std::string{shared_context} + (request.context.empty() ? "" : "\n\n") + request.context;
  const bool sections = !request.caller.empty() || !request.goal.empty();
  std::string prompt = sections ? sectioned(request) : plain(request);
  if (request.format == response_format::json)
    prompt.append("\n\n").append(sentences::json_footer);
  return prompt;
}

} // namespace agent_dispatch
