#include "actors/logic/event_throttle.hpp"

#include <string>
#include <utility>

#include "messages/limits.hpp"

namespace agent_dispatch {

void event_throttle::offer(progress_event event) {
  if (kept_.size() == limits::events_at_once) {
    kept_.pop_front();
    ++left_out_;
  }
  kept_.push_back(std::move(event));
}

std::vector<progress_event> event_throttle::take(clock::time_point now) {
  if (!window_ || now - *window_ >= limits::event_window) {
    window_ = now;
    told_ = 0;
  }
  std::vector<progress_event> told;
  if (told_ < limits::events_at_once && !kept_.empty())
    note_what_was_left_out(told);
  for (; told_ < limits::events_at_once && !kept_.empty(); ++told_) {
    told.push_back(std::move(kept_.front()));
    kept_.pop_front();
  }
  return told;
}

std::vector<progress_event> event_throttle::take_rest() {
  std::vector<progress_event> told;
  note_what_was_left_out(told);
  for (auto& event : kept_)
    told.push_back(std::move(event));
  kept_.clear();
  return told;
}

std::optional<event_throttle::clock::time_point> event_throttle::next() const {
  return kept_.empty() || !window_ ? std::nullopt : std::optional{*window_ + limits::event_window};
}

void event_throttle::note_what_was_left_out(std::vector<progress_event>& told) {
  if (const auto count = std::exchange(left_out_, 0); count > 0)
    told.push_back({progress_kind::note, "(" + std::to_string(count) + " events are left out)"});
}

} // namespace agent_dispatch
