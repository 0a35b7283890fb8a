#include "messages/hello.hpp"

#include <limits>

#include <nlohmann/json.hpp>

#include "messages/bytes_text.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// Whether a number can be read as an int; a larger one would be cut down to another number.
bool is_int(const nlohmann::json& json) {
  constexpr auto largest = std::numeric_limits<int>::max();
  if (json.is_number_unsigned())
    return json.get<std::uint64_t>() <= static_cast<std::uint64_t>(largest);
  return json.is_number_integer() && json.get<std::int64_t>() >= std::numeric_limits<int>::min() &&
         json.get<std::int64_t>() <= largest;
}

const nlohmann::json* member(const nlohmann::json& json, const char* name, nlohmann::json::value_t type) {
  const auto found = json.find(name);
  if (found == json.end())
    return nullptr;
  const bool fits = type == nlohmann::json::value_t::number_integer ? is_int(*found) : found->type() == type;
  return fits ? &*found : nullptr;
}

tl::unexpected<fault> missing(std::string_view name) {
  return failure(fault_kind::protocol, "a hello has no usable member '" + std::string{name} + "'");
}

using kind = nlohmann::json::value_t;

expected<caller_context_ptr> decode_caller(const nlohmann::json& json) {
  auto caller = std::make_shared<caller_context>();
  const auto* environment = member(json, "environment", kind::array);
  if (environment == nullptr)
    return missing("environment");
  if (environment->size() > limits::environment_entries)
    return failure(fault_kind::protocol, "the environment has " + std::to_string(environment->size()) +
                                             " entries, and at most " + std::to_string(limits::environment_entries) +
                                             " are taken; unset what is not needed");
  std::size_t size = 0;
  for (const auto& variable : *environment) {
    if (!variable.is_string())
      return missing("environment");
    auto bytes = text_to_bytes(variable.get_ref<const std::string&>());
    if (!bytes)
      return tl::unexpected(bytes.error());
    if (bytes->find('\0') != std::string::npos)
      return missing("environment");
    size += bytes->size() + 1;
    if (size > limits::environment_bytes)
      return failure(fault_kind::protocol, "the environment takes more than " +
                                               std::to_string(limits::environment_bytes) +
                                               " bytes, which is what is taken; unset what is not needed");
    caller->environment.push_back(std::move(*bytes));
  }
  const auto* directory = member(json, "directory", kind::string);
  if (directory == nullptr)
    return missing("directory");
  auto bytes = text_to_bytes(directory->get_ref<const std::string&>());
  if (!bytes || bytes->empty() || bytes->front() != '/' || bytes->find('\0') != std::string::npos)
    return missing("directory");
  caller->directory = *bytes;
  if (const auto* umask = member(json, "umask", kind::number_integer))
    caller->umask = umask->get<unsigned>() & 0777U;
  if (const auto* limits = member(json, "limits", kind::array))
    for (const auto& limit : *limits)
      if (limit.is_array() && limit.size() == 3 && is_int(limit[0]) && limit[1].is_number_unsigned() &&
          limit[2].is_number_unsigned())
        caller->limits.push_back({limit[0].get<int>(), limit[1].get<std::uint64_t>(), limit[2].get<std::uint64_t>()});
  if (const auto* depth = member(json, "depth", kind::number_integer))
    caller->depth = depth->get<int>();
  if (const auto* run = member(json, "run", kind::string);
      run != nullptr && is_run_key(run->get_ref<const std::string&>()))
    caller->parent = run_key{run->get<std::string>()};
  return caller;
}

} // namespace

std::string encode_hello(const frontend_hello& hello) {
  nlohmann::json json{
      {"protocol", hello.protocol},
      {"version", hello.version},
      {"role", hello.role == frontend_role::mcp ? "mcp" : "cli"},
      {"frontend", hello.frontend.value},
      {"directory", bytes_to_text(hello.caller->directory.native())},
      {"umask", hello.caller->umask},
      {"depth", hello.caller->depth},
  };
  if (hello.caller->parent)
    json["run"] = hello.caller->parent->value;
  auto& limits = json["limits"] = nlohmann::json::array();
  for (const auto& limit : hello.caller->limits)
    limits.push_back({limit.resource, limit.soft, limit.hard});
  auto& environment = json["environment"] = nlohmann::json::array();
  for (const auto& variable : hello.caller->environment)
    environment.push_back(bytes_to_text(variable));
  return json.dump();
}

expected<frontend_hello> decode_hello(std::string_view payload) {
  bool is_deep = false;
  const auto guard = [&is_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    is_deep = is_deep || depth > static_cast<int>(limits::message_nesting);
    return !is_deep;
  };
  const auto json = nlohmann::json::parse(payload, guard, false);
  if (is_deep)
    return failure(fault_kind::protocol, "a hello is nested too deeply");
  if (!json.is_object())
    return failure(fault_kind::protocol, "a hello is not a JSON object");
  frontend_hello hello;
  const auto* protocol = member(json, "protocol", kind::number_integer);
  if (protocol == nullptr)
    return missing("protocol");
  hello.protocol = protocol->get<int>();
  if (const auto* version = member(json, "version", kind::string))
    hello.version = version->get<std::string>();
  const auto* role = member(json, "role", kind::string);
  if (role == nullptr || (*role != "mcp" && *role != "cli"))
    return missing("role");
  hello.role = *role == "mcp" ? frontend_role::mcp : frontend_role::cli;
  const auto* frontend = member(json, "frontend", kind::string);
  if (frontend == nullptr || !is_uuid(frontend->get_ref<const std::string&>()))
    return missing("frontend");
  hello.frontend = {frontend->get<std::string>()};
  auto caller = decode_caller(json);
  if (!caller)
    return tl::unexpected(caller.error());
  hello.caller = *caller;
  return hello;
}

} // namespace agent_dispatch
