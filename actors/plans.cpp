#include "actors/plans.hpp"

#include <algorithm>

#include "actors/logic/child_environment.hpp"
#include "actors/logic/command_line.hpp"
#include "actors/logic/composite.hpp"
#include "actors/logic/outcome.hpp"
#include "actors/logic/request_load.hpp"
#include "actors/logic/sentences.hpp"
#include "actors/logic/timeout.hpp"
#include "messages/blanks.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// So many items a parallel request may have, and more when there are many slots.
constexpr std::size_t usual_items = 100;
constexpr std::size_t items_per_slot = 20;

expected<const agent_config*> find_agent(const configuration& config, const agent_name& name) {
  if (const auto* agent = config.find_agent(name))
    return agent;
  return failure(fault_kind::unknown_agent, unknown_agent_sentence(config, name.value));
}

/// What a member of the group is told beside its task; "" without a group, or when the group shares nothing.
expected<std::string> shared_context_of(const configuration& config, const run_request& run) {
  if (run.group.empty())
    return {};
  const auto* group = config.find_group(run.group);
  if (group == nullptr)
    return failure(fault_kind::invalid_argument, unknown_group_sentence(config, run.group));
  if (std::none_of(group->members.begin(), group->members.end(),
                   [&](const group_member& member) { return member.agent == run.agent; }))
    return failure(fault_kind::invalid_argument, not_a_member_sentence(*group, run.agent));
  const auto shared = without_blanks(group->shared_context);
  return shared.empty() ? "" : sentences::shared_by_group(group->name, shared);
}

/// The spec of one run of a call. The failing side is a result that says why it is refused.
tl::expected<std::shared_ptr<run_spec>, dispatch_result> spec_of(const request_key& key, const dispatch_call& call,
                                                                 const run_request& run, const agent_config& agent,
                                                                 const settings& defaults) {
  if (is_too_deep(call.caller->depth, defaults.max_dispatch_depth))
    return tl::unexpected(refuse_depth(agent.name, call.caller->depth, defaults.max_dispatch_depth));
  auto spec = std::make_shared<run_spec>();
  spec->key = key.run();
  spec->request = run;
  spec->agent = resolve(agent, defaults);
  const auto session = choose_session(run, session_id{make_uuid()});
  spec->session = session.id;
  spec->resumed = session.start == session_start::resumed;
  spec->timeout = effective_timeout(run, spec->agent);
  spec->depth = call.caller->depth + 1;
  spec->parent = call.caller->parent;
  spec->caller = call.caller;
  if (const auto command = build_command_line(spec->agent, session); !command)
    return tl::unexpected(refuse(agent.name, command.error()));
  return spec;
}

/// Refuses what is too long for the CLI's standard input or its command line.
expected<void> check_length(const run_request& run, const std::string& shared_context) {
  const auto size = prompt_size(run, shared_context);
  if (size > limits::prompt_bytes)
    return failure(fault_kind::invalid_argument, sentences::prompt_too_long(size));
  if (run.resume && run.resume->value.size() > limits::session_id_bytes)
    return failure(fault_kind::invalid_argument, sentences::session_id_too_long(run.resume->value.size()));
  return {};
}

using plan_or_answer = tl::expected<composite_plan_ptr, dispatch_answer>;

plan_or_answer refused(fault why, const std::string& where = "") {
  why.message.insert(0, where);
  return tl::unexpected(dispatch_answer{tl::unexpected(std::move(why))});
}

expected<planned_item> plan_item(const request_key& key, const dispatch_call& call, const parallel_item& item,
                                 const configuration& config) {
  const auto agent = find_agent(config, item.run.agent);
  if (!agent)
    return tl::unexpected(agent.error());
  auto shared = shared_context_of(config, item.run);
  if (!shared)
    return tl::unexpected(shared.error());
  if (const auto fits = check_length(item.run, *shared); !fits)
    return tl::unexpected(fits.error());
  auto spec = spec_of(key, call, item.run, **agent, config.settings);
  if (!spec)
    return planned_item{.spec = nullptr, .refused = std::move(spec.error())};
  (*spec)->shared_context = std::move(*shared);
  if (item.kind == call_kind::ref)
    (*spec)->ref = make_job_id();
  return planned_item{.spec = *spec, .summary_chars = item.summary_chars};
}

plan_or_answer plan_parallel(const request_key& key, const dispatch_call& call, const parallel_order& order,
                             const configuration& config) {
  const auto most = std::max(usual_items, items_per_slot * static_cast<std::size_t>(config.settings.max_concurrency));
  if (order.items.size() > most)
    return refused({fault_kind::invalid_argument,
                    "dispatches has " + std::to_string(order.items.size()) + " items; at most " + std::to_string(most) +
                        " are taken at a time (20 for each of settings.max_concurrency, at least 100)"});
  parallel_plan plan;
  for (std::size_t i = 0; i < order.items.size(); ++i) {
    auto item = plan_item(key.part_of(std::to_string(i)), call, order.items[i], config);
    if (!item)
      return refused(std::move(item.error()), "dispatches[" + std::to_string(i) + "]: ");
    plan.items.push_back(std::move(*item));
  }
  if (!order.aggregator.value.empty()) {
    const auto agent = find_agent(config, order.aggregator);
    if (!agent)
      return refused(agent.error(), "aggregate: ");
    const run_request run{.agent = order.aggregator,
                          .task = std::string{sentences::aggregation_task},
                          .caller = std::string{sentences::aggregation_caller},
                          .goal = std::string{sentences::aggregation_goal}};
    auto spec = spec_of(key.part_of("agg"), call, run, **agent, config.settings);
    if (spec)
      plan.aggregator = *spec;
    else if (std::any_of(plan.items.begin(), plan.items.end(), [](const auto& item) { return item.spec != nullptr; }))
      return refused({fault_kind::invalid_argument, spec.error().error.value_or("")}, "aggregate: ");
    else // all of them: by the caller's depth, or by how the agents are configured
      return tl::unexpected(refused_parallel(plan.items, spec.error()));
  }
  return std::make_shared<const composite_plan>(std::move(plan));
}

plan_or_answer plan_dialogue(const request_key& key, const dispatch_call& call, const dialogue_order& order,
                             const configuration& config) {
  dialogue_plan plan{
      .requester = nullptr, .responder = nullptr, .topic = order.topic, .most_rounds = order.most_rounds};
  if (const auto fits = check_length({.agent = order.responder, .task = order.topic}, {}); !fits)
    return refused(fits.error());
  const auto requester = find_agent(config, order.requester);
  if (!requester)
    return refused(requester.error());
  const auto responder = find_agent(config, order.responder);
  if (!responder)
    return refused(responder.error());
  const auto side = [&](const agent_config& agent) {
    return spec_of(key.part_of("t1"), call, {.agent = agent.name}, agent, config.settings);
  };
  // A side that could not answer costs the other side nothing.
  const auto answers = side(**responder);
  if (!answers)
    return tl::unexpected(refused_dialogue(dialogue_role::responder, answers.error()));
  const auto asks = side(**requester);
  if (!asks)
    return tl::unexpected(refused_dialogue(dialogue_role::requester, asks.error()));
  plan.requester = *asks;
  plan.responder = *answers;
  return std::make_shared<const composite_plan>(std::move(plan));
}

} // namespace

tl::expected<run_spec_ptr, dispatch_answer> make_spec(const request_key& key, const dispatch_call& call,
                                                      const configuration& config) {
  const auto agent = find_agent(config, call.run.agent);
  if (!agent)
    return tl::unexpected(dispatch_answer{tl::unexpected(agent.error())});
  auto shared = shared_context_of(config, call.run);
  if (!shared)
    return tl::unexpected(dispatch_answer{tl::unexpected(shared.error())});
  if (const auto fits = check_length(call.run, *shared); !fits)
    return tl::unexpected(dispatch_answer{tl::unexpected(fits.error())});
  auto spec = spec_of(key, call, call.run, **agent, config.settings);
  if (!spec)
    return tl::unexpected(dispatch_answer{std::move(spec.error())});
  (*spec)->shared_context = std::move(*shared);
  (*spec)->retry_of = call.retry_of;
  if (call.kind == call_kind::job)
    (*spec)->job = make_job_id();
  if (call.kind == call_kind::ref)
    (*spec)->ref = make_job_id();
  return run_spec_ptr{*spec};
}

tl::expected<composite_plan_ptr, dispatch_answer> make_plan(const request_key& key, const dispatch_call& call,
                                                            const configuration& config) {
  if (const auto* order = std::get_if<parallel_order>(call.composite.get()))
    return plan_parallel(key, call, *order, config);
  return plan_dialogue(key, call, std::get<dialogue_order>(*call.composite), config);
}

} // namespace agent_dispatch
