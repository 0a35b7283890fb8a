#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include "frontends/mcp/era.hpp"
#include "messages/fault.hpp"

/// Prompts: the common ways to use the tools, for a person to choose from.
namespace agent_dispatch {

/// What an argument of a prompt names, so that it can be completed.
enum class argument_kind { text, agent, agents, group };

struct prompt_argument {
  std::string_view name;
  std::string_view description;
  argument_kind kind;
  bool required;
};

using prompt_values = std::map<std::string, std::string, std::less<>>;

struct prompt {
  std::string_view name;
  std::string_view title;
  std::string_view description;
  std::span<const prompt_argument> arguments;
  /// What the person says by it. All required values are there.
  std::string (*text)(const prompt_values& values);
};

std::span<const prompt> prompts();
/// Null when there is none of that name.
const prompt* find_prompt(std::string_view name);

/// The `prompts/list` result.
ordered_json list_prompts(const era& spoken);
/// The `prompts/get` result; `invalid_argument` names a required argument that is missing or blank, or one that there
/// is not.
expected<ordered_json> get_prompt(const prompt& asked, const prompt_values& values);

} // namespace agent_dispatch
