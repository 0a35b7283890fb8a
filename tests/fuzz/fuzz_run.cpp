// What stands in a run directory and in a supervisor's lock file: exit.json, run.json, and where a supervisor listens,
// as any process of this user may have left them.

#include <algorithm>
#include <cstdint>
#include <string>

#include "actors/run/exit_file.hpp"
#include "actors/run/exit_reading.hpp"
#include "actors/run/run_record.hpp"
#include "actors/storage/supervisor_lock.hpp"
#include "messages/json.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;

/// `start_step` is one of our own words, and written without escapes.
bool is_word(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

void check_exit(std::string_view text) {
  auto record = parse_exit_record(text);
  if (!record) {
    INVARIANT(record.error().kind == fault_kind::protocol || record.error().kind == fault_kind::version_mismatch);
    INVARIANT(!record.error().message.empty() && fuzz::is_utf8(record.error().message));
    return;
  }
  if (!is_word(record->start_step))
    record->start_step = "execve";
  auto written = exit_json(*record);
  INVARIANT(written.size() < exit_file_bytes);
  written.resize(exit_file_bytes - 1, ' ');
  const auto again = parse_exit_record(written + '\n');
  INVARIANT(again && *again == *record);
}

void check_run(std::string_view text) {
  const auto record = decode_run_record(text);
  INVARIANT(!record.slot_of || is_run_key(record.slot_of->value));
  run_spec spec;
  spec.agent.name = record.agent.value_or(agent_name{"alpha"});
  INVARIANT(fuzz::is_utf8(spec.agent.name.value));
  const auto again = decode_run_record(encode_run_record(spec, "owner", record.slot_of));
  INVARIANT(again.agent == spec.agent.name && again.slot_of == record.slot_of);
}

void check_supervisor(std::string_view text) {
  const auto entry = parse_supervisor_entry(text);
  if (!entry)
    return;
  INVARIANT(entry->socket.is_absolute() && entry->state.is_absolute());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  check_exit(text);
  check_run(text);
  check_supervisor(text);
  return 0;
}
