// A file among the job records, as any process of this user may have left it. What is taken for a record is written and
// read again as the same one; anything else is refused with a reason.

#include <cstdint>
#include <string>

#include "actors/storage/job_file.hpp"
#include "messages/json.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;

const job_id usual_id{"0123456789abcdef0123456789abcdef"};

/// The id that the text names, so that most of what is tried gets past it.
job_id id_in(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  const auto id = json.is_object() ? json.find("id") : json.end();
  return json.is_object() && id != json.end() && id->is_string() && is_job_id(id->get<std::string>())
             ? job_id{id->get<std::string>()}
             : usual_id;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  const auto id = id_in(text);
  const auto record = parse_job_record(text, id);
  if (!record) {
    INVARIANT(record.error().what == unreadable_job_file::reason::not_a_record);
    INVARIANT(!record.error().why.empty() && fuzz::is_utf8(record.error().why));
    return 0;
  }
  INVARIANT(record->id == id);
  const auto written = to_json(*record).dump(); // would throw on text that is not UTF-8
  const auto again = parse_job_record(written, id);
  INVARIANT(again && *again == *record);
  INVARIANT(to_json(*again).dump() == written);
  INVARIANT(!parse_job_record(written, {std::string(32, 'e')}) || id.value == std::string(32, 'e'));
  return 0;
}
