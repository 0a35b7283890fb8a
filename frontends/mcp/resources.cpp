#include "frontends/mcp/resources.hpp"

#include <charconv>

#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

constexpr std::string_view job_scheme = "job://";
constexpr std::string_view agent_scheme = "agent://";
constexpr std::string_view json_type = "application/json";
constexpr std::size_t title_characters = 80;

bool is_unreserved(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         std::string_view{"-._~"}.find(c) != std::string_view::npos;
}

/// As RFC 3986 has it. A name in a file that somebody has written by hand may be anything.
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_unreserved(c))
      encoded.push_back(c);
    else
      encoded.append({'%', digits[byte >> 4U], digits[byte & 15U]});
  }
  return encoded;
}

/// What is no escape stays as it is.
std::string percent_decoded(std::string_view text) {
  constexpr std::size_t escape = 3;
  std::string decoded;
  for (std::size_t at = 0; at < text.size();) {
    unsigned byte = 0;
    const auto* const digits = text.data() + at + 1;
    const bool is_escape = text[at] == '%' && text.size() - at >= escape &&
                           std::from_chars(digits, digits + 2, byte, 16).ptr == digits + 2;
    decoded.push_back(is_escape ? static_cast<char>(byte) : text[at]);
    at += is_escape ? escape : 1;
  }
  return decoded;
}

ordered_json resource_json(const era& spoken, const std::string& uri, const std::string& name, const std::string& title,
                           const std::string& description) {
  ordered_json json;
  json["uri"] = uri;
  json["name"] = name;
  if (spoken.has_titles)
    json["title"] = title;
  json["description"] = description;
  json["mimeType"] = json_type;
  return json;
}

ordered_json template_json(const era& spoken, const char* uri, const char* name, const char* title,
                           const char* description) {
  auto json = resource_json(spoken, uri, name, title, description);
  ordered_json renamed;
  renamed["uriTemplate"] = json["uri"];
  for (const auto& [key, value] : json.items())
    if (key != "uri")
      renamed[key] = value;
  return renamed;
}

} // namespace

std::optional<job_resource> job_of_uri(std::string_view uri) {
  if (!uri.starts_with(job_scheme) || !is_job_id(uri.substr(job_scheme.size())))
    return std::nullopt;
  return job_resource{{std::string{uri.substr(job_scheme.size())}}};
}

std::optional<agent_resource> agent_of_uri(std::string_view uri) {
  if (!uri.starts_with(agent_scheme))
    return std::nullopt;
  return agent_resource{{percent_decoded(uri.substr(agent_scheme.size()))}};
}

std::string uri_of(const job_id& id) { return std::string{job_scheme} + id.value; }

ordered_json list_resources(const era& spoken, const configuration& config, std::span<const job_record> jobs) {
  ordered_json result;
  result["resources"] = ordered_json::array();
  for (const auto& agent : config.agents)
    result["resources"].push_back(resource_json(spoken, std::string{agent_scheme} + percent_encoded(agent.name.value),
                                                agent.name.value, "Agent " + agent.name.value, agent.description));
  for (const auto& job : jobs) {
    const auto task = to_valid_utf8(job.task);
    const auto begun = std::string{first_characters(task, title_characters)};
    result["resources"].push_back(resource_json(spoken, uri_of(job.id), job.id.value, job.agent.value + ": " + begun,
                                                "A job of agent '" + job.agent.value + "', " +
                                                    std::string{to_string(job.status)} + ": " + begun));
  }
  return result;
}

ordered_json list_resource_templates(const era& spoken) {
  ordered_json result;
  result["resourceTemplates"] = {template_json(spoken, "job://{job_id}", "job", "A job",
                                               "The record of a job, with its result when it has ended."),
                                 template_json(spoken, "agent://{agent}", "agent", "An agent",
                                               "An agent in full, with the beginning of its CLAUDE.md and README.md.")};
  return result;
}

ordered_json resource_contents(std::string_view uri, const ordered_json& value) {
  ordered_json content;
  content["uri"] = uri;
  content["mimeType"] = json_type;
  content["text"] = dump_pretty(value);
  ordered_json result;
  result["contents"] = ordered_json::array({std::move(content)});
  return result;
}

} // namespace agent_dispatch
