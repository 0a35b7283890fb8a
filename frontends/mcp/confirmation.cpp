#include "frontends/mcp/confirmation.hpp"

#include <algorithm>
#include <memory>
#include <numeric>

#include "actors/logic/request_load.hpp"
#include "frontends/mcp/mcp_request.hpp"
#include "frontends/mcp/tool_answers.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// The one question there is, in a result that asks and in the request that answers it.
constexpr const char* question_name = "confirm";
constexpr const char* elicitation_method = "elicitation/create";

struct waiting_dispatch {
  session_services& services;
  tool_call call;
  std::vector<agent_name> agents;
  dispatch_order order;
};

void start(waiting_dispatch& what) {
  what.services.dispatch(what.call.line, std::move(what.call.what), std::move(what.order));
}

/// The prompts of its runs.
std::vector<std::size_t> sizes_of(const dispatch_order& order) {
  if (!order.composite)
    return {prompt_size(order.run, {})};
  if (const auto* talk = std::get_if<dialogue_order>(order.composite.get()))
    return {talk->topic.size()};
  std::vector<std::size_t> sizes;
  for (const auto& item : std::get<parallel_order>(*order.composite).items)
    sizes.push_back(prompt_size(item.run, {}));
  return sizes;
}

/// Nobody needs to be asked about what is refused in any case.
bool is_too_long(const dispatch_order& order) {
  const auto sizes = sizes_of(order);
  return (!order.composite && order.run.resume && order.run.resume->value.size() > limits::session_id_bytes) ||
         std::any_of(sizes.begin(), sizes.end(), [](std::size_t size) { return size > limits::prompt_bytes; });
}

std::size_t size_of(const dispatch_order& order) {
  const auto sizes = sizes_of(order);
  return std::accumulate(sizes.begin(), sizes.end(), std::size_t{0});
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

/// `agent 'deploy' (pushes, deletes) and agent 'db' (migrates)`; "" when none of them has any.
std::string risks_of(const std::vector<agent_name>& agents, const configuration& config) {
  std::vector<std::string> risky;
  for (const auto& name : agents) {
    const auto* agent = config.find_agent(name);
    if (agent == nullptr || agent->risky_capabilities.empty())
      continue;
    auto words = "agent '" + name.value + "' (" + joined(agent->risky_capabilities) + ")";
    if (std::find(risky.begin(), risky.end(), words) == risky.end())
      risky.push_back(std::move(words));
  }
  std::string text;
  for (std::size_t i = 0; i < risky.size(); ++i)
    text.append(i == 0 ? "" : i + 1 == risky.size() ? " and " : ", ").append(risky[i]);
  return text;
}

std::string task_of(const dispatch_order& order) {
  constexpr std::size_t shown_characters = 300;
  if (!order.composite)
    return std::string{first_characters(to_valid_utf8(order.run.task), shown_characters)};
  if (const auto* talk = std::get_if<dialogue_order>(order.composite.get()))
    return std::string{first_characters(to_valid_utf8(talk->topic), shown_characters)};
  std::string text;
  for (const auto& item : std::get<parallel_order>(*order.composite).items)
    text.append(text.empty() ? "" : "\n").append(item.run.agent.value + ": " + to_valid_utf8(item.run.task));
  return std::string{first_characters(text, shown_characters)};
}

/// The parameters of `elicitation/create`, of one shape in all revisions that have it: yes or no is all that is asked.
ordered_json question_about(const std::string& risks, const dispatch_order& order) {
  ordered_json params;
  params["message"] = "Let " + risks + " do this? Its configuration names what is risky about it.\n\n" + task_of(order);
  params["requestedSchema"]["type"] = "object";
  params["requestedSchema"]["properties"] = ordered_json::object();
  return params;
}

/// The result that asks; the client sends its request again, with what its user said.
void ask_by_result(const waiting_dispatch& what, ordered_json question) {
  ordered_json result;
  auto& asked = result["inputRequests"][question_name];
  asked["method"] = elicitation_method;
  asked["params"] = std::move(question);
  result["resultType"] = "input_required";
  result["_meta"][meta_key::server] = server_info();
  what.services.reply(what.call.line, what.call.what.id, result);
}

void go_unconfirmed(waiting_dispatch& what, const std::string& risks) {
  what.call.what.remark = "Nobody was asked whether " + risks +
                          " may do this, although settings.confirm_risky wants it: this client cannot ask its user.";
  start(what);
}

/// `answer`: an ElicitResult; whatever is no consent is none.
void take_answer(waiting_dispatch& what, const nlohmann::json& answer, const std::string& risks) {
  const auto action = text_member_of(answer, "action");
  if (action == "accept")
    start(what);
  else
    refuse(what.services, what.call,
           "The user was asked and did not agree that " + risks +
               " does this. Nothing was started. Talk it over with the user before you try again.");
}

void confirm(const std::shared_ptr<waiting_dispatch>& what, const std::string& risks) {
  const auto* answer = member_of(what->call.input_responses, question_name);
  switch (what->call.what.form.asks) {
  case asking::never:
    go_unconfirmed(*what, risks);
    return;
  case asking::by_result:
    if (answer == nullptr)
      ask_by_result(*what, question_about(risks, what->order));
    else
      take_answer(*what, *answer, risks);
    return;
  case asking::by_request:
    what->services.ask_client(what->call.line, what->call.what, elicitation_method, question_about(risks, what->order),
                              size_of(what->order), [what, risks](const jsonrpc::response& response) {
                                // Whatever else went wrong at the client is no consent.
                                if (response.error == static_cast<int>(jsonrpc::code::method_not_found))
                                  go_unconfirmed(*what, risks);
                                else
                                  take_answer(*what, response.result, risks);
                              });
    return;
  }
}

} // namespace

void dispatch_when_confirmed(session_services& services, const tool_call& call, std::vector<agent_name> agents,
                             dispatch_order order) {
  const bool has_answer = call.what.form.asks == asking::by_result;
  const auto what = std::make_shared<waiting_dispatch>(
      waiting_dispatch{services,
                       {.line = call.line,
                        .what = call.what,
                        .arguments = {},
                        .input_responses = has_answer ? call.input_responses : nlohmann::json{}},
                       std::move(agents),
                       std::move(order)});
  services.prepare(call.line, call.what.id, [what](const config_snapshot_ptr& snapshot) {
    // What is wrong with the configuration is said by whoever resolves the dispatch.
    const bool is_asked = !snapshot->fault && snapshot->value.settings.confirm_risky && !is_too_long(what->order);
    const auto risks = is_asked ? risks_of(what->agents, snapshot->value) : std::string{};
    if (risks.empty()) {
      start(*what);
      return;
    }
    // What runs already, or has ended, has been agreed to: another supervisor was told so.
    what->services.with_known(what->call.line, what->call.what.id, [what, risks](bool is_known) {
      if (is_known)
        start(*what);
      else
        confirm(what, risks);
    });
  });
}

} // namespace agent_dispatch
