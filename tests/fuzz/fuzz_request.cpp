// The file of an accepted request, as any process of this user may have left it. What is taken for a request is
// written and read again as the same one, and can be executed.

#include <cstdint>
#include <limits>
#include <string>

#include "actors/storage/request_file.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;

/// A deadline is counted in milliseconds, and from a clock's present.
bool is_countable(std::chrono::seconds time) {
  return time.count() < std::numeric_limits<std::int64_t>::max() / 2'000'000;
}

void check_run(const run_spec_ptr& spec) {
  INVARIANT(spec && is_run_key(spec->key.value));
  INVARIANT(is_countable(spec->timeout) && is_countable(spec->agent.timeout));
  INVARIANT(!spec->job || is_job_id(spec->job->value));
  INVARIANT(!spec->ref || is_job_id(spec->ref->value));
  INVARIANT(!spec->retry_of || is_job_id(spec->retry_of->value));
}

void check_plan(const parallel_plan& plan) {
  for (const auto& item : plan.items) {
    INVARIANT((item.spec != nullptr) != item.refused.has_value());
    if (item.spec)
      check_run(item.spec);
  }
  if (plan.aggregator)
    check_run(plan.aggregator);
}

void check_plan(const dialogue_plan& plan) {
  check_run(plan.requester);
  check_run(plan.responder);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = decode_request({reinterpret_cast<const char*>(data), size});
  if (!read) {
    INVARIANT(!read.error().message.empty() && fuzz::is_utf8(read.error().message));
    return 0;
  }
  const auto& request = read->request;
  INVARIANT(is_uuid(request.key.frontend.value));
  INVARIANT((request.spec != nullptr) != (request.plan != nullptr));
  if (request.spec)
    check_run(request.spec);
  else
    std::visit([](const auto& plan) { check_plan(plan); }, *request.plan);
  const auto written = encode_request(request, read->owner);
  const auto again = decode_request(written);
  INVARIANT(again && again->request.key == request.key && again->owner == read->owner);
  INVARIANT(encode_request(again->request, again->owner) == written);
  return 0;
}
