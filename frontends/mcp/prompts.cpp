#include "frontends/mcp/prompts.hpp"

#include <algorithm>
#include <array>

namespace agent_dispatch {

namespace {

std::string value_of(const prompt_values& values, std::string_view name) {
  const auto found = values.find(name);
  return found == values.end() ? std::string{} : found->second;
}

std::string quoted(const prompt_values& values, std::string_view name) { return "'" + value_of(values, name) + "'"; }

// --- the prompts
// ---------------------------------------------------------------------------------------------------------

constexpr std::array delegate_arguments{
    prompt_argument{"agent", "Which agent; without one, the one that fits best is chosen.", argument_kind::agent,
                    false},
    prompt_argument{"task", "What it is to do.", argument_kind::text, true},
};

std::string delegate_text(const prompt_values& values) {
  const auto agent = value_of(values, "agent");
  return (agent.empty() ? std::string{"Choose the agent that fits this task best: look at list_agents, and at "
                                      "inspect_agent where that leaves doubts. Then hand the task to it"}
                        : "Hand this task to the agent " + quoted(values, "agent")) +
         " with dispatch. The agent sees nothing of our conversation: write into context all that it needs (files, "
         "messages, what has been tried), say in caller who you are, and in goal what this serves. Read success and "
         "error_type of the answer before you use it, and go on with dispatch_session if something is open.\n\nTask: " +
         value_of(values, "task");
}

constexpr std::array several_arguments{
    prompt_argument{"question", "What they are all asked.", argument_kind::text, true},
    prompt_argument{"agents", "Their names, separated by commas; without them, those that can know are chosen.",
                    argument_kind::agents, false},
    prompt_argument{"aggregate", "The agent that makes one answer of theirs; without one you do.", argument_kind::agent,
                    false},
};

std::string several_text(const prompt_values& values) {
  const auto agents = value_of(values, "agents");
  const auto aggregate = value_of(values, "aggregate");
  return (agents.empty()
              ? std::string{"Look at list_agents, choose the agents that can know something about this, and ask "
                            "them all"}
              : "Ask the agents " + agents + ", all") +
         " in one dispatch_parallel call, each with the context that it needs." +
         (aggregate.empty()
              ? " Then make one answer of theirs: say where they agree, where they contradict each other, "
                "and which of them failed."
              : " Pass aggregate: " + quoted(values, "aggregate") + ", and report its answer.") +
         "\n\nQuestion: " + value_of(values, "question");
}

constexpr std::array talk_arguments{
    prompt_argument{"requester", "The agent that has the problem.", argument_kind::agent, true},
    prompt_argument{"responder", "The agent that knows; it speaks first.", argument_kind::agent, true},
    prompt_argument{"topic", "What they are to work out.", argument_kind::text, true},
};

std::string talk_text(const prompt_values& values) {
  return "Let the agents " + quoted(values, "requester") + " (requester) and " + quoted(values, "responder") +
         " (responder) work this out with dispatch_dialogue, then report final_answer, whether they resolved it, what "
         "it "
         "cost, and what is left open.\n\nTopic: " +
         value_of(values, "topic");
}

constexpr std::array group_arguments{
    prompt_argument{"group", "The group.", argument_kind::group, true},
    prompt_argument{"task", "What it is to do.", argument_kind::text, true},
};

std::string group_text(const prompt_values& values) {
  return "Give this task to the group " + quoted(values, "group") +
         ". Read inspect_group first: its description says how to coordinate it, and use_for what each member is for. "
         "Dispatch to the members with group: " +
         quoted(values, "group") +
         ", so that they know what they share; side by side with dispatch_parallel where their parts do not need each "
         "other. Then put the parts together.\n\nTask: " +
         value_of(values, "task");
}

const std::array all_prompts{
    prompt{"delegate", "Delegate a task", "Hands a task to one agent, with all that it needs to know.",
           delegate_arguments, delegate_text},
    prompt{"ask_several", "Ask several agents", "Asks several agents the same and makes one answer of theirs.",
           several_arguments, several_text},
    prompt{"let_them_talk", "Let two agents talk it out", "Two agents work something out between them.", talk_arguments,
           talk_text},
    prompt{"work_with_group", "Work with a group", "Coordinates the members of a group.", group_arguments, group_text},
};

ordered_json argument_json(const prompt_argument& argument) {
  ordered_json json;
  json["name"] = argument.name;
  json["description"] = argument.description;
  json["required"] = argument.required;
  return json;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n") == std::string_view::npos; }

} // namespace

std::span<const prompt> prompts() { return all_prompts; }

const prompt* find_prompt(std::string_view name) {
  const auto found =
      std::find_if(all_prompts.begin(), all_prompts.end(), [&](const prompt& each) { return each.name == name; });
  return found == all_prompts.end() ? nullptr : &*found;
}

ordered_json list_prompts(const era& spoken) {
  ordered_json result;
  result["prompts"] = ordered_json::array();
  for (const auto& each : all_prompts) {
    ordered_json json;
    json["name"] = each.name;
    if (spoken.has_titles)
      json["title"] = each.title;
    json["description"] = each.description;
    json["arguments"] = ordered_json::array();
    for (const auto& argument : each.arguments)
      json["arguments"].push_back(argument_json(argument));
    result["prompts"].push_back(std::move(json));
  }
  return result;
}

expected<ordered_json> get_prompt(const prompt& asked, const prompt_values& values) {
  for (const auto& argument : asked.arguments)
    if (argument.required && is_blank(value_of(values, argument.name)))
      return failure(fault_kind::invalid_argument, "prompt '" + std::string{asked.name} + "' needs the argument '" +
                                                       std::string{argument.name} + "'");
  for (const auto& given : values)
    if (std::none_of(asked.arguments.begin(), asked.arguments.end(),
                     [&](const prompt_argument& argument) { return argument.name == given.first; }))
      return failure(fault_kind::invalid_argument,
                     "prompt '" + std::string{asked.name} + "' has no argument '" + given.first + "'");
  ordered_json message;
  message["role"] = "user";
  message["content"]["type"] = "text";
  message["content"]["text"] = asked.text(values);
  ordered_json result;
  result["description"] = asked.description;
  result["messages"] = ordered_json::array({std::move(message)});
  return result;
}

} // namespace agent_dispatch
