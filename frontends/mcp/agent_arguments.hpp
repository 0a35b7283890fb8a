#pragma once

#include <string>

#include <nlohmann/json.hpp>

#include "config/agent_form.hpp"
#include "messages/fault.hpp"

/// What the tools that change agents are given. Pure.
namespace agent_dispatch {

/// An agent as a tool call describes it.
struct asked_agent {
  std::string name;
  std::string directory; ///< of a new one, as the caller wrote it
  agent_form form;
};

/// Of add_agent: "" and 0 are as if not given. `invalid_argument` says what is wrong.
expected<asked_agent> read_added_agent(const nlohmann::json& arguments);

/// Of update_agent: "" and 0 are unchanged, a negative budget clears it. `invalid_argument` says what is wrong.
expected<asked_agent> read_updated_agent(const nlohmann::json& arguments);

} // namespace agent_dispatch
