#include "frontends/mcp/schema.hpp"

#include <initializer_list>

namespace agent_dispatch::schema {

namespace {

enum class need { required, optional };

struct parameter {
  const char* name;
  need needed;
  ordered_json type;
  const char* description;
};

ordered_json text() { return {{"type", "string"}}; }

ordered_json text_or(const char* fallback) { return {{"type", "string"}, {"default", fallback}}; }

ordered_json integer(std::int64_t fallback) { return {{"type", "integer"}, {"default", fallback}}; }

ordered_json object(std::initializer_list<parameter> parameters) {
  ordered_json schema;
  schema["type"] = "object";
  schema["properties"] = ordered_json::object();
  auto required = ordered_json::array();
  for (const auto& each : parameters) {
    auto property = each.type;
    property["description"] = each.description;
    schema["properties"][each.name] = std::move(property);
    if (each.needed == need::required)
      required.push_back(each.name);
  }
  if (!required.empty())
    schema["required"] = std::move(required);
  schema["additionalProperties"] = false; // see tool_arguments
  return schema;
}

const parameter agent{"agent", need::required, text(), "Name of the agent, as list_agents gives it."};
const parameter task{
    "task", need::required, text(),
    "What to do. The agent sees nothing of your conversation: name files, errors and what you expect back."};
const parameter context{"context", need::optional, text_or(""), "Facts the task needs: messages, code, traces."};
const parameter caller{"caller", need::optional, text_or(""), "Who asks: your project or role."};
const parameter goal{"goal", need::optional, text_or(""), "The larger aim that the task serves."};
const parameter format{"response_format",
                       need::optional,
                       {{"type", "string"}, {"enum", {"", "text", "json"}}, {"default", ""}},
                       "\"json\" asks for one JSON value, which is then in parsed_result."};
const parameter timeout{"timeout_seconds", need::optional, integer(0),
                        "How long this run may take, 10 to 7200; 0: as the agent is configured."};

const parameter job_parameter{"job_id", need::required, text(), "The job, as dispatch_async gave it."};

parameter budget(const char* description) {
  return {"max_budget_usd", need::optional, {{"type", "number"}, {"default", 0}}, description};
}

} // namespace

ordered_json none() { return object({}); }

ordered_json inspect_agent() {
  return object({{"name", need::required, text(), "Name of the agent."},
                 {"preview_lines",
                  need::optional,
                  {{"type", "integer"}, {"default", 40}, {"minimum", 0}, {"maximum", 200}},
                  "Lines of CLAUDE.md and README.md to show."}});
}

ordered_json dispatch() {
  return object({agent,
                 task,
                 context,
                 caller,
                 goal,
                 format,
                 {"return_ref",
                  need::optional,
                  {{"type", "boolean"}, {"default", false}},
                  "Keep the result and answer with a ref and the beginning of the text; fetch_result gives it whole."},
                 {"summary_chars",
                  need::optional,
                  {{"type", "integer"}, {"default", 500}, {"minimum", 0}, {"maximum", 100000}},
                  "With return_ref: characters of the result to show."},
                 timeout,
                 {"group", need::optional, text_or(""),
                  "A group that the agent is a member of: the agent also gets what its members share."}});
}

ordered_json dispatch_parallel() {
  return object(
      {{"dispatches", need::required, text(),
        "A JSON array, as text: [{\"agent\": …, \"task\": …}, …]. Each item takes the parameters of dispatch."},
       {"aggregate", need::optional, text_or(""),
        "An agent that makes one answer of all results; empty: each result as it is."}});
}

ordered_json dispatch_dialogue() {
  return object({{"requester", need::required, text(), "The agent that has the question."},
                 {"responder", need::required, text(), "The agent that knows or can find out; it speaks first."},
                 {"topic", need::required, text(), "What it is about, with all that both must know."},
                 {"max_rounds",
                  need::optional,
                  {{"type", "integer"}, {"default", 3}, {"minimum", 1}, {"maximum", 10}},
                  "A round is one message of each. Each message costs a run."}});
}

ordered_json dispatch_stream() { return object({agent, task, context, caller, goal, format, timeout}); }

ordered_json job() { return object({job_parameter}); }

ordered_json dispatch_wait() {
  return object({job_parameter,
                 {"timeout_seconds",
                  need::optional,
                  {{"type", "integer"}, {"default", 60}, {"minimum", 1}, {"maximum", 3600}},
                  "How long to wait."}});
}

ordered_json dispatch_jobs() {
  return object(
      {{"status", need::optional, text_or(""), "Only jobs of this status: pending, running, done, failed, cancelled."},
       {"limit",
        need::optional,
        {{"type", "integer"}, {"default", 50}, {"minimum", 1}, {"maximum", 1000}},
        "At most so many."}});
}

ordered_json fetch_result() {
  return object({{"ref", need::required, text(), "The ref, or job_id, of the result."},
                 {"max_chars", need::optional, integer(0), "Characters of the text to show; 0: all."}});
}

ordered_json dispatch_gc() {
  return object({{"max_age_days",
                  need::optional,
                  {{"type", "number"}, {"default", 7}, {"exclusiveMinimum", 0}},
                  "Age in days; over 0."}});
}

ordered_json dispatch_session() {
  return object({agent,
                 task,
                 {"session_id", need::optional, text_or(""),
                  "Session to go on with, from an earlier answer; empty starts a new one."},
                 context,
                 caller,
                 goal,
                 format,
                 timeout});
}

ordered_json inspect_group() { return object({{"name", need::required, text(), "Name of the group."}}); }

ordered_json add_agent() {
  return object({{"name", need::required, text(), "Name: letters, digits, - and _."},
                 {"directory", need::required, text(),
                  "The project's directory; a relative one is taken from the directory of this session."},
                 {"description", need::optional, text_or(""),
                  "What the agent is for. Without one it is made from the project's files."},
                 {"timeout", need::optional, integer(0), "Seconds that a dispatch may take; 0 stores 300."},
                 budget("US dollars that a dispatch may cost; 0 sets none."),
                 {"permission_mode", need::optional, text_or(""), "Permission mode of the agent's CLI, such as plan."},
                 {"allowed_tools", need::optional, text_or(""),
                  "Tools that need no permission, separated by commas; \",\" for none; empty inherits."},
                 {"disallowed_tools", need::optional, text_or(""),
                  "Tools that are refused, separated by commas; \",\" for none; empty inherits."},
                 {"capabilities", need::optional, text_or(""),
                  "Labels of what it is good at, separated by commas; for whoever chooses an agent."},
                 {"risky_capabilities", need::optional, text_or(""),
                  "Labels of what it does that has risks, separated by commas."}});
}

ordered_json update_agent() {
  return object(
      {{"name", need::required, text(), "Name of the agent."},
       {"description", need::optional, text_or(""), "New description, stored as it is."},
       {"timeout", need::optional, integer(0), "Seconds that a dispatch may take."},
       budget("US dollars that a dispatch may cost; negative: no budget of its own."),
       {"model", need::optional, text_or(""), "Model of the agent's CLI; \"none\" clears it."},
       {"permission_mode", need::optional, text_or(""), "Permission mode of the agent's CLI; \"none\" clears it."},
       {"allowed_tools", need::optional, text_or(""),
        "Tools that need no permission, separated by commas; \",\" for none; \"none\" inherits."},
       {"disallowed_tools", need::optional, text_or(""),
        "Tools that are refused, separated by commas; \",\" for none; \"none\" inherits."},
       {"capabilities", need::optional, text_or(""),
        "Labels of what it is good at, separated by commas; \"none\" empties them."},
       {"risky_capabilities", need::optional, text_or(""),
        "Labels of what it does that has risks, separated by commas; \"none\" empties them."}});
}

ordered_json remove_agent() { return object({{"name", need::required, text(), "Name of the agent."}}); }

} // namespace agent_dispatch::schema
