#include "messages/job.hpp"

#include <array>

namespace agent_dispatch {

namespace {

struct status_word {
  job_status status;
  std::string_view word;
};

constexpr std::array status_words{
    status_word{job_status::pending, "pending"},     status_word{job_status::running, "running"},
    status_word{job_status::done, "done"},           status_word{job_status::failed, "failed"},
    status_word{job_status::cancelled, "cancelled"},
};

} // namespace

std::string_view to_string(job_status status) {
  for (const auto& entry : status_words)
    if (entry.status == status)
      return entry.word;
  return "failed";
}

std::optional<job_status> job_status_from(std::string_view text) {
  for (const auto& entry : status_words)
    if (entry.word == text)
      return entry.status;
  return std::nullopt;
}

} // namespace agent_dispatch
