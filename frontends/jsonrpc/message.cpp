#include "frontends/jsonrpc/message.hpp"

#include "frontends/jsonrpc/envelope.hpp"
#include "frontends/jsonrpc/repair.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch::jsonrpc {

namespace {

bool is_id(const nlohmann::json& id) { return id.is_string() || id.is_number(); }

/// An error about a long id would be as long a line itself, or a longer one.
bool is_too_long(const nlohmann::json& id) {
  return id.is_string() && id.get_ref<const std::string&>().size() > limits::id_bytes;
}

nlohmann::json parse_bounded(std::string_view line, bool& too_deep) {
  const auto guard = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    too_deep = too_deep || depth > static_cast<int>(limits::message_nesting);
    return !too_deep;
  };
  return nlohmann::json::parse(line, guard, false);
}

ordered_json message_start() {
  ordered_json json;
  json["jsonrpc"] = "2.0";
  return json;
}

} // namespace

message parse(std::string_view line) {
  bool too_deep = false;
  auto json = parse_bounded(line, too_deep);
  if (json.is_discarded() && !too_deep)
    json = parse_bounded(repair(line), too_deep);
  if (too_deep) {
    auto shown_id = read_envelope(line).id;
    return problem{code::invalid_request, "the message is nested too deeply",
                   is_too_long(shown_id) ? nlohmann::json{} : std::move(shown_id)};
  }
  if (json.is_discarded())
    return problem{code::parse_error, "the line is not valid JSON", nullptr};
  if (json.is_array())
    return problem{code::invalid_request, "batches are not supported; send one message a line", nullptr};
  if (!json.is_object())
    return problem{code::invalid_request, "a message must be a JSON object", nullptr};
  const auto id = json.find("id");
  const auto method = json.find("method");
  const bool has_id = id != json.end() && is_id(*id);
  if (has_id && is_too_long(*id))
    return problem{code::invalid_request,
                   "the member 'id' takes " + std::to_string(id->get_ref<const std::string&>().size()) +
                       " bytes, and at most " + std::to_string(limits::id_bytes) + " are taken; send a shorter one",
                   nullptr};
  const nlohmann::json shown_id = has_id ? *id : nlohmann::json{};
  if (method == json.end()) {
    if (has_id && (json.contains("result") || json.contains("error"))) {
      response read{.id = shown_id, .result = {}};
      if (const auto error = json.find("error"); error != json.end()) {
        const auto number = error->is_object() ? error->find("code") : error->end();
        read.error =
            error->is_object() && number != error->end() && number->is_number_integer() ? number->get<int>() : 0;
      } else {
        read.result = std::move(json["result"]);
      }
      return read;
    }
    return problem{code::invalid_request, "the message has no member 'method'", shown_id};
  }
  if (!method->is_string())
    return problem{code::invalid_request, "the member 'method' must be a string", shown_id};
  if (const auto version = json.find("jsonrpc"); version == json.end() || *version != "2.0")
    return problem{code::invalid_request, "the member 'jsonrpc' must be \"2.0\"", shown_id};
  nlohmann::json params;
  if (const auto found = json.find("params"); found != json.end())
    params = std::move(*found);
  if (!params.is_null() && !params.is_object())
    return problem{code::invalid_params, "the member 'params' must be an object", shown_id};
  if (id == json.end())
    return notification{method->get<std::string>(), std::move(params)};
  if (!has_id)
    return problem{code::invalid_request, "the member 'id' must be a string or a number", nullptr};
  return request{shown_id, method->get<std::string>(), std::move(params)};
}

std::string result_line(const nlohmann::json& id, const ordered_json& result) {
  auto json = message_start();
  json["id"] = id;
  json["result"] = result;
  return dump(json);
}

std::string error_line(const nlohmann::json& id, code number, std::string_view sentence, const ordered_json& data) {
  auto json = message_start();
  if (!id.is_discarded())
    json["id"] = id;
  json["error"]["code"] = static_cast<int>(number);
  json["error"]["message"] = sentence;
  if (!data.is_null())
    json["error"]["data"] = data;
  return dump(json);
}

std::string notification_line(std::string_view method, const ordered_json& params) {
  auto json = message_start();
  json["method"] = method;
  json["params"] = params;
  return dump(json);
}

std::string request_line(const nlohmann::json& id, std::string_view method, const ordered_json& params) {
  auto json = message_start();
  json["id"] = id;
  json["method"] = method;
  json["params"] = params;
  return dump(json);
}

} // namespace agent_dispatch::jsonrpc
