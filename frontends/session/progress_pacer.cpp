#include "frontends/session/progress_pacer.hpp"

#include <utility>

namespace agent_dispatch {

std::optional<std::string> progress_pacer::offer(std::string_view text, time now) {
  if (waiting_ && waiting_->size() + text.size() < waiting_bytes)
    waiting_->append("\n").append(text);
  else
    waiting_ = text;
  return due(now);
}

std::optional<std::string> progress_pacer::due(time now) {
  if (!waiting_ || now - last_ < shortest_pause)
    return std::nullopt;
  last_ = now;
  return rest();
}

std::optional<std::string> progress_pacer::rest() { return std::exchange(waiting_, std::nullopt); }

} // namespace agent_dispatch
