#include "actors/logic/cache_key.hpp"

#include <algorithm>
#include <cstring>
#include <string_view>

#include <sys/types.h>

#include <sha2.h>

#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

/// Hashes a sequence of texts so that no two sequences look alike: each has its length in front.
class digester {
public:
  digester() { ::SHA256Init(&context_); }

  void add(std::string_view text) {
    const std::uint64_t length = text.size();
    add_bytes(&length, sizeof length);
    add_bytes(text.data(), text.size());
  }

  void add(std::uint64_t number) { add_bytes(&number, sizeof number); }

  void add_optional(const std::optional<std::string>& text) {
    add(std::uint64_t{text.has_value()});
    add(text.value_or(""));
  }

  void add_tools(const tool_list& tools) {
    add(std::uint64_t{tools.has_value()});
    add(std::uint64_t{tools ? tools->size() : 0});
    for (const auto& tool : tools.value_or(std::vector<std::string>{}))
      add(tool);
  }

  cache_key finish() {
    cache_key key;
    ::SHA256Final(key.digest.data(), &context_);
    return key;
  }

private:
  void add_bytes(const void* bytes, std::size_t count) {
    ::SHA256Update(&context_, static_cast<const std::uint8_t*>(bytes), count);
  }

  ::SHA2_CTX context_{};
};

std::vector<std::string_view> account_of(const caller_context& caller) {
  std::vector<std::string_view> account;
  for (const auto& entry : caller.environment)
    if (names_account(entry))
      account.push_back(entry);
  std::sort(account.begin(), account.end());
  return account;
}

} // namespace

bool names_account(std::string_view entry) {
  for (const std::string_view whole : {"HOME=", "CLAUDE_CONFIG_DIR="})
    if (entry.starts_with(whole))
      return true;
  for (const std::string_view beginning : {"ANTHROPIC_", "CLAUDE_CODE_OAUTH_", "CLAUDE_CODE_USE_", "AWS_", "GOOGLE_"})
    if (entry.starts_with(beginning))
      return true;
  return false;
}

cache_key make_cache_key(const run_spec& spec) {
  digester hash;
  for (const std::string_view text : {std::string_view{spec.agent.name.value}, std::string_view{spec.request.task},
                                      std::string_view{spec.request.context}, std::string_view{spec.shared_context},
                                      std::string_view{spec.request.caller}, std::string_view{spec.request.goal}})
    hash.add(text);
  hash.add(std::uint64_t{spec.request.format == response_format::json});
  hash.add(spec.agent.directory.native());
  hash.add(static_cast<std::uint64_t>(spec.agent.timeout.count()));
  hash.add(std::uint64_t{spec.agent.max_budget_usd.has_value()});
  hash.add(dump(ordered_json(spec.agent.max_budget_usd.value_or(0))));
  hash.add_optional(spec.agent.model);
  hash.add_optional(spec.agent.permission_mode);
  hash.add_tools(spec.agent.allowed_tools);
  hash.add_tools(spec.agent.disallowed_tools);
  const auto account = account_of(*spec.caller);
  hash.add(std::uint64_t{account.size()});
  for (const auto entry : account)
    hash.add(entry);
  return hash.finish();
}

} // namespace agent_dispatch

std::size_t std::hash<agent_dispatch::cache_key>::operator()(const agent_dispatch::cache_key& key) const noexcept {
  std::size_t value = 0;
  std::memcpy(&value, key.digest.data(), sizeof value);
  return value;
}
