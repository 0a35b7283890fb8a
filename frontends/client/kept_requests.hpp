#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace agent_dispatch {

/// How a connection to a supervisor came to its end.
enum class supervisor_end {
  died,    ///< without a word
  planned, ///< it had said `leaving`
};

/// The lines of a client for which the supervisor owes an answer, kept so that the next supervisor can be asked for it;
/// and what of the answers is still to be acknowledged. Decides what goes over a connection; does no I/O.
///
/// A kept line:
///
///     unsent ──next_frame──▶ in flight ──answered, settled──▶ (gone)
///       ▲                        │
///       └──connection ends───────┴──third death──▶ given up ──settled, three more deaths──▶ (gone)
///
/// A line that was cancelled or given up is sent with the verb `cancelled`: it must not start, and is ended if it runs.
/// A given-up line has had its error. Lines that need no answer are not given up but forgotten.
class kept_requests {
public:
  /// Over this many bytes no more is kept. A client that needs more does not wait for its answers.
  static constexpr std::size_t limit_bytes = 64u << 20;
  /// A request in flight during so many deaths is held to be their cause.
  static constexpr int deaths_allowed = 3;

  /// Keeps a line without its LF and gives it the next number. `id`: null when no answer is due. Returns the number.
  std::uint64_t keep(std::string line, nlohmann::json id, std::string_view method);

  /// Remembers that the client has cancelled the requests of that id. False: none is kept that was not cancelled
  /// before.
  bool cancel(const nlohmann::json& id);

  /// Nothing waits for a supervisor.
  bool empty() const noexcept { return lines_.empty(); }
  /// More than `limit_bytes` are kept: nothing but a cancel should be added.
  bool is_crowded() const noexcept { return bytes_ > limit_bytes; }
  /// There is a request that a cancel could still concern.
  bool has_cancellable() const;
  /// The line is kept and has not been given up.
  bool is_open(std::uint64_t number) const;
  /// A session has been asked to tell of something.
  bool has_subscriptions() const;
  /// There is a line that no supervisor has been sent.
  bool has_unsent() const;

  /// A connection is there: which of the lines that were sent before are still kept, what the session must know, and
  /// all that is kept are to be sent.
  void connected();
  /// What is to be sent next over the present connection: one frame, or two that belong together. Absent: nothing, or
  /// there is no connection.
  std::optional<std::string> next_frame();
  /// The supervisor has said `leaving`: from here on only acknowledgements are sent to it.
  void end_announced();
  /// The connection is gone. Returns the ids of requests that are given up, to be answered with an error.
  std::vector<nlohmann::json> lost(supervisor_end how);
  /// No supervisor can be had. Nothing waits any longer; what a supervisor may have begun is cancelled with the next.
  /// Returns the ids of all requests to be answered with an error.
  std::vector<nlohmann::json> give_up_all();

  /// `answer N` has come. True: pass it on, and call `delivered` once the client has it; false: the client must not
  /// have it (again).
  bool answered(std::uint64_t number);
  /// `note N` has come; `progress`: the number in it, if any. N is 0 where it belongs to no line. True: pass it on.
  bool noted(std::uint64_t number, std::optional<std::uint64_t> progress);
  /// `settled N` has come.
  void settled(std::uint64_t number);
  /// The answer to line N is whole with the client.
  void delivered(std::uint64_t number);

private:
  enum class phase { apart, open, ending };

  struct kept_line {
    std::string text;
    nlohmann::json id;
    std::string method;
    std::uint64_t told = 0; ///< highest progress number that the client has had
    int deaths = 0;
    bool was_sent = false;  ///< on any connection
    bool in_flight = false; ///< sent on the present one
    bool is_cancelled = false;
    bool is_given_up = false;
  };
  using lines = std::map<std::uint64_t, kept_line>;

  std::string frame_of(std::uint64_t number, kept_line& line);
  std::string what_is_kept() const;
  std::string next_acknowledgement();
  void remember_for_next_session(kept_line& line);
  lines::iterator forget(lines::iterator line);

  lines lines_;
  std::size_t bytes_ = 0;
  std::uint64_t next_number_ = 1;
  std::uint64_t last_sent_ = 0;    ///< lines up to this number have been sent on the present connection
  std::uint64_t sent_through_ = 0; ///< the highest number that was sent on any
  bool says_what_is_kept_ = false; ///< next, on a connection that is not the first
  phase now_ = phase::apart;
  /// What each new session is told first, by the place of its method in that order and the URI it is about, if any.
  std::map<std::pair<std::size_t, std::string>, std::string> session_lines_;
  std::vector<std::string> to_replay_;      ///< of these, last first
  std::size_t subscriptions_to_replay_ = 0; ///< so many of them, the last ones
  std::set<std::uint64_t> undelivered_;     ///< answered, but not yet whole with the client
  std::deque<std::uint64_t> to_acknowledge_;
};

} // namespace agent_dispatch
