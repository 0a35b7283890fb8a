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
constexpr std::array<std::string_view, 2> session_methods{"initialize", "logging/setLevel"};

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
  for (auto method = session_methods.rbegin(); method != session_methods.rend(); ++method)
    if (const auto found = session_lines_.find(*method); found != session_lines_.end())
      to_replay_.push_back(found->second);
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
    return encode_frame("msg", sent_through_, text);
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
    const bool has_died = std::exchange(line.in_flight, false) && how == supervisor_end::died;
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
  if (std::find(session_methods.begin(), session_methods.end(), line.method) == session_methods.end())
    return;
  bytes_ -= line.text.size();
  session_lines_.insert_or_assign(line.method, std::exchange(line.text, {}));
}

bool kept_requests::noted(std::uint64_t number, std::optional<std::uint64_t> progress) {
  const auto found = lines_.find(number);
  if (found == lines_.end() || found->second.is_cancelled || found->second.is_given_up)
    return false;
  auto& told = found->second.told;
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
