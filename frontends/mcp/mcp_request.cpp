#include "frontends/mcp/mcp_request.hpp"

#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

const nlohmann::json* member_of(const nlohmann::json& json, const char* name) {
  if (!json.is_object())
    return nullptr;
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

const nlohmann::json* meta_member_of(const nlohmann::json& params, const char* name) {
  const auto* meta = member_of(params, "_meta");
  return meta == nullptr ? nullptr : member_of(*meta, name);
}

std::optional<std::string> text_member_of(const nlohmann::json& json, const char* name) {
  const auto* found = member_of(json, name);
  return found != nullptr && found->is_string() ? std::optional{found->get<std::string>()} : std::nullopt;
}

std::string repeated(std::string_view text) {
  return std::string{first_characters(to_valid_utf8(text), limits::repeated_characters)};
}

} // namespace agent_dispatch
