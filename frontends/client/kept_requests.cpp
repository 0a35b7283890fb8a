#include "frontends/client/kept_requests.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "messages/frame.hpp"

namespace agent_dispatch {

namespace {

/// What a kept line costs beside its text.
constexpr std::size_t line_overhead = 256;
/// What a client says once and a session must know, in the order in which it is said again.
constexpr std::array<std::string_view, 3> session_methods{"initialize", "logging/setLevel", "resources/subscribe"};
/// Of the last there may be many. More than so many, or longer ones, are not said again.
constexpr std::size_t most_session_lines = 1000;
constexpr std::size_t longest_subscription = 4096;
constexpr std::string_view end_of_subscription = "resources/unsubscribe";
/// A request that stays open as long as its client likes: deaths after it was heard of are not its doing.
constexpr std::string_view lasting_method = "subscriptions/listen";

/// By the place of its method and what it is about.
bool is_subscription(const std::pair<std::size_t, std::string>& key) { return key.first == session_methods.size() - 1; }

std::string uri_in(std::string_view line) {
  const auto json = nlohmann::json::parse(line, nullptr, false);
  const nlohmann::json::json_pointer place{"/params/uri"};
  return json.is_object() && json.contains(place) && json[place].is_string() ? json[place].get<std::string>()
                                                                             : std::string{};
}

} // namespace

std::uint64_t kept_requests::keep(std::string line, nlohmann::json id, std::string_view method) {
  bytes_ += line.size() + line_overhead;
  const auto number = next_number_++;
  lines_.emplace(number, kept_line{.text = std::move(line), .id = std::move(id), .method = std::string{method}});
  return number;
}

bool kept_requests::cancel(const nlohmann::json& id) {
  bool any = false;
  for (auto& [number, line] : lines_) {
    if (id.is_null() || line.id != id || line.is_cancelled || line.is_given_up)
      continue;
    line.is_cancelled = true;
    any = true;
  }
  return any;
}

bool kept_requests::has_cancellable() const {
  return std::any_of(lines_.begin(), lines_.end(), [](const auto& entry) {
    const auto& line = entry.second;
    return !line.id.is_null() && !line.is_cancelled && !line.is_given_up;
  });
}

bool kept_requests::is_open(std::uint64_t number) const {
  const auto found = lines_.find(number);
  return found != lines_.end() && !found->second.is_given_up;
}

bool kept_requests::has_unsent() const {
  return std::any_of(lines_.begin(), lines_.end(), [](const auto& entry) { return !entry.second.was_sent; });
}

void kept_requests::connected() {
  now_ = phase::open;
  last_sent_ = 0;
  to_acknowledge_.clear(); // what is not said to be kept is acknowledged
  says_what_is_kept_ = sent_through_ > 0;
  to_replay_.clear();
  for (auto line = session_lines_.rbegin(); line != session_lines_.rend(); ++line)
    to_replay_.push_back(line->second);
  subscriptions_to_replay_ = static_cast<std::size_t>(std::count_if(
      session_lines_.begin(), session_lines_.end(), [](const auto& line) { return is_subscription(line.first); }));
}

bool kept_requests::has_subscriptions() const {
  return !session_lines_.empty() && is_subscription(session_lines_.rbegin()->first);
}

std::optional<std::string> kept_requests::next_frame() {
  if (now_ == phase::apart)
    return std::nullopt;
  if (now_ == phase::open && std::exchange(says_what_is_kept_, false))
    return what_is_kept();
  if (!to_acknowledge_.empty())
    return next_acknowledgement();
  if (now_ == phase::ending)
    return std::nullopt;
  if (!to_replay_.empty()) {
    const auto text = std::move(to_replay_.back());
    to_replay_.pop_back();
    sent_through_ = next_number_++;
    // Who has subscribed before must hear what has happened meanwhile.
    const auto frame = encode_frame("msg", sent_through_, text);
    return to_replay_.size() < subscriptions_to_replay_ ? encode_frame("told", sent_through_, "1") + frame : frame;
  }
  const auto next = lines_.upper_bound(last_sent_);
  if (next == lines_.end())
    return std::nullopt;
  last_sent_ = next->first;
  return frame_of(next->first, next->second);
}

std::string kept_requests::what_is_kept() const {
  auto numbers = nlohmann::json::array();
  for (const auto& [number, line] : lines_)
    if (line.was_sent)
      numbers.push_back(number);
  for (const auto number : undelivered_)
    numbers.push_back(number);
  return encode_frame("kept", sent_through_, numbers.dump());
}

std::string kept_requests::next_acknowledgement() {
  const auto number = to_acknowledge_.front();
  to_acknowledge_.pop_front();
  return encode_frame("ack", number, {});
}

std::string kept_requests::frame_of(std::uint64_t number, kept_line& line) {
  line.was_sent = true;
  line.in_flight = true;
  sent_through_ = std::max(sent_through_, number);
  if (line.is_cancelled || line.is_given_up)
    return encode_frame("cancelled", number, line.text);
  const auto frame = encode_frame("msg", number, line.text);
  return line.told == 0 ? frame : encode_frame("told", number, std::to_string(line.told)) + frame;
}

void kept_requests::end_announced() {
  if (now_ == phase::open)
    now_ = phase::ending;
}

std::vector<nlohmann::json> kept_requests::lost(supervisor_end how) {
  std::vector<nlohmann::json> to_answer;
  now_ = phase::apart;
  for (auto entry = lines_.begin(); entry != lines_.end();) {
    auto& line = entry->second;
    const bool is_innocent = line.method == lasting_method && line.told > 0 && !line.is_cancelled && !line.is_given_up;
    const bool has_died = std::exchange(line.in_flight, false) && how == supervisor_end::died && !is_innocent;
    if (!has_died || ++line.deaths < deaths_allowed) {
      ++entry;
    } else if (line.id.is_null() || line.is_given_up) {
      entry = forget(entry);
    } else {
      if (!line.is_cancelled) // MCP forbids to answer what was cancelled
        to_answer.push_back(line.id);
      line.is_given_up = true;
      line.deaths = 0;
      ++entry;
    }
  }
  return to_answer;
}

std::vector<nlohmann::json> kept_requests::give_up_all() {
  std::vector<nlohmann::json> to_answer;
  for (auto entry = lines_.begin(); entry != lines_.end();) {
    auto& line = entry->second;
    const bool needs_answer = !line.id.is_null() && !line.is_cancelled && !line.is_given_up;
    if (needs_answer)
      to_answer.push_back(line.id);
    if (line.was_sent && !line.id.is_null()) {
      line.is_given_up = true;
      ++entry;
    } else {
      entry = forget(entry);
    }
  }
  return to_answer;
}

bool kept_requests::answered(std::uint64_t number) {
  const auto found = lines_.find(number);
  const bool is_wanted = found != lines_.end() && !found->second.is_given_up;
  if (is_wanted) {
    undelivered_.insert(number);
    remember_for_next_session(found->second);
  } else if (!undelivered_.contains(number)) {
    to_acknowledge_.push_back(number);
  }
  if (found != lines_.end())
    forget(found);
  return is_wanted;
}

void kept_requests::remember_for_next_session(kept_line& line) {
  const auto uri = line.method.starts_with("resources/") ? uri_in(line.text) : std::string{};
  if (line.method == end_of_subscription)
    session_lines_.erase({session_methods.size() - 1, uri});
  const auto method = std::find(session_methods.begin(), session_methods.end(), line.method);
  if (method == session_methods.end())
    return;
  if (!uri.empty() && (session_lines_.size() >= most_session_lines || line.text.size() > longest_subscription))
    return;
  bytes_ -= line.text.size();
  const auto place = static_cast<std::size_t>(method - session_methods.begin());
  session_lines_.insert_or_assign({place, uri}, std::exchange(line.text, {}));
}

bool kept_requests::noted(std::uint64_t number, std::optional<std::uint64_t> progress) {
  if (number == 0)
    return true;
  const auto found = lines_.find(number);
  if (found == lines_.end() || found->second.is_cancelled || found->second.is_given_up)
    return false;
  auto& told = found->second.told;
  if (found->second.method == lasting_method)
    told = 1;
  if (progress && *progress <= told)
    return false;
  told = progress.value_or(told);
  return true;
}

void kept_requests::settled(std::uint64_t number) {
  if (const auto found = lines_.find(number); found != lines_.end())
    forget(found);
}

void kept_requests::delivered(std::uint64_t number) {
  if (undelivered_.erase(number) > 0)
    to_acknowledge_.push_back(number);
}

kept_requests::lines::iterator kept_requests::forget(lines::iterator line) {
  bytes_ -= line->second.text.size() + line_overhead;
  return lines_.erase(line);
}

} // namespace agent_dispatch
