#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>

#include "frontends/session/dialect.hpp"
#include "frontends/session/progress_pacer.hpp"

namespace agent_dispatch {

/// One connected frontend: JSON-RPC on one side, messages to actors on the other.
///
/// Every line of the frontend is settled exactly once: `answer N` with the response, or `settled N` where none is due.
struct session_state : session_services {
  explicit session_state(session_actor::pointer own) : self{own} {}

  struct live_call {
    pending_call what;
    progress_pacer pacer;
    std::chrono::steady_clock::time_point started;
    std::uint64_t told = 0; ///< progress messages so far
    std::string last_act;
    bool is_started = false;
    bool is_watch = false; ///< of a job, which goes on without it
    bool cancelled = false;
    bool has_parts = false;                                         ///< one after the other may be queued
    call_status status{};                                           ///< as it was told last, if it is told
    std::optional<std::chrono::steady_clock::time_point> look_at{}; ///< when to ask how it stands
  };

  /// A stop that waits for runs.
  struct live_stop {
    pending_call what;
    call_status status; ///< as it was told last
    std::chrono::steady_clock::time_point look_at;
  };

  /// What is told of one job. The registry takes it for a request that waits for the job, on a line of its own.
  struct live_topic {
    std::uint64_t subscription; ///< its line
    job_topic what;
    bool is_new = false; ///< something has not been told yet
    std::chrono::steady_clock::time_point told_at{};
  };

  /// Topics of which it is not known yet whether there is such a job.
  struct unchecked_topics {
    std::uint64_t line; ///< of their subscription
    std::vector<job_topic> topics;
    std::vector<std::optional<job_status>> states; ///< of each; absent: there is none, or it has not been found yet
    std::size_t missing;
    bool is_again;                    ///< another supervisor has told of them
    std::function<void(bool)> then{}; ///< of the session's: whether there are such jobs
  };

  /// A request of the client's that is not a call yet.
  struct prepared_call {
    nlohmann::json id;
    bool is_cancelled = false;
    std::string question{}; ///< what the client is asked about it; "": nothing
    pending_call what{};    ///< while it is asked
    std::chrono::steady_clock::time_point asked_at{};
    std::chrono::steady_clock::time_point told_at{};
  };

  /// What has been seen a moment ago in directories of agents.
  struct recent_view {
    std::string name; ///< "": nothing
    std::chrono::steady_clock::time_point asked_at{};
    std::shared_ptr<const ordered_json> value{};
  };

  /// A request of ours that the client has not answered.
  struct live_question {
    std::uint64_t line;
    std::size_t held; ///< bytes
    std::function<void(const jsonrpc::response&)> then;
  };

  void take(const frame_received& frame);
  void take_message(std::uint64_t line, std::string_view payload);
  std::size_t open_calls() const;
  void one_less_asked();
  void take_cancelled(std::uint64_t line, std::string_view payload);
  void take_told(std::uint64_t line, std::string_view payload);
  void take_acknowledgement(std::uint64_t line);
  void take_kept(std::uint64_t through, std::string_view payload);
  void say_goodbye();
  void end(stop_mode mode);
  void lose();
  void progress(const request_progress& event);
  void answer(const request_answered& event);
  void tick(const session_tick& tick);
  void schedule_tick();
  void show_life(std::uint64_t line, live_call& call);
  void tell(std::uint64_t line, live_call& call, std::string_view text);
  static call_status status_after(call_status status, const progress_event& event);
  void look_soon(live_call& call);
  void begin_stop(std::uint64_t line, pending_call what);
  /// Asks how a call stands that wants to know; what has changed is told.
  void look(std::uint64_t line, live_call& call);
  void look_at_stop(std::uint64_t line, live_stop& stop);
  void found_place(std::uint64_t line, const queue_position_ptr& place);
  void found_job(std::uint64_t line, const job_standing_ptr& job);
  void found_runs(std::uint64_t line, const admission_figures& figures);
  void stands(std::uint64_t line, live_call& call, call_status now);
  void take_response(const jsonrpc::response& response);
  /// So many topics there would be, those that are being looked for among them.
  std::size_t topics_with(std::size_t more) const;
  void check(const std::shared_ptr<unchecked_topics>& unchecked);
  void begin_topics(const unchecked_topics& checked);
  void begin_topic(std::uint64_t line, const job_topic& what, job_status state, bool is_again);
  /// Sends for the record, and tells it.
  void look_up(std::uint64_t line, const job_topic& what);
  void tell_subscriber(std::uint64_t line, const std::string& text, importance rank = importance::must_arrive);
  void news(std::uint64_t topic);
  void tell_news(std::uint64_t topic, live_topic& what);
  /// Of a job that has ended, or cannot be followed: then the record is null.
  void last_news(std::uint64_t topic, const job_record_ptr& record);
  void tell_record(std::uint64_t line, const job_topic& what, const job_record& record,
                   importance rank = importance::must_arrive);
  void drop_topic(std::uint64_t topic);
  /// Without a word to the client.
  void end_subscription(std::uint64_t line);
  void cancel_prepared(const nlohmann::json& id);
  /// Their requests have an error, unless the next supervisor asks again.
  void withdraw_questions(stop_mode mode);
  void withdraw_question(const std::string& question);
  /// Takes what is prepared on a line, if anything. True: the line needs nothing more.
  bool end_preparation(std::uint64_t line);
  void show_question(std::uint64_t line, prepared_call& call);
  void deliver(const request_answered& event);
  void settle(std::uint64_t line);
  /// An answer that does not fit into a frame becomes an error that says so: a longer line would be no line.
  void send_answer(std::uint64_t line, const nlohmann::json& id, std::string text);
  void cancel_line(std::uint64_t line, live_call& call);
  live_call& begin_call(std::uint64_t line, pending_call what);
  /// Asks another actor; `then` gets its answer, and `what_failed` is the error when there is none.
  template <class Answer, class Actor, class Question>
  void ask(const Actor& actor, Question question, std::uint64_t line, const nlohmann::json& id,
           std::string_view what_failed, std::function<void(const Answer&)> then);
  void close_if_done();

  void reply(std::uint64_t line, const nlohmann::json& id, const ordered_json& result) override;
  void reject(std::uint64_t line, const nlohmann::json& id, jsonrpc::code code, std::string_view message,
              const ordered_json& data = nullptr) override;
  void prepare(std::uint64_t line, const nlohmann::json& id,
               std::function<void(const config_snapshot_ptr&)> then) override;
  void dispatch(std::uint64_t line, pending_call what, dispatch_order order) override;
  void watch(std::uint64_t line, pending_call what, const std::string& job,
             std::optional<std::chrono::milliseconds> patience) override;
  void with_job(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                std::function<void(const job_found&)> then) override;
  void with_jobs(std::uint64_t line, const nlohmann::json& id, const list_stored_jobs& order,
                 std::function<void(const jobs_found&)> then) override;
  void with_job_explained(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                          std::function<void(const job_explained&)> then) override;
  void with_job_cancelled(std::uint64_t line, const nlohmann::json& id, const std::string& job,
                          std::function<void(const job_cancelled&)> then) override;
  void with_jobs_collected(std::uint64_t line, const nlohmann::json& id, const collect_stored_jobs& order,
                           std::function<void(const jobs_collected&)> then) override;
  void cancel(const nlohmann::json& id) override;
  void with_config(std::uint64_t line, const nlohmann::json& id,
                   std::function<void(const config_snapshot_ptr&)> then) override;
  void with_view(std::uint64_t line, const nlohmann::json& id, std::string_view known_as, directory_view view,
                 std::function<void(const ordered_json&)> then) override;
  void with_agents_edited(std::uint64_t line, const nlohmann::json& id, agent_order order,
                          std::function<void(const agents_edited&)> then) override;
  void with_status(std::uint64_t line, const nlohmann::json& id,
                   std::function<void(const supervisor_status&)> then) override;
  void with_stop(std::uint64_t line, pending_call what, stop_mode mode,
                 std::function<void(const stop_report&)> then) override;
  void with_cache_report(std::uint64_t line, const nlohmann::json& id,
                         std::function<void(const cache_report&)> then) override;
  void with_cache_cleared(std::uint64_t line, const nlohmann::json& id,
                          std::function<void(const cache_cleared&)> then) override;
  void subscribe(std::uint64_t line, job_subscription what) override;
  void follow(std::uint64_t line, const nlohmann::json& id, const answer_form& form, const job_topic& topic,
              std::function<void(bool)> then) override;
  void forget(const job_topic& topic) override;
  void with_known(std::uint64_t line, const nlohmann::json& id, std::function<void(bool)> then) override;
  void ask_client(std::uint64_t line, const pending_call& call, std::string_view method, const ordered_json& params,
                  std::size_t held, std::function<void(const jsonrpc::response&)> then) override;
  const frontend_hello& hello() const override { return *greeting; }

  request_key key(std::uint64_t line) const { return {greeting->frontend, line}; }

  session_actor::pointer self;
  core_actors core;
  connection_ptr link;
  std::shared_ptr<const frontend_hello> greeting;
  std::unique_ptr<session_dialect> dialect;
  std::map<std::uint64_t, live_call> calls;                ///< dispatches in flight, by line
  std::map<std::uint64_t, live_stop> stops;                ///< those that want to know what they wait for, by line
  std::map<std::uint64_t, job_subscription> subscriptions; ///< by line; 0: that of the session
  std::map<std::uint64_t, live_topic> topics;              ///< by the line that the registry knows
  std::uint64_t next_topic = first_topic;
  std::set<std::shared_ptr<unchecked_topics>> checking;
  std::map<std::uint64_t, prepared_call> prepared; ///< by line
  std::map<std::string, live_question> questions;  ///< to the client, by their ids
  recent_view last_view;
  std::size_t asked = 0;                              ///< questions to other actors that have not been answered
  std::size_t held_back = 0;                          ///< frames that count as unread until some are answered
  std::set<std::uint64_t> unacknowledged;             ///< lines of dispatches whose answers have been sent
  std::map<std::uint64_t, std::uint64_t> told_before; ///< progress messages that another supervisor has sent, by line
  std::optional<std::uint64_t> cancelled_line; ///< the line being taken, when its client has cancelled it already
  bool leaving = false;                        ///< the frontend, or we, want to end
  bool ending = false;                         ///< we do: the frontend still gets its answers whole
  std::uint64_t current_tick = 0;

  /// What happens to a job within this time is told at once.
  static constexpr std::chrono::seconds news_interval{1};
  /// No client sends so many lines.
  static constexpr std::uint64_t first_topic = 1ull << 62;

  static inline const char* name = "session";
};

/// An answer that does not fit into a line: its beginning, which does, whatever it is escaped to.
dispatch_answer shortened(const dispatch_answer& answer, std::size_t characters = 1u << 20);

session_actor::behavior_type session(session_actor::stateful_pointer<session_state> self, const core_actors& core,
                                     connection_ptr link, std::shared_ptr<const frontend_hello> greeting,
                                     std::unique_ptr<session_dialect> dialect);

} // namespace agent_dispatch
