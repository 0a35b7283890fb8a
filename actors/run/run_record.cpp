#include "actors/run/run_record.hpp"

#include "messages/json.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

std::optional<std::string> text_member(const nlohmann::json& json, const char* name) {
  const auto found = json.find(name);
  return found != json.end() && found->is_string() ? std::optional{found->get<std::string>()} : std::nullopt;
}

} // namespace

std::string encode_run_record(const run_spec& spec, std::string_view owner,
                              const std::optional<run_key>& borrowed_from) {
  ordered_json json;
  json["format"] = run_format;
  json["owner"] = owner;
  json["run"] = spec.key.value;
  json["agent"] = spec.agent.name.value;
  json["session_id"] = spec.session.value;
  json["resumed"] = spec.resumed;
  json["timeout_seconds"] = spec.timeout.count();
  json["depth"] = spec.depth;
  json["parent"] = spec.parent ? ordered_json(spec.parent->value) : ordered_json(nullptr);
  json["slot_of"] = borrowed_from ? ordered_json(borrowed_from->value) : ordered_json(nullptr);
  return dump(json) + "\n";
}

run_record decode_run_record(std::string_view text) {
  run_record record;
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return record;
  if (auto agent = text_member(json, "agent"))
    record.agent = agent_name{*std::move(agent)};
  if (auto lender = text_member(json, "slot_of"); lender && is_run_key(*lender))
    record.slot_of = run_key{*std::move(lender)};
  return record;
}

} // namespace agent_dispatch
