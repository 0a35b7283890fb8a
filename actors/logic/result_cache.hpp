#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>

#include "actors/logic/cache_key.hpp"
#include "messages/supervision.hpp"

namespace agent_dispatch {

/// A clean success: what may be answered again without asking the agent.
bool is_cacheable(const dispatch_result& result);

/// Results by what was asked, in memory alone: for so long as settings.cache.ttl says, counted from when they came, and
/// at most settings.cache.max_size of them (and `limits::cache_bytes` of text); the oldest goes first. What an agent
/// has said goes when its settings change. A plain value; the time is given.
class result_cache {
public:
  using clock = std::chrono::steady_clock;

  /// Takes over the configuration as it is now. Entries of agents that are configured differently from before go, and
  /// all when the cache is off.
  void configure(const configuration& config);

  bool is_enabled() const { return settings_.enabled; }

  /// The result for a key, when there is one that is not too old. Counts a hit or a miss.
  std::shared_ptr<const dispatch_result> find(const cache_key& key, clock::time_point now);

  /// The same for a question that has been counted before.
  std::shared_ptr<const dispatch_result> find_again(const cache_key& key, clock::time_point now);

  /// Keeps a result. Ignored when the cache is off, or the result is no clean success.
  void insert(const cache_key& key, const dispatch_result& result, clock::time_point now);

  /// Removes everything and counts anew. Returns how many there were.
  std::size_t clear();

  /// Absent when the cache is off.
  std::optional<cache_figures> figures(clock::time_point now);

private:
  struct entry {
    cache_key key;
    std::shared_ptr<const dispatch_result> result;
    clock::time_point since;
    std::size_t bytes = 0;
  };
  using entry_list = std::list<entry>; ///< oldest first
  /// All that is configured for an agent: of its own, and as it applies.
  struct agent_setup {
    agent_config own;
    resolved_agent applied;

    bool operator==(const agent_setup&) const = default;
  };

  bool is_over(const entry& kept, clock::time_point now) const;
  void remove(entry_list::iterator place);
  void remove_all();
  void drop_expired(clock::time_point now);
  void make_room();

  cache_settings settings_;
  std::map<agent_name, agent_setup> agents_;
  entry_list entries_;
  std::unordered_map<cache_key, entry_list::iterator> by_key_;
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  std::uint64_t misses_ = 0;
  std::uint64_t evictions_ = 0;
};

} // namespace agent_dispatch
