#include "messages/fault.hpp"

#include <cstring>

namespace agent_dispatch {

tl::unexpected<fault> io_failure(std::string_view operation, std::string_view object, int error_number) {
  std::string text{operation};
  text.append(" ").append(object).append(": ").append(std::strerror(error_number));
  return failure(fault_kind::io, std::move(text));
}

std::string_view describe(fault_kind kind) {
  switch (kind) {
  case fault_kind::config_unreadable:
    return "the configuration cannot be read";
  case fault_kind::config_syntax:
    return "the configuration is not valid YAML";
  case fault_kind::config_schema:
    return "the configuration has a value that cannot be used";
  case fault_kind::config_write:
    return "the configuration cannot be written";
  case fault_kind::lock_timeout:
    return "a lock was not released in time";
  case fault_kind::invalid_argument:
    return "a value cannot be used";
  case fault_kind::unknown_agent:
    return "there is no such agent";
  case fault_kind::io:
    return "an operation of the system failed";
  case fault_kind::protocol:
    return "a peer broke the protocol";
  case fault_kind::version_mismatch:
    return "the versions do not match";
  case fault_kind::supervisor_missing:
    return "there is no supervisor";
  case fault_kind::supervisor_stopping:
    return "the supervisor is stopping";
  case fault_kind::cancelled:
    return "the request was cancelled";
  case fault_kind::lost:
    return "a process died and took the work with it";
  }
  return "unknown fault";
}

} // namespace agent_dispatch
