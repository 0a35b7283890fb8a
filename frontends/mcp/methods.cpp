#include "frontends/mcp/methods.hpp"

#include <algorithm>
#include <array>

#include "frontends/mcp/completion.hpp"
#include "frontends/mcp/prompts.hpp"
#include "frontends/mcp/resources.hpp"
#include "frontends/mcp/task_methods.hpp"
#include "frontends/mcp/tasks.hpp"
#include "frontends/mcp/texts.hpp"
#include "frontends/mcp/tools.hpp"
#include "frontends/views/agents_view.hpp"
#include "frontends/views/jobs_view.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// What a client may keep of us: it changes with our version alone, and then the client starts us anew.
constexpr std::int64_t hour_ms = 3'600'000;
/// Of all jobs, the newest are listed as resources and completed.
constexpr std::size_t newest_jobs = 100;

void with_config(const mcp_request& request, std::function<void(const mcp_request&, const config_snapshot_ptr&)> then) {
  request.services.with_config(request.line, request.message.id,
                               [&spoken = request.spoken, &services = request.services, line = request.line,
                                message = request.message,
                                then = std::move(then)](const config_snapshot_ptr& snapshot) {
                                 const mcp_request again{spoken, services, line, message};
                                 if (snapshot->fault)
                                   reject(again, jsonrpc::code::internal_error, snapshot->fault->message);
                                 else
                                   then(again, snapshot);
                               });
}

void with_newest_jobs(const mcp_request& request,
                      std::function<void(const mcp_request&, std::span<const job_record>)> then) {
  request.services.with_jobs(request.line, request.message.id, {std::nullopt, newest_jobs},
                             [&spoken = request.spoken, &services = request.services, line = request.line,
                              message = request.message, then = std::move(then)](const jobs_found& found) {
                               const mcp_request again{spoken, services, line, message};
                               if (found.records)
                                 then(again, *found.records);
                               else
                                 reject(again, jsonrpc::code::internal_error, found.records.error().message);
                             });
}

// --- server, tools
// -------------------------------------------------------------------------------------------------------

void discover(const mcp_request& request, const answer_form&) {
  ordered_json result;
  result["supportedVersions"] = revision_names();
  result["capabilities"] = server_capabilities(request.spoken);
  result["instructions"] = texts::instructions;
  reply(request, finished_for(request.spoken, std::move(result), hour_ms, cache_scope::everybody));
}

void ping(const mcp_request& request, const answer_form&) { reply(request, ordered_json::object()); }

void list_all_tools(const mcp_request& request, const answer_form&) {
  reply(request, finished_for(request.spoken, list_tools(request.spoken), hour_ms, cache_scope::everybody));
}

nlohmann::json progress_token(const nlohmann::json& params) {
  const auto* token = meta_member_of(params, "progressToken");
  return token != nullptr && (token->is_string() || token->is_number()) ? *token : nlohmann::json{};
}

void call_tool(const mcp_request& request, const answer_form& form) {
  const auto& params = request.message.params;
  const auto name = text_member_of(params, "name");
  const auto* arguments = member_of(params, "arguments");
  const auto* called = name ? find_tool(*name) : nullptr;
  if (!name)
    return reject(request, jsonrpc::code::invalid_params, "tools/call needs the name of a tool, a string");
  if (arguments != nullptr && !arguments->is_object())
    return reject(request, jsonrpc::code::invalid_params, "the arguments of tools/call must be an object");
  if (called == nullptr)
    return reject(request, jsonrpc::code::invalid_params, "Unknown tool: " + *name);
  auto token = progress_token(params);
  if (const auto size = token.is_string() ? token.get_ref<const std::string&>().size() : 0; size > limits::id_bytes)
    return reject(request, jsonrpc::code::invalid_params,
                  "the progressToken takes " + std::to_string(size) + " bytes, and at most " +
                      std::to_string(limits::id_bytes) + " are taken; send a shorter one");
  const auto* responses = member_of(params, "inputResponses");
  auto of_tool = form;
  of_tool.is_structured = is_structured(*called, request.spoken);
  called->run(request.services,
              {.line = request.line,
               .what = {.id = request.message.id, .progress_token = std::move(token), .form = of_tool},
               .arguments = arguments == nullptr ? nlohmann::json{} : *arguments,
               .input_responses = responses == nullptr ? nlohmann::json{} : *responses});
}

// --- prompts
// -------------------------------------------------------------------------------------------------------------

void list_all_prompts(const mcp_request& request, const answer_form&) {
  reply(request, finished_for(request.spoken, list_prompts(request.spoken), hour_ms, cache_scope::everybody));
}

void give_prompt(const mcp_request& request, const answer_form&) {
  const auto name = text_member_of(request.message.params, "name");
  const auto* asked = name ? find_prompt(*name) : nullptr;
  if (asked == nullptr)
    return reject(request, jsonrpc::code::invalid_params,
                  name ? "Unknown prompt: " + *name : "prompts/get needs the name of a prompt, a string");
  prompt_values values;
  if (const auto* given = member_of(request.message.params, "arguments")) {
    if (!given->is_object() ||
        !std::all_of(given->begin(), given->end(), [](const auto& value) { return value.is_string(); }))
      return reject(request, jsonrpc::code::invalid_params,
                    "the arguments of prompts/get must be an object whose members are strings");
    for (const auto& [key, value] : given->items())
      values.emplace(key, value.get<std::string>());
  }
  const auto text = get_prompt(*asked, values);
  if (text)
    reply(request, finished(request.spoken, *text));
  else
    reject(request, jsonrpc::code::invalid_params, text.error().message);
}

// --- resources
// -----------------------------------------------------------------------------------------------------------

void list_all_resources(const mcp_request& request, const answer_form&) {
  with_config(request, [](const mcp_request& again, const config_snapshot_ptr& snapshot) {
    with_newest_jobs(again, [snapshot](const mcp_request& last, std::span<const job_record> jobs) {
      const auto list = list_resources(last.spoken, snapshot->value, jobs);
      reply(last, finished_for(last.spoken, list, 0, cache_scope::this_user));
    });
  });
}

void list_all_templates(const mcp_request& request, const answer_form&) {
  reply(request,
        finished_for(request.spoken, list_resource_templates(request.spoken), hour_ms, cache_scope::everybody));
}

void say_not_found(const mcp_request& request, const std::string& uri, const std::string& why) {
  ordered_json data;
  data["uri"] = repeated(uri);
  // SEP-2164: from the stateless revision on it is a wrong parameter.
  reject(request, request.spoken.is_stateless ? jsonrpc::code::invalid_params : jsonrpc::code::resource_not_found, why,
         data);
}

void read_resource(const mcp_request& request, const answer_form&) {
  const auto uri = text_member_of(request.message.params, "uri");
  if (!uri)
    return reject(request, jsonrpc::code::invalid_params, "resources/read needs a uri, a string");
  if (const auto agent = agent_of_uri(*uri)) {
    constexpr int preview_lines = 40; // as inspect_agent has it when nothing is said
    with_config(request, [uri = *uri, agent = *agent](const mcp_request& again, const config_snapshot_ptr& snapshot) {
      if (snapshot->value.find_agent(agent.name) == nullptr)
        return say_not_found(again, uri, unknown_agent_sentence(snapshot->value, repeated(agent.name.value)));
      again.services.with_view(
          again.line, again.message.id, {},
          [snapshot, name = agent.name.value] { return inspect_agent_json(snapshot->value, name, preview_lines); },
          [&spoken = again.spoken, &services = again.services, line = again.line, message = again.message,
           uri](const ordered_json& seen) {
            const mcp_request last{spoken, services, line, message};
            reply(last, finished_for(spoken, resource_contents(uri, seen), 0, cache_scope::this_user));
          });
    });
    return;
  }
  const auto job = job_of_uri(*uri);
  if (!job)
    return say_not_found(request, *uri,
                         "There is no resource '" + repeated(*uri) +
                             "'; there are job://ID, with the 32 hexadecimal digits of a "
                             "job's id, and agent://NAME");
  request.services.with_job(request.line, request.message.id, job->id.value,
                            [&spoken = request.spoken, &services = request.services, line = request.line,
                             message = request.message, uri = *uri](const job_found& found) {
                              const mcp_request again{spoken, services, line, message};
                              if (!found.record)
                                return say_not_found(again, uri, found.record.error().message);
                              // A terminal record never changes.
                              const auto ttl = is_terminal(found.record->status) ? hour_ms : 0;
                              const auto contents = resource_contents(uri, job_json(*found.record));
                              reply(again, finished_for(again.spoken, contents, ttl, cache_scope::this_user));
                            });
}

// --- completion
// ----------------------------------------------------------------------------------------------------------

void reply_completions(const mcp_request& request, const std::vector<std::string>& values) {
  reply(request, finished(request.spoken, completion_json(values)));
}

void complete_name(const mcp_request& request, argument_kind kind, const std::string& text) {
  if (kind == argument_kind::text)
    return reply_completions(request, {});
  with_config(request, [kind, text](const mcp_request& again, const config_snapshot_ptr& snapshot) {
    const auto& config = snapshot->value;
    reply_completions(again, kind == argument_kind::group    ? groups_beginning_with(config, text)
                             : kind == argument_kind::agents ? lists_of_agents_beginning_with(config, text)
                                                             : agents_beginning_with(config, text));
  });
}

void complete_job(const mcp_request& request, const std::string& text) {
  with_newest_jobs(request, [text](const mcp_request& again, std::span<const job_record> jobs) {
    std::vector<std::string> ids;
    for (const auto& job : jobs)
      if (job.id.value.starts_with(text))
        ids.push_back(job.id.value);
    reply_completions(again, ids);
  });
}

void complete_prompt(const mcp_request& request, const std::string& name, const std::string& argument,
                     const std::string& text) {
  const auto* of = find_prompt(name);
  if (of == nullptr)
    return reject(request, jsonrpc::code::invalid_params, "Unknown prompt: " + name);
  const auto found = std::find_if(of->arguments.begin(), of->arguments.end(),
                                  [&](const prompt_argument& each) { return each.name == argument; });
  if (found == of->arguments.end())
    return reject(request, jsonrpc::code::invalid_params,
                  "prompt '" + name + "' has no argument '" + repeated(argument) + "'");
  complete_name(request, found->kind, text);
}

void complete_resource(const mcp_request& request, const std::string& uri, const std::string& text) {
  if (uri.starts_with("job://"))
    return complete_job(request, text);
  if (uri.starts_with("agent://"))
    return complete_name(request, argument_kind::agent, text);
  reject(request, jsonrpc::code::invalid_params, "There is no resource template '" + uri + "'");
}

void complete(const mcp_request& request, const answer_form&) {
  const auto& params = request.message.params;
  const auto* reference = member_of(params, "ref");
  const auto* argument = member_of(params, "argument");
  const auto kind = reference == nullptr ? std::nullopt : text_member_of(*reference, "type");
  const auto name = argument == nullptr ? std::nullopt : text_member_of(*argument, "name");
  const auto text = argument == nullptr ? std::nullopt : text_member_of(*argument, "value");
  const auto prompt = kind == "ref/prompt" ? text_member_of(*reference, "name") : std::nullopt;
  const auto uri = kind == "ref/resource" ? text_member_of(*reference, "uri") : std::nullopt;
  if (!name || !text || (!prompt && !uri))
    reject(
        request, jsonrpc::code::invalid_params,
        "completion/complete needs a ref (a prompt's name, or a resource template's uri) and an argument with name and "
        "value");
  else if (prompt)
    complete_prompt(request, *prompt, *name, *text);
  else
    complete_resource(request, *uri, *text);
}

// --- all
// -----------------------------------------------------------------------------------------------------------------

/// In which revisions there is a method.
enum class found_in { all, stateless, handshake };

struct mcp_method {
  std::string_view name;
  found_in where;
  void (*run)(const mcp_request&, const answer_form&);
};

constexpr std::array mcp_methods{
    mcp_method{"server/discover", found_in::stateless, discover},
    mcp_method{"ping", found_in::handshake, ping},
    mcp_method{"tools/list", found_in::all, list_all_tools},
    mcp_method{"tools/call", found_in::all, call_tool},
    mcp_method{"prompts/list", found_in::all, list_all_prompts},
    mcp_method{"prompts/get", found_in::all, give_prompt},
    mcp_method{"resources/list", found_in::all, list_all_resources},
    mcp_method{"resources/templates/list", found_in::all, list_all_templates},
    mcp_method{"resources/read", found_in::all, read_resource},
    mcp_method{"resources/subscribe", found_in::handshake, subscribe_resource},
    mcp_method{"resources/unsubscribe", found_in::handshake, unsubscribe_resource},
    mcp_method{"subscriptions/listen", found_in::stateless, listen},
    mcp_method{"tasks/get", found_in::stateless, get_task},
    mcp_method{"tasks/cancel", found_in::stateless, cancel_task},
    mcp_method{"tasks/update", found_in::stateless, update_task},
    mcp_method{"completion/complete", found_in::all, complete},
};

bool has(const era& spoken, const mcp_method& method) {
  return method.where == found_in::all || (method.where == found_in::stateless) == spoken.is_stateless;
}

} // namespace

ordered_json server_capabilities(const era& spoken) {
  ordered_json json;
  json["tools"] = ordered_json::object();
  json["prompts"] = ordered_json::object();
  json["resources"]["subscribe"] = true;
  if (spoken.has_completions)
    json["completions"] = ordered_json::object();
  json["logging"] = ordered_json::object();
  if (spoken.is_stateless)
    json.update(tasks_capability());
  return json;
}

void answer_method(const mcp_request& request, const answer_form& form) {
  const auto found = std::find_if(mcp_methods.begin(), mcp_methods.end(),
                                  [&](const mcp_method& method) { return method.name == request.message.method; });
  if (found != mcp_methods.end() && has(request.spoken, *found))
    found->run(request, form);
  else
    reject(request, jsonrpc::code::method_not_found, "there is no method '" + request.message.method + "'");
}

} // namespace agent_dispatch
