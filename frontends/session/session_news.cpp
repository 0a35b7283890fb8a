#include <algorithm>

#include "frontends/session/session.hpp"
#include "messages/limits.hpp"

/// What a session tells without being asked each time, and what it asks itself.
namespace agent_dispatch {

namespace {

using clock = std::chrono::steady_clock;

std::string too_many_topics(std::size_t count) {
  return "this connection would be told of " + std::to_string(count) + " resources and tasks, and at most " +
         std::to_string(limits::topics) + " are followed; end a subscription first";
}

} // namespace

// --- subscriptions
// -------------------------------------------------------------------------------------------------------

void session_state::subscribe(std::uint64_t line, job_subscription what) {
  const bool is_again = told_before.erase(line) > 0;
  if (cancelled_line == line) {
    settle(line);
    return;
  }
  if (const auto count = topics_with(what.topics.size()); count > limits::topics) {
    reject(line, what.id, jsonrpc::code::internal_error, too_many_topics(count));
    return;
  }
  auto asked_for = std::exchange(what.topics, {});
  const auto count = asked_for.size();
  subscriptions.try_emplace(line, std::move(what));
  check(std::make_shared<unchecked_topics>(unchecked_topics{.line = line,
                                                            .topics = std::move(asked_for),
                                                            .states = std::vector<std::optional<job_status>>(count),
                                                            .missing = count,
                                                            .is_again = is_again}));
}

void session_state::follow(std::uint64_t line, const nlohmann::json& id, const answer_form& form,
                           const job_topic& topic, std::function<void(bool)> then) {
  const bool is_again = told_before.erase(line) > 0;
  if (const auto count = topics_with(1); count > limits::topics) {
    reject(line, id, jsonrpc::code::internal_error, too_many_topics(count));
    return;
  }
  subscriptions.try_emplace(0, job_subscription{.id = nullptr, .form = form, .topics = {}});
  check(std::make_shared<unchecked_topics>(unchecked_topics{.line = 0,
                                                            .topics = {topic},
                                                            .states = std::vector<std::optional<job_status>>(1),
                                                            .missing = 1,
                                                            .is_again = is_again,
                                                            .then = std::move(then)}));
}

std::size_t session_state::topics_with(std::size_t more) const {
  for (const auto& unchecked : checking)
    more += unchecked->topics.size();
  return more + topics.size();
}

void session_state::check(const std::shared_ptr<unchecked_topics>& unchecked) {
  if (unchecked->missing == 0) {
    begin_topics(*unchecked);
    return;
  }
  checking.insert(unchecked);
  const auto take = [this, unchecked](std::size_t place, std::optional<job_status> state) {
    unchecked->states[place] = state;
    if (--unchecked->missing > 0)
      return;
    checking.erase(unchecked);
    begin_topics(*unchecked);
  };
  for (std::size_t place = 0; place < unchecked->topics.size(); ++place)
    self->request(core.jobs, caf::infinite, find_job_record{unchecked->topics[place].id.value})
        .then(
            [take, place](const job_found& found) {
              take(place, found.record ? std::optional{found.record->status} : std::nullopt);
            },
            [take, place](const caf::error&) { take(place, std::nullopt); });
}

void session_state::begin_topics(const unchecked_topics& checked) {
  const auto found = subscriptions.find(checked.line);
  if (found == subscriptions.end()) { // ended meanwhile
    if (checked.then)
      checked.then(checked.states.front().has_value());
    return;
  }
  auto& open = found->second;
  std::vector<std::size_t> agreed;
  for (std::size_t place = 0; place < checked.topics.size(); ++place) {
    const auto& topic = checked.topics[place];
    if (!checked.states[place] || topic.id.value.empty() ||
        std::find(open.topics.begin(), open.topics.end(), topic) != open.topics.end())
      continue;
    open.topics.push_back(topic);
    agreed.push_back(place);
  }
  if (checked.line != 0 && !checked.is_again)
    tell_subscriber(checked.line, dialect->subscribed_line(open));
  if (checked.then)
    checked.then(checked.states.front().has_value());
  for (const auto place : agreed)
    begin_topic(checked.line, checked.topics[place], *checked.states[place], checked.is_again);
  schedule_tick();
}

void session_state::begin_topic(std::uint64_t line, const job_topic& what, job_status state, bool is_again) {
  // A task that has ended would never be heard of; a resource that has is known to who reads it from now on.
  if (is_again || (what.news == job_news::task && is_terminal(state)))
    look_up(line, what);
  if (is_terminal(state)) {
    std::erase(subscriptions.at(line).topics, what);
    return;
  }
  const auto topic = next_topic++;
  topics.emplace(topic, live_topic{.subscription = line, .what = what});
  self->send(core.jobs, watch_job{key(topic), what.id.value, self, std::nullopt, std::nullopt});
}

void session_state::look_up(std::uint64_t line, const job_topic& what) {
  self->request(core.jobs, caf::infinite, find_job_record{what.id.value})
      .then(
          [this, line, what](const job_found& job) {
            if (subscriptions.contains(line) && job.record)
              tell_record(line, what, *job.record);
          },
          [](const caf::error&) {});
}

void session_state::tell_subscriber(std::uint64_t line, const std::string& text, importance rank) {
  link->send("note", line, text, rank);
}

void session_state::tell_record(std::uint64_t line, const job_topic& what, const job_record& record, importance rank) {
  const auto& open = subscriptions.at(line);
  if (what.news == job_news::resource) {
    tell_subscriber(line, dialect->changed_line(open, what.id), rank);
    return;
  }
  auto text = dialect->task_line(open, record);
  if (text.size() > limits::frame_bytes)
    text = dialect->task_line(
        open, *shortened({.value = dispatch_result{}, .job = std::make_shared<const job_record>(record)}).job);
  tell_subscriber(line, text, rank);
}

void session_state::news(std::uint64_t topic) {
  const auto found = topics.find(topic);
  if (found == topics.end())
    return;
  auto& what = found->second;
  what.is_new = true;
  if (what.told_at + news_interval <= clock::now())
    tell_news(topic, what);
  else
    schedule_tick();
}

void session_state::tell_news(std::uint64_t topic, live_topic& what) {
  what.is_new = false;
  what.told_at = clock::now();
  if (what.what.news == job_news::resource) {
    tell_subscriber(what.subscription, dialect->changed_line(subscriptions.at(what.subscription), what.what.id),
                    importance::droppable);
    return;
  }
  self->request(core.jobs, caf::infinite, find_job_record{what.what.id.value})
      .then(
          [this, topic](const job_found& job) {
            const auto found = topics.find(topic);
            // That it has ended is told when it is certain.
            if (found != topics.end() && job.record && !is_terminal(job.record->status))
              tell_record(found->second.subscription, found->second.what, *job.record, importance::droppable);
          },
          [](const caf::error&) {});
}

void session_state::last_news(std::uint64_t topic, const job_record_ptr& record) {
  const auto found = topics.find(topic);
  if (found == topics.end())
    return;
  const auto what = found->second;
  topics.erase(found);
  std::erase(subscriptions.at(what.subscription).topics, what.what);
  if (record)
    tell_record(what.subscription, what.what, *record);
}

void session_state::drop_topic(std::uint64_t topic) {
  self->send(core.jobs, unwatch_job{key(topic)});
  topics.erase(topic);
}

void session_state::forget(const job_topic& topic) {
  for (const auto& unchecked : checking)
    if (unchecked->line == 0 && unchecked->topics.front() == topic) {
      unchecked->topics.front() = {}; // no job has this id
      // Who asks for both at once is answered in that order: what is said again to the next supervisor depends on it.
      if (const auto then = std::exchange(unchecked->then, {}))
        then(true);
    }
  const auto open = subscriptions.find(0);
  if (open == subscriptions.end())
    return;
  std::erase(open->second.topics, topic);
  const auto live = std::find_if(topics.begin(), topics.end(), [&](const auto& entry) {
    return entry.second.subscription == 0 && entry.second.what == topic;
  });
  if (live != topics.end())
    drop_topic(live->first);
}

void session_state::end_subscription(std::uint64_t line) {
  std::vector<std::uint64_t> its;
  for (const auto& [topic, what] : topics)
    if (what.subscription == line)
      its.push_back(topic);
  for (const auto topic : its)
    drop_topic(topic);
  subscriptions.erase(line);
}

// --- questions to the client
// ---------------------------------------------------------------------------------------------

void session_state::prepare(std::uint64_t line, const nlohmann::json& id,
                            std::function<void(const config_snapshot_ptr&)> then) {
  prepared.insert_or_assign(line, prepared_call{.id = id, .is_cancelled = cancelled_line == line});
  with_config(line, id, std::move(then));
}

void session_state::ask_client(std::uint64_t line, const pending_call& what, std::string_view method,
                               const ordered_json& params, std::size_t held,
                               std::function<void(const jsonrpc::response&)> then) {
  auto& call = prepared.try_emplace(line, prepared_call{.id = what.id}).first->second;
  if (call.is_cancelled) {
    end_preparation(line);
    return;
  }
  auto held_in_all = held;
  for (const auto& [question, open] : questions)
    held_in_all += open.held;
  if (!questions.empty() && held_in_all > limits::unconfirmed_bytes) {
    reject(line, what.id, jsonrpc::code::internal_error,
           "the calls that the user is asked about would take " + std::to_string(held_in_all) + " bytes, and at most " +
               std::to_string(limits::unconfirmed_bytes) +
               " are kept; nothing was started, so call again when some of them are answered");
    return;
  }
  // Another supervisor may have asked the same before: its answer must not be taken for ours.
  call.question = "agent-dispatch-" + make_job_id().value;
  call.what = what;
  call.asked_at = call.told_at = clock::now();
  questions.emplace(call.question, live_question{.line = line, .held = held, .then = std::move(then)});
  link->send("note", line, jsonrpc::request_line(call.question, method, params), importance::must_arrive);
  schedule_tick();
}

void session_state::take_response(const jsonrpc::response& response) {
  if (!response.id.is_string())
    return;
  const auto answered = questions.extract(response.id.get<std::string>());
  if (!answered)
    return;
  if (const auto call = prepared.find(answered.mapped().line); call != prepared.end()) {
    call->second.question.clear();
    call->second.what.progress_token = nullptr;
  }
  answered.mapped().then(response);
}

void session_state::show_question(std::uint64_t line, prepared_call& call) {
  call.told_at = clock::now();
  const auto waited = std::chrono::duration_cast<std::chrono::seconds>(call.told_at - call.asked_at).count();
  link->send("note", line,
             dialect->progress_line(call.what, ++told_before[line],
                                    "waiting for the user's consent, " + std::to_string(waited) + " s so far"),
             importance::droppable);
}

void session_state::cancel_prepared(const nlohmann::json& id) {
  std::vector<std::uint64_t> asked_about;
  for (auto& [line, call] : prepared) {
    if (call.id != id)
      continue;
    call.is_cancelled = true;
    if (!call.question.empty())
      asked_about.push_back(line);
  }
  for (const auto line : asked_about)
    end_preparation(line);
}

bool session_state::end_preparation(std::uint64_t line) {
  const auto ended = prepared.extract(line);
  if (!ended)
    return false;
  told_before.erase(line);
  const auto& call = ended.mapped();
  if (questions.erase(call.question) > 0)
    withdraw_question(call.question);
  if (call.is_cancelled)
    settle(line);
  return call.is_cancelled;
}

void session_state::withdraw_question(const std::string& question) {
  ordered_json params;
  params["requestId"] = question;
  params["reason"] = "the call that it was about is over";
  link->send("note", 0, jsonrpc::notification_line("notifications/cancelled", params), importance::must_arrive);
}

void session_state::withdraw_questions(stop_mode mode) {
  for (const auto& [question, open] : std::exchange(questions, {})) {
    withdraw_question(question);
    const auto call = prepared.find(open.line);
    if (mode == stop_mode::keep_runs || call == prepared.end())
      continue;
    send_answer(open.line, call->second.id,
                jsonrpc::error_line(call->second.id, jsonrpc::code::internal_error,
                                    "the supervisor is being stopped; nothing was started, so call again"));
    prepared.erase(call);
  }
}

} // namespace agent_dispatch
