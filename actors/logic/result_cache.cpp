#include "actors/logic/result_cache.hpp"

#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// About what an entry takes beside its text.
constexpr std::size_t entry_bytes = 512;

std::size_t size_of(const dispatch_result& result) {
  // A value that was parsed from the text takes some times as much.
  constexpr std::size_t parsed_factor = 4;
  const auto text = result.result.size();
  return entry_bytes + text + (result.parsed_result ? parsed_factor * text : 0);
}

} // namespace

bool is_cacheable(const dispatch_result& result) {
  return result.success && result.denied_tools.empty() && !result.budget_exceeded;
}

void result_cache::configure(const configuration& config) {
  std::map<agent_name, agent_setup> agents;
  for (const auto& agent : config.agents)
    agents.emplace(agent.name, agent_setup{agent, resolve(agent, config.settings)});
  settings_ = config.settings.cache;
  for (auto place = entries_.begin(); place != entries_.end();) {
    const auto next = std::next(place);
    const auto& agent = place->result->agent;
    const auto before = agents_.find(agent);
    const auto after = agents.find(agent);
    if (before == agents_.end() || after == agents.end() || before->second != after->second)
      remove(place);
    place = next;
  }
  agents_ = std::move(agents);
  if (settings_.enabled)
    make_room();
  else
    remove_all();
}

std::shared_ptr<const dispatch_result> result_cache::find(const cache_key& key, clock::time_point now) {
  auto result = find_again(key, now);
  ++(result ? hits_ : misses_);
  return result;
}

std::shared_ptr<const dispatch_result> result_cache::find_again(const cache_key& key, clock::time_point now) {
  const auto found = by_key_.find(key);
  if (found == by_key_.end())
    return nullptr;
  if (!is_over(*found->second, now))
    return found->second->result;
  remove(found->second);
  return nullptr;
}

void result_cache::insert(const cache_key& key, const dispatch_result& result, clock::time_point now) {
  if (!settings_.enabled || !is_cacheable(result) || !agents_.contains(result.agent))
    return;
  if (const auto found = by_key_.find(key); found != by_key_.end())
    remove(found->second);
  const auto bytes = size_of(result);
  if (bytes > limits::cache_bytes)
    return;
  drop_expired(now);
  entries_.push_back({key, std::make_shared<const dispatch_result>(result), now, bytes});
  by_key_.emplace(key, std::prev(entries_.end()));
  bytes_ += bytes;
  make_room();
}

std::size_t result_cache::clear() {
  const auto count = entries_.size();
  remove_all();
  hits_ = misses_ = evictions_ = 0;
  return count;
}

std::optional<cache_figures> result_cache::figures(clock::time_point now) {
  if (!settings_.enabled)
    return std::nullopt;
  drop_expired(now);
  return cache_figures{.size = entries_.size(),
                       .max_size = settings_.max_size,
                       .hits = hits_,
                       .misses = misses_,
                       .evictions = evictions_,
                       .ttl = settings_.ttl};
}

bool result_cache::is_over(const entry& kept, clock::time_point now) const {
  return std::chrono::duration<double>{now - kept.since}.count() >= settings_.ttl;
}

void result_cache::remove(entry_list::iterator place) {
  bytes_ -= place->bytes;
  by_key_.erase(place->key);
  entries_.erase(place);
}

void result_cache::remove_all() {
  entries_.clear();
  by_key_.clear();
  bytes_ = 0;
}

void result_cache::drop_expired(clock::time_point now) {
  while (!entries_.empty() && is_over(entries_.front(), now))
    remove(entries_.begin());
}

void result_cache::make_room() {
  while (!entries_.empty() &&
         (entries_.size() > static_cast<std::size_t>(settings_.max_size) || bytes_ > limits::cache_bytes)) {
    remove(entries_.begin());
    ++evictions_;
  }
}

} // namespace agent_dispatch
