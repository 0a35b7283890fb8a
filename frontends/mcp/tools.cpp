#include "frontends/mcp/tools.hpp"

#include <algorithm>
#include <array>

#include "frontends/mcp/arguments.hpp"
#include "frontends/mcp/schema.hpp"
#include "frontends/mcp/texts.hpp"
#include "frontends/views/agents_view.hpp"

namespace agent_dispatch {

namespace {

void answer(session_services& services, const tool_call& call, const ordered_json& value) {
  services.reply(call.line, call.what.id, tool_result(value));
}

void refuse(session_services& services, const tool_call& call, std::string_view sentence) {
  services.reply(call.line, call.what.id, tool_error(sentence));
}

// --- list_agents, inspect_agent
// ----------------------------------------------------------------------------------------

/// Answers with a view of the configuration, or with what is wrong with it.
template <class View>
void answer_from_config(session_services& services, const tool_call& call, View view) {
  services.with_config(call.line, call.what.id, [&services, call, view](const config_snapshot& snapshot) {
    if (snapshot.fault)
      refuse(services, call, snapshot.fault->message);
    else
      answer(services, call, view(snapshot.value));
  });
}

void run_list_agents(session_services& services, const tool_call& call) {
  const tool_arguments arguments{call.arguments, {}};
  if (const auto checked = arguments.check(); !checked)
    refuse(services, call, checked.error().message);
  else
    answer_from_config(services, call, [](const configuration& config) { return list_agents_json(config); });
}

void run_inspect_agent(session_services& services, const tool_call& call) {
  constexpr std::int64_t most_lines = 200;
  constexpr std::int64_t usual_lines = 40;
  tool_arguments arguments{call.arguments, {"name", "preview_lines"}};
  const auto name = arguments.required_text("name");
  const auto lines =
      static_cast<int>(std::clamp<std::int64_t>(arguments.integer("preview_lines", usual_lines), 0, most_lines));
  if (const auto checked = arguments.check(); !checked)
    refuse(services, call, checked.error().message);
  else
    answer_from_config(services, call,
                       [name, lines](const configuration& config) { return inspect_agent_json(config, name, lines); });
}

// --- the dispatch family
// -------------------------------------------------------------------------------------------------

void read_common(tool_arguments& arguments, run_request& run) {
  run.agent = {arguments.required_text("agent")};
  run.task = arguments.required_text("task");
  run.context = arguments.text("context");
  run.caller = arguments.text("caller");
  run.goal = arguments.text("goal");
  run.timeout = std::chrono::seconds{arguments.integer("timeout_seconds", 0)};
}

expected<response_format> read_format(tool_arguments& arguments) {
  const auto format = arguments.text("response_format");
  if (format.empty() || format == "text")
    return response_format::text;
  if (format == "json")
    return response_format::json;
  return failure(fault_kind::invalid_argument, "parameter 'response_format' must be \"json\", or \"\" for plain text");
}

void start(session_services& services, const tool_call& call, tool_arguments& arguments, run_request run) {
  const auto format = read_format(arguments);
  const auto checked = arguments.check();
  if (!checked || !format) {
    refuse(services, call, checked ? format.error().message : checked.error().message);
    return;
  }
  run.format = *format;
  services.dispatch(call.line, call.what, std::move(run));
}

void run_dispatch(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments,
                           {"agent", "task", "context", "caller", "goal", "response_format", "timeout_seconds"}};
  run_request run;
  read_common(arguments, run);
  start(services, call, arguments, std::move(run));
}

void run_dispatch_session(session_services& services, const tool_call& call) {
  tool_arguments arguments{
      call.arguments,
      {"agent", "task", "session_id", "context", "caller", "goal", "response_format", "timeout_seconds"}};
  run_request run;
  read_common(arguments, run);
  if (auto session = arguments.text("session_id"); !session.empty())
    run.resume = session_id{std::move(session)};
  start(services, call, arguments, std::move(run));
}

const std::array all_tools{
    tool{"list_agents", "List agents", texts::list_agents, schema::none, true, false, run_list_agents},
    tool{"inspect_agent", "Inspect an agent", texts::inspect_agent, schema::inspect_agent, true, false,
         run_inspect_agent},
    tool{"dispatch", "Dispatch a task", texts::dispatch, schema::dispatch, false, true, run_dispatch},
    tool{"dispatch_session", "Dispatch within a session", texts::dispatch_session, schema::dispatch_session, false,
         true, run_dispatch_session},
    tool{"dispatch_stream", "Dispatch and watch", texts::dispatch_stream, schema::dispatch, false, true, run_dispatch},
};

} // namespace

std::span<const tool> tools() { return all_tools; }

const tool* find_tool(std::string_view name) {
  const auto found = std::find_if(all_tools.begin(), all_tools.end(), [&](const tool& t) { return t.name == name; });
  return found == all_tools.end() ? nullptr : &*found;
}

ordered_json list_tools() {
  ordered_json list = ordered_json::array();
  for (const auto& each : all_tools) {
    ordered_json json;
    json["name"] = each.name;
    json["title"] = each.title;
    json["description"] = each.description;
    json["inputSchema"] = each.input_schema();
    json["annotations"]["title"] = each.title;
    json["annotations"]["readOnlyHint"] = each.read_only;
    json["annotations"]["openWorldHint"] = each.open_world;
    list.push_back(std::move(json));
  }
  ordered_json result;
  result["tools"] = std::move(list);
  return result;
}

ordered_json tool_result(const ordered_json& value) {
  ordered_json content;
  content["type"] = "text";
  content["text"] = dump_pretty(value);
  ordered_json result;
  result["content"] = ordered_json::array({std::move(content)});
  if (value.is_object() && value.contains("error") && !value.contains("agent"))
    result["isError"] = true;
  return result;
}

ordered_json tool_error(std::string_view sentence) {
  ordered_json value;
  value["error"] = sentence;
  return tool_result(value);
}

} // namespace agent_dispatch
