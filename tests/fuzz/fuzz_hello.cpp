// A frontend's first frame, and the launch order that a keeper reads, as any process of this user may write them.
// The first byte chooses which.

#include <cstdint>
#include <string>

#include "actors/run/control.hpp"
#include "actors/run/launch_order.hpp"
#include "messages/hello.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;

void check_hello(std::string_view payload) {
  const auto hello = decode_hello(payload);
  if (!hello) {
    INVARIANT(hello.error().kind == fault_kind::protocol && fuzz::is_utf8(hello.error().message));
    return;
  }
  const auto& caller = *hello->caller;
  INVARIANT(caller.directory.is_absolute() && caller.umask <= 0777U);
  const auto text = encode_hello(*hello);
  const auto again = decode_hello(text);
  INVARIANT(again && encode_hello(*again) == text);
  INVARIANT(again->caller->environment == caller.environment && again->caller->directory == caller.directory);
  INVARIANT(again->caller->limits == caller.limits && again->caller->parent == caller.parent);
}

void check_order(std::string_view bytes) {
  const auto order = decode_launch_order(bytes);
  if (!order) {
    INVARIANT(order.error().kind == fault_kind::protocol);
    return;
  }
  const auto written = encode(*order);
  INVARIANT(written); // what was read can be written again
  const auto again = decode_launch_order(*written);
  INVARIANT(again && encode(*again) == written);
}

void check_control(std::string_view bytes, std::uint32_t seed) {
  control_reader at_once;
  const auto expected_commands = at_once.feed(bytes);
  control_reader reader;
  std::vector<control_command> commands;
  fuzz::in_pieces(bytes, seed, [&](std::string_view piece) {
    for (const auto& command : reader.feed(piece))
      commands.push_back(command);
  });
  INVARIANT(commands == expected_commands);
  for (const auto& command : commands)
    INVARIANT((command.kind == control_kind::extend) == (command.more.count() > 0));
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view bytes{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0]) {
  case 'o':
    check_order(bytes);
    break;
  case 'c':
    check_control(bytes, static_cast<std::uint32_t>(size));
    break;
  default:
    check_hello(bytes);
  }
  return 0;
}
