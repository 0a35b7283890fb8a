#include "messages/json.hpp"

#include <cstdint>
#include <cstring>

#include "messages/member_reader.hpp"

namespace agent_dispatch {

namespace {

template <class Json>
std::string dump_as(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Length of the valid sequence at `at`, or 0; `bad` then has the length of the maximal invalid subpart.
std::size_t sequence_length(std::string_view s, std::size_t at, std::size_t& bad) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(s[i]); };
  const unsigned char lead = byte(at);
  bad = 1;
  if (lead < 0x80)
    return 1;
  std::size_t length = 0;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead >= 0xc2 && lead <= 0xdf) {
    length = 2;
  } else if (lead >= 0xe0 && lead <= 0xef) {
    length = 3;
    low = lead == 0xe0 ? 0xa0 : 0x80;  // no overlong forms
    high = lead == 0xed ? 0x9f : 0xbf; // no surrogates
  } else if (lead >= 0xf0 && lead <= 0xf4) {
    length = 4;
    low = lead == 0xf0 ? 0x90 : 0x80;
    high = lead == 0xf4 ? 0x8f : 0xbf; // nothing beyond U+10FFFF
  } else {
    return 0;
  }
  for (std::size_t i = 1; i < length; ++i) {
    if (at + i >= s.size() || byte(at + i) < low || byte(at + i) > high)
      return 0;
    bad = i + 1;
    low = 0x80;
    high = 0xbf;
  }
  return length;
}

/// The next byte from `at` on that is not ASCII. Nearly all text is.
std::size_t skip_ascii(std::string_view s, std::size_t at) {
  constexpr std::uint64_t high_bits = 0x8080808080808080U;
  for (std::uint64_t eight = 0; at + sizeof eight <= s.size(); at += sizeof eight) {
    std::memcpy(&eight, s.data() + at, sizeof eight);
    if ((eight & high_bits) != 0)
      break;
  }
  while (at < s.size() && static_cast<unsigned char>(s[at]) < 0x80)
    ++at;
  return at;
}

template <class T>
void add(ordered_json& json, const char* key, const std::optional<T>& value) {
  if (value)
    json[key] = *value;
}

} // namespace

std::string dump(const ordered_json& json) { return dump_as(json, -1); }
std::string dump(const nlohmann::json& json) { return dump_as(json, -1); }
std::string dump_pretty(const ordered_json& json) { return dump_as(json, 2); }

std::string to_valid_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  std::size_t valid = 0; // where the sequences begin that are not written yet
  for (std::size_t i = skip_ascii(bytes, 0); i < bytes.size(); i = skip_ascii(bytes, i)) {
    std::size_t bad = 1;
    const std::size_t length = sequence_length(bytes, i, bad);
    if (length == 0) {
      text.append(bytes.substr(valid, i - valid)).append("\xef\xbf\xbd");
      valid = i + bad;
    }
    i += length > 0 ? length : bad;
  }
  text.append(bytes.substr(valid));
  return text;
}

std::string_view first_characters(std::string_view text, std::size_t count) {
  if (text.size() <= count)
    return text;
  std::size_t at = 0;
  while (at < text.size()) {
    const bool starts = (static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80U;
    if (starts && count-- == 0)
      break;
    ++at;
  }
  return text.substr(0, at);
}

std::string_view first_bytes(std::string_view text, std::size_t count) {
  if (text.size() <= count)
    return text;
  while (count > 0 && (static_cast<unsigned char>(text[count]) & 0xc0U) == 0x80U)
    --count;
  return text.substr(0, count);
}

std::size_t count_characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text)
    count += (static_cast<unsigned char>(c) & 0xc0U) != 0x80U ? 1 : 0;
  return count;
}

ordered_json to_json(const dispatch_result& result) {
  ordered_json json;
  json["agent"] = result.agent.value;
  json["success"] = result.success;
  json["result"] = result.result;
  if (result.session)
    json["session_id"] = result.session->value;
  add(json, "cost_usd", result.cost_usd);
  add(json, "duration_ms", result.duration_ms);
  add(json, "num_turns", result.num_turns);
  add(json, "error", result.error);
  if (result.error_type)
    json["error_type"] = to_string(*result.error_type);
  if (result.parsed_result)
    json["parsed_result"] = *result.parsed_result;
  if (!result.denied_tools.empty())
    json["denied_tools"] = result.denied_tools;
  add(json, "hint", result.hint);
  if (result.budget_exceeded)
    json["budget_exceeded"] = true;
  return json;
}

expected<dispatch_result> dispatch_result_from(const nlohmann::json& json) {
  if (!json.is_object())
    return failure(fault_kind::protocol, "a dispatch result is not a JSON object");
  dispatch_result result;
  member_reader reader{json};
  std::optional<std::string> session;
  std::optional<std::string> type;
  reader.read("agent", result.agent.value);
  reader.read("success", result.success);
  reader.read("result", result.result);
  reader.read("session_id", session);
  reader.read("cost_usd", result.cost_usd);
  reader.read("duration_ms", result.duration_ms);
  reader.read("num_turns", result.num_turns);
  reader.read("error", result.error);
  reader.read("error_type", type);
  reader.read("hint", result.hint);
  reader.read("budget_exceeded", result.budget_exceeded);
  if (!reader.wrong().empty())
    return failure(fault_kind::protocol, "member '" + reader.wrong() + "' of a dispatch result has the wrong type");
  if (session)
    result.session = session_id{*session};
  if (type)
    result.error_type = error_type_from(*type).value_or(error_type::cli_error);
  if (const auto* parsed = reader.find("parsed_result"))
    result.parsed_result = *parsed;
  if (const auto* tools = reader.find("denied_tools"); tools != nullptr && tools->is_array())
    for (const auto& tool : *tools)
      if (tool.is_string())
        result.denied_tools.push_back(tool.get<std::string>());
  return result;
}

} // namespace agent_dispatch
