#include "config/agent_form.hpp"

#include <algorithm>
#include <system_error>

#include "config/discovery.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  const auto begin = text.find_first_not_of(blanks);
  return begin == std::string_view::npos ? std::string_view{}
                                         : text.substr(begin, text.find_last_not_of(blanks) + 1 - begin);
}

bool is_no_value(std::string_view text) {
  constexpr std::string_view none = "none";
  const auto word = trimmed(text);
  return word.empty() || std::equal(word.begin(), word.end(), none.begin(), none.end(), [](char given, char letter) {
           return given == letter || given == letter - 'a' + 'A';
         });
}

std::optional<std::string> value(const std::string& text) {
  return is_no_value(text) ? std::nullopt : std::optional<std::string>{trimmed(text)};
}

tool_list tools(const std::string& text) { return is_no_value(text) ? std::nullopt : tool_list{split_list(text)}; }

std::vector<std::string> labels(const std::string& text) {
  return is_no_value(text) ? std::vector<std::string>{} : split_list(text);
}

std::optional<double> budget(double dollars) { return dollars == 0 ? std::nullopt : std::optional{dollars}; }

agent_config agent_from(std::string_view name, const fs::path& directory, const agent_form& form) {
  agent_config agent;
  agent.name = {std::string{name}};
  agent.directory = directory;
  agent.description = form.description.value_or("");
  agent.timeout = form.timeout.value_or(agent.timeout);
  agent.max_budget_usd = budget(form.max_budget_usd.value_or(0));
  agent.model = value(form.model.value_or(""));
  agent.permission_mode = value(form.permission_mode.value_or(""));
  agent.allowed_tools = tools(form.allowed_tools.value_or(""));
  agent.disallowed_tools = tools(form.disallowed_tools.value_or(""));
  agent.capabilities = labels(form.capabilities.value_or(""));
  agent.risky_capabilities = labels(form.risky_capabilities.value_or(""));
  return agent;
}

tl::unexpected<fault> not_a_directory(std::string_view path, std::string_view why) {
  return failure(fault_kind::invalid_argument,
                 "'" + to_valid_utf8(path) + "' " + std::string{why} + ". Give the path of the project's directory.");
}

} // namespace

std::vector<std::string> split_list(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const auto end = std::min(text.find(','), text.size());
    if (const auto part = trimmed(text.substr(0, end)); !part.empty())
      parts.emplace_back(part);
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return parts;
}

expected<agent_config> new_agent(std::string_view name, const fs::path& directory, const agent_form& form) {
  auto agent = agent_from(name, directory, form);
  if (auto fit = check_agent(agent); !fit)
    return tl::make_unexpected(fit.error());
  if (agent.description.empty())
    agent.description = describe_project(directory);
  return agent;
}

agent_update update_from(const agent_form& form) {
  agent_update update;
  update.description = form.description;
  update.timeout = form.timeout;
  if (form.max_budget_usd)
    update.max_budget_usd = budget(*form.max_budget_usd);
  if (form.model)
    update.model = value(*form.model);
  if (form.permission_mode)
    update.permission_mode = value(*form.permission_mode);
  if (form.allowed_tools)
    update.allowed_tools = tools(*form.allowed_tools);
  if (form.disallowed_tools)
    update.disallowed_tools = tools(*form.disallowed_tools);
  if (form.capabilities)
    update.capabilities = labels(*form.capabilities);
  if (form.risky_capabilities)
    update.risky_capabilities = labels(*form.risky_capabilities);
  return update;
}

expected<fs::path> project_directory(std::string_view path, const fs::path& home, const fs::path& base) {
  const auto full = expand_path(path, home, base);
  if (path.empty())
    return not_a_directory("", "names nothing");
  if (!full)
    return failure(fault_kind::invalid_argument,
                   "The home directory in '" + to_valid_utf8(path) + "' is not known. Give an absolute path.");
  std::error_code error;
  auto real = fs::canonical(*full, error);
  if (error == std::errc::no_such_file_or_directory)
    return not_a_directory(full->native(), "does not exist");
  if (error)
    return not_a_directory(full->native(), "cannot be reached: " + error.message());
  if (!fs::is_directory(real, error))
    return not_a_directory(full->native(), "is not a directory");
  return real;
}

} // namespace agent_dispatch
