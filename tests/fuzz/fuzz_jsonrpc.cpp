// One line of a client. The relay reads its envelope and the supervisor the whole: they must agree on whose it is, or
// an answer would go to nobody.

#include <cstdint>
#include <string>

#include "frontends/jsonrpc/envelope.hpp"
#include "frontends/jsonrpc/message.hpp"
#include "frontends/jsonrpc/repair.hpp"
#include "tests/fuzz/invariant.hpp"

namespace {

using namespace agent_dispatch;

void check_line(const std::string& line) {
  INVARIANT(line.find('\n') == std::string::npos);
  INVARIANT(nlohmann::json::accept(line));
}

void check_message(std::string_view line) {
  const auto envelope = jsonrpc::read_envelope(line);
  const auto message = jsonrpc::parse(line);
  if (const auto* request = std::get_if<jsonrpc::request>(&message)) {
    INVARIANT(envelope.id == request->id && envelope.method == request->method);
    check_line(jsonrpc::result_line(request->id, ordered_json::object()));
    check_line(jsonrpc::error_line(request->id, jsonrpc::code::method_not_found, request->method));
  } else if (const auto* notification = std::get_if<jsonrpc::notification>(&message)) {
    INVARIANT(envelope.id.is_null() && envelope.method == notification->method);
    check_line(jsonrpc::notification_line(notification->method, ordered_json(notification->params)));
  } else if (const auto* problem = std::get_if<jsonrpc::problem>(&message)) {
    INVARIANT(!problem->message.empty());
    INVARIANT(problem->id.is_null() || problem->id == envelope.id);
    check_line(jsonrpc::error_line(problem->id, problem->number, problem->message));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string line{reinterpret_cast<const char*>(data), size};
  line.resize(std::min(line.size(), line.find('\n')));
  const auto repaired = jsonrpc::repair(line);
  INVARIANT(jsonrpc::repair(repaired) == repaired);
  check_message(line);
  for (const auto part : jsonrpc::batch_parts(line)) {
    INVARIANT(part.data() >= line.data() && part.data() + part.size() <= line.data() + line.size());
    check_message(part);
  }
  return 0;
}
