#include "frontends/cli/registration.hpp"

#include "config/shell_quote.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

std::vector<std::string> registration_arguments(const std::filesystem::path& executable) {
  ordered_json server;
  server["type"] = "stdio";
  server["command"] = executable.native();
  server["args"] = {"serve"};
  return {"mcp", "add-json", "agent-dispatch", dump(server), "--scope", "user"};
}

std::string registration_command(const std::filesystem::path& executable) {
  auto words = registration_arguments(executable);
  words.insert(words.begin(), "claude");
  return shell_command(words);
}

std::string remove_registration_command(std::string_view scope) {
  return shell_command({"claude", "mcp", "remove", "agent-dispatch", "--scope", std::string{scope}});
}

} // namespace agent_dispatch
