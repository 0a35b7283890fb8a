#include "actors/logic/composite.hpp"

#include <algorithm>
#include <charconv>

#include "actors/logic/sentences.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view aggregator_part = "agg";

/// What can be said of an answer, also when it is none.
dispatch_result result_of(const dispatch_answer& answer, const agent_name& agent) {
  if (answer.value)
    return *answer.value;
  dispatch_result result;
  result.agent = agent;
  result.error = answer.value.error().message;
  result.error_type = error_type::cli_error;
  return result;
}

/// The request was done; how its parts went is said beside it.
dispatch_result done() {
  dispatch_result result;
  result.success = true;
  return result;
}

class parallel final : public composite {
public:
  parallel(const request_key& key, composite_plan_ptr plan)
      : key_{key}, plan_{std::move(plan)}, answers_(items().size()) {}

  std::vector<due_part> begin() override {
    std::vector<due_part> due;
    for (std::size_t i = 0; i < items().size(); ++i) {
      if (items()[i].refused)
        answers_[i] = dispatch_answer{*items()[i].refused};
      else
        due.push_back({std::to_string(i), items()[i].spec, true});
    }
    return due.empty() ? aggregation() : due;
  }

  std::vector<due_part> answered(std::string_view part, const dispatch_answer& answer) override {
    if (part == aggregator_part) {
      aggregated_ = answer;
      return {};
    }
    std::size_t place = 0;
    std::from_chars(part.data(), part.data() + part.size(), place);
    answers_.at(place) = answer;
    return has_all() ? aggregation() : std::vector<due_part>{};
  }

  std::optional<dispatch_answer> result() const override {
    if (!has_all() || (is_aggregating_ && !aggregated_))
      return std::nullopt;
    auto all = std::make_shared<parallel_answer>();
    for (const auto& answer : answers_)
      all->items.push_back(*answer);
    all->aggregated = aggregated_;
    return dispatch_answer{.value = done(), .parallel = std::move(all)};
  }

  void cancel() override { is_cancelled_ = true; }

private:
  const parallel_plan& plan() const { return std::get<parallel_plan>(*plan_); }
  const std::vector<planned_item>& items() const { return plan().items; }
  bool has_all() const {
    return std::all_of(answers_.begin(), answers_.end(), [](const auto& answer) { return answer.has_value(); });
  }

  std::vector<due_part> aggregation() {
    if (!plan().aggregator || is_cancelled_)
      return {};
    is_aggregating_ = true;
    auto spec = std::make_shared<run_spec>(*plan().aggregator);
    spec->key = key_.part_of(std::string{aggregator_part}).run();
    std::size_t whole = 0;
    for (std::size_t i = 0; i < items().size(); ++i)
      whole += section(items()[i], *answers_[i]).size();
    const auto most = whole <= limits::prompt_bytes ? whole : limits::prompt_bytes / items().size();
    for (std::size_t i = 0; i < items().size(); ++i)
      spec->request.context += (i == 0 ? "" : "\n\n") + sentences::cut_off(section(items()[i], *answers_[i]), most);
    return {{std::string{aggregator_part}, std::move(spec)}};
  }

  static std::string section(const planned_item& item, const dispatch_answer& answer) {
    const auto result = result_of(answer, item.spec ? item.spec->agent.name : agent_name{});
    if (!result.success)
      return sentences::failed_part(result.agent, result.error_type, result.error.value_or(""));
    if (!item.spec || !item.spec->ref)
      return sentences::succeeded_part(result.agent, result.result);
    return sentences::previewed_part(result.agent,
                                     first_characters(result.result, static_cast<std::size_t>(item.summary_chars)));
  }

  request_key key_;
  composite_plan_ptr plan_;
  std::vector<std::optional<dispatch_answer>> answers_;
  std::optional<dispatch_answer> aggregated_;
  bool is_aggregating_ = false;
  bool is_cancelled_ = false;
};

/// The message without the marker, and whether it had one.
std::pair<std::string, bool> without_marker(std::string_view whole) {
  std::string message;
  for (const char next : whole) {
    message += next;
    if (message.ends_with(resolved_marker)) // also where taking one out has joined another
      message.resize(message.size() - resolved_marker.size());
  }
  if (message.size() == whole.size())
    return {std::move(message), false};
  constexpr std::string_view blank = " \t\r\n";
  const auto begin = message.find_first_not_of(blank);
  if (begin == std::string::npos)
    return {"", true};
  return {message.substr(begin, message.find_last_not_of(blank) - begin + 1), true};
}

class dialogue final : public composite {
public:
  dialogue(const request_key& key, composite_plan_ptr plan) : key_{key}, plan_{std::move(plan)} {}

  std::vector<due_part> begin() override { return {next()}; }

  std::vector<due_part> answered(std::string_view, const dispatch_answer& answer) override {
    const auto role = role_of(turns());
    const auto& spec = spec_of(role);
    const auto result = result_of(answer, spec.agent.name);
    said_.conversation.push_back({.agent = spec.agent.name,
                                  .role = role,
                                  .round = round_of(turns()),
                                  .message = result.result,
                                  .cost_usd = result.cost_usd,
                                  .error = result.error,
                                  .error_type = result.error_type});
    said_.total_cost_usd += result.cost_usd.value_or(0);
    said_.total_duration_ms += result.duration_ms.value_or(0);
    (role == dialogue_role::responder ? responder_session_ : requester_session_) =
        result.session.value_or(spec.session);
    auto [message, resolved] = without_marker(result.result);
    said_.resolved = result.success && resolved;
    said_.final_answer = result.success ? std::move(message) : result.error.value_or("");
    is_over_ = !result.success || said_.resolved || is_cancelled_ || turns() == 2 * plan().most_rounds;
    return is_over_ ? std::vector<due_part>{} : std::vector<due_part>{next()};
  }

  std::optional<dispatch_answer> result() const override {
    if (!is_over_)
      return std::nullopt;
    return dispatch_answer{.value = done(), .dialogue = std::make_shared<const dialogue_answer>(said_)};
  }

  void cancel() override { is_cancelled_ = true; }

private:
  const dialogue_plan& plan() const { return std::get<dialogue_plan>(*plan_); }
  int turns() const { return static_cast<int>(said_.conversation.size()); }
  static dialogue_role role_of(int turn) { return turn % 2 == 0 ? dialogue_role::responder : dialogue_role::requester; }
  static int round_of(int turn) { return turn / 2 + 1; }
  const run_spec& spec_of(dialogue_role role) const {
    return role == dialogue_role::responder ? *plan().responder : *plan().requester;
  }

  /// The turn after those that were taken.
  due_part next() const {
    constexpr std::size_t goal_characters = 200;
    const auto role = role_of(turns());
    const auto& other = spec_of(role == dialogue_role::responder ? dialogue_role::requester : dialogue_role::responder);
    auto spec = std::make_shared<run_spec>(spec_of(role));
    std::string part = "t" + std::to_string(turns() + 1);
    spec->key = key_.part_of(part).run();
    spec->request.caller = other.agent.name.value;
    spec->request.goal = first_characters(plan().topic, goal_characters);
    spec->request.task = turns() == 0 ? sentences::opens_dialogue(other.agent.name, plan().topic, resolved_marker)
                                      : sentences::goes_on_with_dialogue(
                                            other.agent.name,
                                            sentences::cut_off(said_.conversation.back().message, limits::prompt_bytes),
                                            turns() == 1 ? plan().topic : "", resolved_marker);
    if (const auto& session = role == dialogue_role::responder ? responder_session_ : requester_session_) {
      spec->session = *session;
      spec->request.resume = *session;
      spec->resumed = true;
    }
    return {std::move(part), std::move(spec)};
  }

  request_key key_;
  composite_plan_ptr plan_;
  dialogue_answer said_;
  std::optional<session_id> responder_session_;
  std::optional<session_id> requester_session_;
  bool is_over_ = false;
  bool is_cancelled_ = false;
};

} // namespace

dispatch_answer refused_parallel(const std::vector<planned_item>& items, const dispatch_result& aggregator) {
  auto all = std::make_shared<parallel_answer>();
  for (const auto& item : items)
    all->items.push_back({item.refused.value_or(dispatch_result{})});
  all->aggregated = dispatch_answer{aggregator};
  return {.value = done(), .parallel = std::move(all)};
}

dispatch_answer refused_dialogue(dialogue_role role, const dispatch_result& refusal) {
  auto said = std::make_shared<dialogue_answer>();
  said->final_answer = refusal.error.value_or("");
  said->conversation.push_back({.agent = refusal.agent,
                                .role = role,
                                .message = refusal.result,
                                .cost_usd = {},
                                .error = refusal.error,
                                .error_type = refusal.error_type});
  return {.value = done(), .dialogue = std::move(said)};
}

std::unique_ptr<composite> make_composite(const request_key& key, composite_plan_ptr plan) {
  if (std::holds_alternative<parallel_plan>(*plan))
    return std::make_unique<parallel>(key, std::move(plan));
  return std::make_unique<dialogue>(key, std::move(plan));
}

} // namespace agent_dispatch
