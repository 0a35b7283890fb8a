#include "actors/logic/overload_policy.hpp"

#include <algorithm>

namespace agent_dispatch {

bool is_overload(const std::optional<std::int64_t>& status) {
  return !status || *status == 408 || *status == 429 || (*status >= 500 && *status <= 599);
}

void overload_policy::trouble(const api_trouble& what, clock::time_point now) {
  if (!is_overload(what.status))
    return;
  relax(now);
  if (interval_.count() == 0 || now - raised_at_ >= interval_) {
    interval_ = std::clamp(2 * interval_, shortest, longest);
    raised_at_ = spaced_from_ = now;
  }
  if (what.pause)
    paused_until_ = std::max(paused_until_, now + std::min(*what.pause, longest));
  last_trouble_ = now;
  quiet_since_ = std::max(now, paused_until_);
  last_status_ = what.status;
}

void overload_policy::started(clock::time_point now) { spaced_from_ = std::max(spaced_from_, now); }

void overload_policy::succeeded(clock::time_point begun, clock::time_point now) {
  relax(now);
  if (interval_.count() == 0 || begun <= last_trouble_)
    return;
  halve();
  quiet_since_ = std::max(now, paused_until_);
}

std::optional<overload_policy::clock::time_point> overload_policy::next_start(clock::time_point now) {
  relax(now);
  if (interval_.count() == 0)
    return std::nullopt;
  const auto next = std::max(spaced_from_ + interval_, paused_until_);
  return next > now ? std::optional{next} : std::nullopt;
}

std::chrono::milliseconds overload_policy::start_interval(clock::time_point now) {
  relax(now);
  return interval_;
}

void overload_policy::relax(clock::time_point now) {
  while (interval_.count() > 0 && now - quiet_since_ >= calm_steps * interval_) {
    quiet_since_ += calm_steps * interval_;
    halve();
  }
}

void overload_policy::halve() { interval_ = interval_ > shortest ? interval_ / 2 : std::chrono::milliseconds{0}; }

} // namespace agent_dispatch
