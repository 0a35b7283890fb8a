#include "frontends/mcp/tools.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "actors/logic/json_span.hpp"
#include "frontends/jsonrpc/repair.hpp"
#include "frontends/mcp/agent_tools.hpp"
#include "frontends/mcp/answer_schema.hpp"
#include "frontends/mcp/arguments.hpp"
#include "frontends/mcp/confirmation.hpp"
#include "frontends/mcp/schema.hpp"
#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tool_answers.hpp"
#include "frontends/views/agents_view.hpp"
#include "frontends/views/cache_view.hpp"
#include "frontends/views/jobs_view.hpp"
#include "messages/blanks.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

// --- list_agents, inspect_agent
// ----------------------------------------------------------------------------------------

void run_list_agents(session_services& services, const tool_call& call) {
  if (takes_nothing(services, call))
    answer_from_config(services, call, "agents", [](const configuration& config) { return list_agents_json(config); });
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
    answer_from_config(services, call, {},
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

void start(session_services& services, const tool_call& call, tool_arguments& arguments, dispatch_order order) {
  const auto format = read_format(arguments);
  const auto checked = arguments.check();
  if (!checked || !format) {
    refuse(services, call, checked ? format.error().message : checked.error().message);
    return;
  }
  order.run.format = *format;
  auto agents = std::vector{order.run.agent};
  dispatch_when_confirmed(services, call, std::move(agents), std::move(order));
}

/// The same of what a client that knows tasks gets as one. It is a job then: its result outlives the connection. A
/// client that works for a run waits for its answer instead: while it does, its slot serves those whom it waits for,
/// and nobody knows that who asks for a task again and again waits.
void start_as_task(session_services& services, const tool_call& call, tool_arguments& arguments, dispatch_order order) {
  auto asked = call;
  if (call.what.form.takes_tasks && !services.hello().caller->parent) {
    order.kind = call_kind::job;
    asked.what.view = answer_view::task;
  }
  start(services, asked, arguments, std::move(order));
}

/// How a result is to be given back, for `dispatch` and for an item of a parallel call.
struct wanted_back {
  call_kind kind = call_kind::answer;
  item_view shown;
};

wanted_back read_wanted(tool_arguments& arguments) {
  constexpr std::int64_t usual_summary = 500;
  wanted_back wanted;
  wanted.shown.summary_chars = arguments.integer("summary_chars", usual_summary);
  if (arguments.boolean("return_ref", false)) {
    wanted.kind = call_kind::ref;
    wanted.shown.view = answer_view::ref;
  }
  return wanted;
}

void run_dispatch(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments,
                           {"agent", "task", "context", "caller", "goal", "response_format", "return_ref",
                            "summary_chars", "timeout_seconds", "group"}};
  dispatch_order order;
  read_common(arguments, order.run);
  order.run.group = arguments.text("group");
  const auto wanted = read_wanted(arguments);
  order.kind = wanted.kind;
  order.is_shareable = true;
  auto asked = call;
  asked.what.view = wanted.shown.view;
  asked.what.summary_chars = wanted.shown.summary_chars;
  if (wanted.kind == call_kind::ref)
    start(services, asked, arguments, std::move(order));
  else
    start_as_task(services, asked, arguments, std::move(order));
}

// --- several agents
// ------------------------------------------------------------------------------------------------------

expected<parallel_item> read_item(const nlohmann::json& json, item_view& shown) {
  if (!json.is_object())
    return failure(fault_kind::invalid_argument, "it must be an object with an agent and a task");
  tool_arguments arguments{json,
                           {"agent", "task", "context", "caller", "goal", "response_format", "return_ref",
                            "summary_chars", "timeout_seconds", "group"}};
  parallel_item item;
  read_common(arguments, item.run);
  item.run.group = arguments.text("group");
  const auto wanted = read_wanted(arguments);
  const auto format = read_format(arguments);
  if (const auto checked = arguments.check(); !checked)
    return tl::unexpected(checked.error());
  if (!format)
    return tl::unexpected(format.error());
  item.run.format = *format;
  item.kind = wanted.kind;
  item.summary_chars = std::clamp<std::int64_t>(wanted.shown.summary_chars, 0, limits::summary_characters);
  shown = wanted.shown;
  return item;
}

/// The items of `dispatches`: an array of them, in a string or, for who has one at hand, as it is.
expected<std::vector<parallel_item>> read_items(const nlohmann::json& arguments, std::vector<item_view>& shown) {
  const auto found = arguments.is_object() ? arguments.find("dispatches") : arguments.end();
  if (!arguments.is_object() || found == arguments.end() || found->is_null())
    return failure(fault_kind::invalid_argument, "parameter 'dispatches' is required: a JSON array of dispatches");
  auto list = *found;
  if (list.is_string()) {
    const auto& text = found->get_ref<const std::string&>();
    if (nesting_depth(text) > limits::message_nesting)
      return failure(fault_kind::invalid_argument,
                     "parameter 'dispatches' is nested more than " + std::to_string(limits::message_nesting) + " deep");
    list = nlohmann::json::parse(text, nullptr, false);
    if (list.is_discarded()) // a half of a character that somebody has cut, perhaps
      list = nlohmann::json::parse(jsonrpc::repair(text), nullptr, false);
    if (list.is_discarded())
      return failure(fault_kind::invalid_argument, "parameter 'dispatches' is not valid JSON");
  }
  if (!list.is_array() || list.empty())
    return failure(fault_kind::invalid_argument, "parameter 'dispatches' must be a JSON array with at least one item");
  if (list.size() > limits::all_requests)
    return failure(fault_kind::invalid_argument, "dispatches has " + std::to_string(list.size()) +
                                                     " items, and at most " + std::to_string(limits::all_requests) +
                                                     " requests are taken in all; give fewer");
  std::vector<parallel_item> items;
  for (std::size_t i = 0; i < list.size(); ++i) {
    shown.emplace_back();
    auto item = read_item(list[i], shown.back());
    if (!item)
      return failure(fault_kind::invalid_argument, "dispatches[" + std::to_string(i) + "]: " + item.error().message);
    items.push_back(std::move(*item));
  }
  return items;
}

void run_dispatch_parallel(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"dispatches", "aggregate"}};
  parallel_order order;
  order.aggregator = {arguments.text("aggregate")};
  auto asked = call;
  auto items = read_items(call.arguments, asked.what.items);
  if (const auto checked = arguments.check(); !checked || !items) {
    refuse(services, call, checked ? items.error().message : checked.error().message);
    return;
  }
  order.items = std::move(*items);
  std::vector<agent_name> agents;
  for (const auto& item : order.items)
    agents.push_back(item.run.agent);
  if (!order.aggregator.value.empty())
    agents.push_back(order.aggregator);
  dispatch_when_confirmed(services, asked, std::move(agents),
                          {.run = {}, .composite = std::make_shared<const composite_order>(std::move(order))});
}

void run_dispatch_dialogue(session_services& services, const tool_call& call) {
  constexpr std::int64_t usual_rounds = 3;
  constexpr std::int64_t most_rounds = 10;
  tool_arguments arguments{call.arguments, {"requester", "responder", "topic", "max_rounds"}};
  dialogue_order order;
  order.requester = {arguments.required_text("requester")};
  order.responder = {arguments.required_text("responder")};
  order.topic = arguments.required_text("topic");
  order.most_rounds =
      static_cast<int>(std::clamp<std::int64_t>(arguments.integer("max_rounds", usual_rounds), 1, most_rounds));
  if (const auto checked = arguments.check(); !checked) {
    refuse(services, call, checked.error().message);
    return;
  }
  std::vector agents{order.requester, order.responder};
  dispatch_when_confirmed(services, call, std::move(agents),
                          {.run = {}, .composite = std::make_shared<const composite_order>(std::move(order))});
}

void run_dispatch_stream(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments,
                           {"agent", "task", "context", "caller", "goal", "response_format", "timeout_seconds"}};
  dispatch_order order;
  read_common(arguments, order.run);
  start_as_task(services, call, arguments, std::move(order));
}

void run_dispatch_session(session_services& services, const tool_call& call) {
  tool_arguments arguments{
      call.arguments,
      {"agent", "task", "session_id", "context", "caller", "goal", "response_format", "timeout_seconds"}};
  dispatch_order order;
  read_common(arguments, order.run);
  if (auto session = arguments.text("session_id"); !session.empty())
    order.run.resume = session_id{std::move(session)};
  start_as_task(services, call, arguments, std::move(order));
}

// --- jobs
// ----------------------------------------------------------------------------------------------------------------

void run_dispatch_async(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments,
                           {"agent", "task", "context", "caller", "goal", "response_format", "timeout_seconds"}};
  dispatch_order order{.run = {}, .kind = call_kind::job};
  read_common(arguments, order.run);
  auto asked = call;
  asked.what.view = answer_view::job;
  start(services, asked, arguments, std::move(order));
}

/// The id of a job, or absent after the call was refused: no file is looked for by anything else.
std::optional<std::string> read_job_id(session_services& services, const tool_call& call, tool_arguments& arguments,
                                       const char* name) {
  auto id = arguments.required_text(name);
  if (const auto checked = arguments.check(); !checked)
    refuse(services, call, checked.error().message);
  else if (!is_job_id(id))
    refuse(services, call, "Job '" + id + "' was not found: a " + name + " is 32 lower-case hexadecimal digits");
  else
    return id;
  return std::nullopt;
}

/// Answers with what a question about jobs gave, or with what was wrong.
template <class Value, class Show>
void answer_found(session_services& services, const tool_call& call, const expected<Value>& found, const Show& show) {
  if (found)
    answer(services, call, show(*found));
  else
    refuse(services, call, found.error().message);
}

void run_dispatch_status(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"job_id"}};
  if (const auto id = read_job_id(services, call, arguments, "job_id"))
    services.with_job(call.line, call.what.id, *id, [&services, call](const job_found& found) {
      answer_found(services, call, found.record, job_json);
    });
}

void run_dispatch_wait(session_services& services, const tool_call& call) {
  constexpr std::int64_t usual_seconds = 60;
  constexpr std::int64_t most_seconds = 3600;
  tool_arguments arguments{call.arguments, {"job_id", "timeout_seconds"}};
  const std::chrono::seconds patience{
      std::clamp<std::int64_t>(arguments.integer("timeout_seconds", usual_seconds), 1, most_seconds)};
  const auto id = read_job_id(services, call, arguments, "job_id");
  if (!id)
    return;
  auto waiting = call.what;
  waiting.view = answer_view::record;
  services.watch(call.line, std::move(waiting), *id, patience);
}

void run_dispatch_cancel(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"job_id"}};
  if (const auto id = read_job_id(services, call, arguments, "job_id"))
    services.with_job_cancelled(call.line, call.what.id, *id, [&services, call](const job_cancelled& done) {
      answer_found(services, call, done.report, cancel_json);
    });
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

void run_dispatch_jobs(session_services& services, const tool_call& call) {
  constexpr std::int64_t usual_rows = 50;
  constexpr std::int64_t most_rows = 1000;
  tool_arguments arguments{call.arguments, {"status", "limit"}};
  const auto word = lower_case(std::string{without_blanks(arguments.text("status"))});
  const auto limit = std::clamp<std::int64_t>(arguments.integer("limit", usual_rows), 1, most_rows);
  const auto status = job_status_from(word);
  if (const auto checked = arguments.check(); !checked) {
    refuse(services, call, checked.error().message);
  } else if (!word.empty() && !status) {
    refuse(services, call,
           "there is no job status '" + word + "'; there are: pending, running, done, failed, cancelled");
  } else {
    services.with_jobs(call.line, call.what.id, {status, static_cast<std::size_t>(limit)},
                       [&services, call](const jobs_found& found) {
                         answer_found(services, call, found.records,
                                      [](const std::vector<job_record>& records) { return job_rows_json(records); });
                       });
  }
}

void run_fetch_result(session_services& services, const tool_call& call) {
  tool_arguments arguments{call.arguments, {"ref", "max_chars"}};
  const auto most = arguments.integer("max_chars", 0);
  if (const auto id = read_job_id(services, call, arguments, "ref"))
    services.with_job(call.line, call.what.id, *id, [&services, call, most](const job_found& found) {
      answer_found(services, call, found.record,
                   [most](const job_record& record) { return fetched_result_json(record, most); });
    });
}

void run_dispatch_gc(session_services& services, const tool_call& call) {
  constexpr double usual_days = 7;
  tool_arguments arguments{call.arguments, {"max_age_days"}};
  const auto days = arguments.number("max_age_days", usual_days);
  if (const auto checked = arguments.check(); !checked) {
    refuse(services, call, checked.error().message);
    return;
  }
  if (days <= 0) {
    refuse(services, call, "parameter 'max_age_days' must be greater than 0");
    return;
  }
  const std::chrono::duration<double, std::chrono::days::period> age{days};
  services.with_jobs_collected(
      call.line, call.what.id, {false, age}, [&services, call, days](const jobs_collected& done) {
        answer_found(services, call, done.purged, [days](std::size_t purged) { return gc_json(purged, days); });
      });
}

// --- the result cache
// -------------------------------------------------------------------------------------------------

void run_cache_stats(session_services& services, const tool_call& call) {
  if (!takes_nothing(services, call))
    return;
  with_sound_config(services, call, [&services, call](const config_snapshot_ptr&) {
    services.with_cache_report(call.line, call.what.id, [&services, call](const cache_report& report) {
      answer(services, call, cache_stats_json(report.figures));
    });
  });
}

void run_cache_clear(session_services& services, const tool_call& call) {
  if (!takes_nothing(services, call))
    return;
  with_sound_config(services, call, [&services, call](const config_snapshot_ptr&) {
    services.with_cache_cleared(call.line, call.what.id, [&services, call](const cache_cleared& done) {
      answer(services, call, cache_cleared_json(done.entries));
    });
  });
}

// clang-format off
const std::array all_tools{
    tool{"list_agents", "List agents", texts::list_agents, schema::none, answer_schema::agents, answer_shape::array_too, tool_effect::reads, true, run_list_agents},
    tool{"inspect_agent", "Inspect an agent", texts::inspect_agent, schema::inspect_agent, answer_schema::agent, answer_shape::object, tool_effect::reads, true, run_inspect_agent},
    tool{"list_groups", "List groups", texts::list_groups, schema::none, answer_schema::groups, answer_shape::array_too, tool_effect::reads, true, run_list_groups},
    tool{"inspect_group", "Inspect a group", texts::inspect_group, schema::inspect_group, answer_schema::group, answer_shape::object, tool_effect::reads, true, run_inspect_group},
    tool{"dispatch", "Dispatch a task", texts::dispatch, schema::dispatch, answer_schema::dispatched_or_ref, answer_shape::object, tool_effect::lets_act, true, run_dispatch},
    tool{"dispatch_session", "Dispatch within a session", texts::dispatch_session, schema::dispatch_session, answer_schema::dispatched, answer_shape::object, tool_effect::lets_act, true, run_dispatch_session},
    tool{"dispatch_stream", "Dispatch and watch", texts::dispatch_stream, schema::dispatch_stream, answer_schema::dispatched, answer_shape::object, tool_effect::lets_act, true, run_dispatch_stream},
    tool{"dispatch_parallel", "Dispatch to several agents", texts::dispatch_parallel, schema::dispatch_parallel, answer_schema::parallel, answer_shape::array_too, tool_effect::lets_act, true, run_dispatch_parallel},
    tool{"dispatch_dialogue", "Let two agents talk", texts::dispatch_dialogue, schema::dispatch_dialogue, answer_schema::dialogue, answer_shape::object, tool_effect::lets_act, true, run_dispatch_dialogue},
    tool{"dispatch_async", "Dispatch in the background", texts::dispatch_async, schema::dispatch_stream, answer_schema::accepted_job, answer_shape::object, tool_effect::lets_act, false, run_dispatch_async},
    tool{"dispatch_status", "Look at a job", texts::dispatch_status, schema::job, answer_schema::record, answer_shape::object, tool_effect::reads, true, run_dispatch_status},
    tool{"dispatch_wait", "Wait for a job", texts::dispatch_wait, schema::dispatch_wait, answer_schema::record, answer_shape::object, tool_effect::reads, true, run_dispatch_wait},
    tool{"dispatch_cancel", "Cancel a job", texts::dispatch_cancel, schema::job, answer_schema::cancelled, answer_shape::object, tool_effect::changes, false, run_dispatch_cancel},
    tool{"dispatch_jobs", "List jobs", texts::dispatch_jobs, schema::dispatch_jobs, answer_schema::job_rows, answer_shape::array_too, tool_effect::reads, true, run_dispatch_jobs},
    tool{"fetch_result", "Fetch a result", texts::fetch_result, schema::fetch_result, answer_schema::fetched, answer_shape::object, tool_effect::reads, true, run_fetch_result},
    tool{"dispatch_gc", "Remove old jobs", texts::dispatch_gc, schema::dispatch_gc, answer_schema::collected, answer_shape::object, tool_effect::changes, false, run_dispatch_gc},
    tool{"cache_stats", "Look at the cache", texts::cache_stats, schema::none, answer_schema::cache_stats, answer_shape::object, tool_effect::reads, false, run_cache_stats},
    tool{"cache_clear", "Clear the cache", texts::cache_clear, schema::none, answer_schema::cache_cleared, answer_shape::object, tool_effect::forgets, false, run_cache_clear},
    tool{"add_agent", "Add an agent", texts::add_agent, schema::add_agent, answer_schema::added, answer_shape::object, tool_effect::adds, false, run_add_agent},
    tool{"update_agent", "Change an agent", texts::update_agent, schema::update_agent, answer_schema::updated, answer_shape::object, tool_effect::changes, false, run_update_agent},
    tool{"remove_agent", "Remove an agent", texts::remove_agent, schema::remove_agent, answer_schema::removed, answer_shape::object, tool_effect::changes, false, run_remove_agent},
};
// clang-format on

ordered_json annotations_of(const tool& each) {
  using enum tool_effect;
  ordered_json json;
  json["title"] = each.title;
  json["readOnlyHint"] = each.effect == reads;
  if (each.effect != reads) {
    json["destructiveHint"] = each.effect == changes || each.effect == lets_act;
    json["idempotentHint"] = each.effect == changes || each.effect == forgets;
  }
  json["openWorldHint"] = each.effect == lets_act;
  return json;
}

ordered_json tool_json(const tool& each, const era& spoken) {
  /// Clients keep a longer answer in a file, of which their model sees the beginning; this is the most they allow.
  constexpr int longest_answer = 500'000;
  ordered_json json;
  json["name"] = each.name;
  if (spoken.has_titles)
    json["title"] = each.title;
  json["description"] = each.description;
  json["inputSchema"] = each.input_schema();
  if (is_structured(each, spoken))
    json["outputSchema"] = each.output_schema();
  if (spoken.has_annotations)
    json["annotations"] = annotations_of(each);
  if (spoken.has_titles && each.may_be_long)
    json["_meta"]["anthropic/maxResultSizeChars"] = longest_answer;
  return json;
}

} // namespace

std::span<const tool> tools() { return all_tools; }

const tool* find_tool(std::string_view name) {
  const auto found = std::find_if(all_tools.begin(), all_tools.end(), [&](const tool& t) { return t.name == name; });
  return found == all_tools.end() ? nullptr : &*found;
}

ordered_json list_tools(const era& spoken) {
  ordered_json result;
  result["tools"] = ordered_json::array();
  for (const auto& each : all_tools)
    result["tools"].push_back(tool_json(each, spoken));
  return result;
}

bool is_structured(const tool& called, const era& spoken) {
  return spoken.has_structured_value || (spoken.has_structured_object && called.shape == answer_shape::object);
}

ordered_json tool_result(const ordered_json& value, const answer_form& form) {
  /// A longer answer is neither indented nor given twice: escaped within a string, it must fit into a frame.
  constexpr std::size_t long_text = limits::frame_bytes / 4;
  ordered_json content;
  content["type"] = "text";
  auto text = dump_pretty(value);
  const bool is_long = text.size() > long_text;
  content["text"] = is_long ? dump(value) : std::move(text);
  ordered_json result;
  result["content"] = ordered_json::array({std::move(content)});
  if (form.is_structured && !is_long)
    result["structuredContent"] = value;
  if (value.is_object() && value.contains("error") && !value.contains("agent"))
    result["isError"] = true;
  const auto* spoken = find_era(form.revision);
  return finished(spoken == nullptr ? newest_handshake() : *spoken, std::move(result));
}

} // namespace agent_dispatch
