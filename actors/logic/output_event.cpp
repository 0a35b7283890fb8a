#include "actors/logic/output_event.hpp"

#include <algorithm>
#include <utility>

#include "messages/json.hpp"
#include "messages/limits.hpp"

namespace agent_dispatch {

namespace {

/// JSON cannot say more than 2^53 without loss; nothing the CLI counts or costs comes near.
constexpr double largest_count = 9007199254740992.0;

/// The longest a character can be in a JSON string: a pair of `\uXXXX`.
constexpr std::size_t escaped_character_bytes = 12;

using optional_span = std::optional<json_span>;

/// The last member of that name, as JSON readers have it.
optional_span member(const json_span& object, std::string_view name) {
  optional_span found;
  if (!object.is_object())
    return found;
  for (json_cursor members{object}; members.next();)
    if (members.key() == name)
      found = members.value();
  return found;
}

std::string text_of(const optional_span& value) { return value ? value->text().value_or("") : ""; }

std::optional<std::int64_t> count_of(const optional_span& value) {
  const auto number = value ? value->number() : std::nullopt;
  if (!number || *number < 0 || *number > largest_count)
    return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<double> amount_of(const optional_span& value) {
  const auto number = value ? value->number() : std::nullopt;
  // Bounded, so that no sum of amounts is infinite.
  return number && *number >= 0 && *number <= largest_count ? number : std::nullopt;
}

std::string bounded(std::string text, std::size_t characters) {
  text.resize(first_characters(text, characters).size());
  return text;
}

std::string bounded_text(const json_span& value, std::size_t characters) {
  return bounded(decode_json_string(value.escaped().substr(0, characters * escaped_character_bytes)), characters);
}

/// Any value as text: a string decoded, another kind as its JSON.
std::string coerced(const json_span& value) { return value.text().value_or(to_valid_utf8(value.raw())); }

std::optional<session_id> session_of(const optional_span& value) {
  auto text = text_of(value);
  if (text.empty() || text.size() > limits::session_id_bytes)
    return std::nullopt;
  return session_id{std::move(text)};
}

std::vector<std::string> read_denials(const json_span& list) {
  std::vector<std::string> tools;
  for (json_cursor items{list}; tools.size() < limits::denied_tools && items.next();) {
    const auto& item = items.value();
    const auto name = item.is_object() ? member(item, "tool_name") : optional_span{item};
    if (!name || !name->is_string())
      continue;
    auto tool = bounded_text(*name, limits::denied_tool_characters);
    if (!tool.empty() && std::find(tools.begin(), tools.end(), tool) == tools.end())
      tools.push_back(std::move(tool));
  }
  return tools;
}

std::vector<std::string> read_errors(const json_span& value) {
  std::vector<std::string> errors;
  const auto add = [&](const json_span& error) {
    if (error.kind() == json_kind::null)
      return;
    auto text = error.is_string() ? bounded_text(error, limits::error_characters)
                                  : bounded(to_valid_utf8(error.raw().substr(0, limits::error_characters * 4)),
                                            limits::error_characters);
    if (!text.empty())
      errors.push_back(std::move(text));
  };
  if (!value.is_array()) {
    add(value);
    return errors;
  }
  for (json_cursor items{value}; errors.size() < limits::errors && items.next();)
    add(items.value());
  return errors;
}

std::optional<double> read_cost(const json_span& usage) {
  if (!usage.is_object())
    return std::nullopt;
  double sum = 0;
  for (json_cursor models{usage}; models.next();)
    sum += amount_of(member(models.value(), "costUSD")).value_or(0);
  return sum;
}

bool truth(const json_span& value) {
  if (const auto number = value.number())
    return *number != 0;
  return value.boolean().value_or(value.is_text("true"));
}

result_event read_result(const json_span& event) {
  result_event result;
  std::optional<bool> is_error;
  for (json_cursor members{event}; members.next();) {
    const auto key = members.key();
    const auto& value = members.value();
    if (key == "result")
      result.text = value.kind() == json_kind::null ? std::nullopt : std::optional{coerced(value)};
    else if (key == "is_error")
      is_error = truth(value);
    else if (key == "subtype")
      result.subtype = bounded_text(value, limits::error_characters);
    else if (key == "terminal_reason")
      result.terminal_reason = bounded_text(value, limits::error_characters);
    else if (key == "api_error_status")
      result.api_status = count_of(value);
    else if (key == "session_id")
      result.session = session_of(value);
    else if (key == "total_cost_usd")
      result.total_cost_usd = amount_of(value);
    else if (key == "model_usage_since_last_result")
      result.cost_since_last_result = read_cost(value);
    else if (key == "duration_ms")
      result.duration_ms = count_of(value);
    else if (key == "num_turns")
      result.num_turns = count_of(value);
    else if (key == "permission_denials")
      result.denials = value.is_array() ? std::optional{read_denials(value)} : std::nullopt;
    else if (key == "errors")
      result.errors = read_errors(value);
  }
  result.is_error = is_error.value_or(result.subtype.starts_with("error"));
  return result;
}

bool has_letters(std::string_view text) { return text.find_first_not_of(" \t\r\n") != std::string_view::npos; }

void read_text_block(const json_span& text, bool of_agent, event_sink& sink) {
  if (of_agent)
    sink.on_agent_text(text.escaped());
  auto shown = bounded_text(text, limits::progress_characters);
  if (has_letters(shown))
    sink.on_event(progress_event{progress_kind::text, std::move(shown)});
}

void read_tool_block(const json_span& name, event_sink& sink) {
  std::string line = "Using tool: ";
  line += bounded_text(name, limits::denied_tool_characters);
  sink.on_event(progress_event{progress_kind::tool, std::move(line)});
}

void read_block(const json_span& block, bool of_agent, event_sink& sink) {
  optional_span type;
  optional_span text;
  optional_span name;
  for (json_cursor members{block}; members.next();) {
    if (members.key() == "type")
      type = members.value();
    else if (members.key() == "text")
      text = members.value();
    else if (members.key() == "name")
      name = members.value();
  }
  if (!type)
    return;
  if (type->is_text("text") && text && text->is_string())
    read_text_block(*text, of_agent, sink);
  else if (type->is_text("tool_use") && name && name->is_string())
    read_tool_block(*name, sink);
}

void read_assistant(const json_span& message, bool of_agent, event_sink& sink) {
  const auto content = member(message, "content");
  if (!content)
    return;
  if (content->is_string())
    read_text_block(*content, of_agent, sink);
  else if (content->is_array())
    for (json_cursor blocks{*content}; blocks.next();)
      read_block(blocks.value(), of_agent, sink);
}

void read_retry(const json_span& event, event_sink& sink) {
  api_retry retry;
  retry.attempt = count_of(member(event, "attempt"));
  retry.max_retries = count_of(member(event, "max_retries"));
  if (const auto delay = count_of(member(event, "retry_delay_ms")))
    retry.delay = std::chrono::milliseconds{*delay};
  retry.status = count_of(member(event, "error_status"));
  retry.error = bounded(text_of(member(event, "error")), limits::error_characters);
  sink.on_event(std::move(retry));
}

void read_system(const json_span& event, const json_span& subtype, event_sink& sink) {
  if (subtype.is_text("init")) {
    if (auto session = session_of(member(event, "session_id")))
      sink.on_event(session_began{std::move(*session)});
  } else if (subtype.is_text("api_retry")) {
    read_retry(event, sink);
  } else if (subtype.is_text("permission_denied")) {
    const auto tool = member(event, "tool_name");
    if (tool && tool->is_string())
      sink.on_event(tool_denied{bounded_text(*tool, limits::denied_tool_characters)});
  }
}

/// The members that decide what to do with an event.
struct event_outline {
  optional_span type;
  optional_span subtype;
  optional_span message;
  optional_span parent;
};

/// Nothing when `value` is no event.
std::optional<event_outline> outline(const json_span& value) {
  if (!value.is_object())
    return std::nullopt;
  event_outline found;
  json_cursor members{value};
  while (members.next()) {
    if (members.key() == "type")
      found.type = members.value();
    else if (members.key() == "subtype")
      found.subtype = members.value();
    else if (members.key() == "message")
      found.message = members.value();
    else if (members.key() == "parent_tool_use_id")
      found.parent = members.value();
  }
  if (members.broken() || !found.type || !found.type->is_string())
    return std::nullopt;
  return found;
}

} // namespace

bool read_event(const json_span& value, std::uint64_t end, event_sink& sink) {
  const auto event = outline(value);
  if (!event)
    return false;
  const auto& type = *event->type;
  if (type.is_text("assistant") && event->message) {
    read_assistant(*event->message, !event->parent || event->parent->kind() == json_kind::null, sink);
  } else if (type.is_text("system") && event->subtype) {
    read_system(value, *event->subtype, sink);
  } else if (type.is_text("result")) {
    auto result = read_result(value);
    result.end = end;
    sink.on_result(std::move(result));
  }
  return true;
}

} // namespace agent_dispatch
