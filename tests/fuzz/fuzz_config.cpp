// An agents.yaml as anybody may have written it. It is refused with the place of what is wrong, or it loads; then what
// is loaded can be written and loads again as the same, and every edit that a command makes comes to what was meant,
// leaves all else as it was, and keeps the comments unless it says that it does not.
// The first byte chooses what the edits set; the text itself serves as the texts that they set.

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <unistd.h>

#include "config/agent_edits.hpp"
#include "config/configuration_nodes.hpp"
#include "config/group_edits.hpp"
#include "config/load.hpp"
#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"
#include "tests/fuzz/invariant.hpp"
#include "tests/fuzz/pieces.hpp"

namespace {

using namespace agent_dispatch;
namespace fs = std::filesystem;

/// A directory of this process, for the files that are edited. scripts/fuzz names one in memory with TMPDIR.
class workshop {
public:
  workshop() {
    auto name = (fs::temp_directory_path() / "agent-dispatch-fuzz.XXXXXX").native();
    INVARIANT(::mkdtemp(name.data()) != nullptr);
    place_ = name;
  }
  workshop(const workshop&) = delete;
  workshop& operator=(const workshop&) = delete;
  ~workshop() {
    std::error_code ignored;
    fs::remove_all(place_, ignored);
  }
  config_paths paths() const { return {"/home/me", place_ / "agents.yaml", place_ / "jobs"}; }

private:
  fs::path place_;
};

const config_paths& paths() {
  static const workshop shop;
  static const config_paths here = shop.paths();
  return here;
}

/// `PATH:LINE: on line LINE, `
bool names_a_line(std::string_view sentence) {
  const auto start = paths().config.native() + ":";
  if (!sentence.starts_with(start))
    return false;
  sentence.remove_prefix(start.size());
  std::size_t line = 0;
  const auto [end, error] = std::from_chars(sentence.data(), sentence.data() + sentence.size(), line);
  sentence.remove_prefix(static_cast<std::size_t>(end - sentence.data()));
  return error == std::errc{} && line > 0 && sentence.starts_with(": on line " + std::to_string(line) + ", ");
}

void check_fault(const fault& fault) {
  INVARIANT(fault.kind == fault_kind::config_syntax || fault.kind == fault_kind::config_schema);
  INVARIANT(names_a_line(fault.message) && fuzz::is_utf8(fault.message));
}

void check_loaded(const loaded_configuration& loaded) {
  for (const auto& warning : loaded.warnings)
    INVARIANT(names_a_line(warning) && fuzz::is_utf8(warning));
  for (const auto& agent : loaded.value.agents) {
    INVARIANT(agent.directory.is_absolute() && agent.timeout >= 0 && agent.max_parallel >= 1);
    INVARIANT(std::isfinite(agent.max_budget_usd.value_or(0)) && agent.max_budget_usd.value_or(0) >= 0);
    INVARIANT(std::count_if(loaded.value.agents.begin(), loaded.value.agents.end(),
                            [&](const auto& other) { return other.name == agent.name; }) == 1);
  }
  for (const auto& group : loaded.value.groups)
    INVARIANT(is_valid_name(group.name));
}

configuration parsed(std::string_view text) {
  auto loaded = parse_configuration(text, paths());
  INVARIANT(loaded);
  return std::move(loaded->value);
}

void check_writing(const configuration& config) {
  yaml::node agents;
  yaml::node groups;
  for (const auto& agent : config.agents)
    yaml::append(agents, agent.name.value, node_of(agent));
  for (const auto& group : config.groups)
    yaml::append(groups, group.name, node_of(group));
  yaml::node root;
  yaml::append(root, "agents", std::make_shared<const yaml::node>(agents));
  yaml::append(root, "groups", std::make_shared<const yaml::node>(groups));
  for (const auto& text : {yaml::write_block(root, 0, 2), yaml::write_flow(root)}) {
    const auto again = parsed(text);
    INVARIANT(again.agents == config.agents && again.groups == config.groups);
  }
}

/// Any text stays itself, alone and between others.
void check_text(std::string_view bytes) {
  const auto text = to_valid_utf8(bytes);
  yaml::node root;
  yaml::append(root, text, yaml::make_list({text, text}));
  yaml::append(root, "number", yaml::make_plain("1"));
  for (const auto& written : {yaml::write_block(root, 0, 2), yaml::write_flow(root)}) {
    const auto again = yaml::parse(written);
    INVARIANT(again && (text == "number" || yaml::same_value(**again, root)));
  }
}

void check_number(std::string_view bytes) {
  double number = 0;
  std::memcpy(&number, bytes.data(), std::min(bytes.size(), sizeof number));
  if (!std::isfinite(number))
    return;
  const auto written = yaml::make_plain(yaml::write_real(number));
  INVARIANT(yaml::as_real(*written) == number);
}

bool is_comment(std::string_view line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin != std::string_view::npos && line[begin] == '#';
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    lines.push_back(line.substr(0, line.find_last_not_of('\r') + 1));
    at = end + 1;
  }
  return lines;
}

/// Every line that is a comment, in its place among the others.
bool keeps_comments(std::string_view before, std::string_view after) {
  const auto lines = lines_of(after);
  auto at = lines.begin();
  for (const auto line : lines_of(before)) {
    if (!is_comment(line))
      continue;
    at = std::find(at, lines.end(), line);
    if (at == lines.end())
      return false;
    ++at;
  }
  return true;
}

/// All lines but `most`, which stand together.
bool keeps_lines(std::string_view before, std::string_view after, std::size_t most) {
  const auto old = lines_of(before);
  const auto now = lines_of(after);
  const auto front = std::mismatch(old.begin(), old.end(), now.begin(), now.end()).first - old.begin();
  const auto back = std::mismatch(old.rbegin(), old.rend(), now.rbegin(), now.rend()).first - old.rbegin();
  return static_cast<std::size_t>(front + back) + most >= old.size();
}

enum class comments { stay, may_go_with_a_value };

/// Edits a file that holds `text`, and compares.
class edit_check {
public:
  edit_check(std::string_view text, configuration now) : text_{text}, now_{std::move(now)} {}

  const configuration& now() const { return now_; }

  template <class Edit>
  void expect(const configuration& wanted, comments kept, const Edit& edit) const {
    std::ofstream{paths().config, std::ios::binary | std::ios::trunc} << text_;
    const expected<saved_configuration> saved = edit();
    INVARIANT(saved);
    INVARIANT(saved->value == wanted);
    const auto file = read_configuration(paths().config);
    INVARIANT(file && *file && parsed((*file)->bytes) == wanted);
    if (saved->lost == yaml::comment_loss::none && kept == comments::stay)
      INVARIANT(keeps_comments(text_, (*file)->bytes));
    last_ = {(*file)->bytes, saved->lost};
  }

  /// What the last edit has made, and what that cost.
  const yaml::edited_text& last() const { return last_; }
  std::string_view text() const { return text_; }

private:
  std::string_view text_;
  configuration now_;
  mutable yaml::edited_text last_;
};

/// What the edits set.
struct material {
  unsigned choice = 0;
  std::string text;

  bool take(unsigned bit) const { return (choice >> bit & 1U) != 0; }
  std::optional<std::string> text_or_none(unsigned bit) const { return take(bit) ? std::optional{text} : std::nullopt; }
  std::vector<std::string> list(unsigned bit) const {
    return take(bit) ? std::vector<std::string>{text, "Read"} : std::vector<std::string>{};
  }
};

std::string stored(const std::string& text) { return to_valid_utf8(text); }

std::vector<std::string> stored(std::vector<std::string> texts) {
  for (auto& text : texts)
    text = to_valid_utf8(text);
  return texts;
}

/// An empty word is none.
std::optional<std::string> stored_word(const std::optional<std::string>& word) {
  return word && !word->empty() ? std::optional{stored(*word)} : std::nullopt;
}

agent_config new_agent(const material& given) {
  agent_config agent;
  agent.name = {"fuzz-new"};
  agent.directory = given.take(0) ? "/a b/#c" : "/plain";
  agent.description = given.text;
  agent.timeout = given.take(1) ? 0 : 7;
  agent.model = given.text_or_none(2);
  if (given.take(3))
    agent.allowed_tools = given.list(4);
  agent.capabilities = given.list(5);
  if (given.take(6))
    agent.max_budget_usd = 0.25;
  agent.max_parallel = given.take(7) ? 2 : 1;
  return agent;
}

void check_adding_agent(const edit_check& check, const material& given) {
  const auto agent = new_agent(given);
  if (check.now().find_agent(agent.name) != nullptr)
    return;
  auto wanted = check.now();
  auto& added = wanted.agents.emplace_back(agent);
  added.description = stored(agent.description);
  added.model = stored_word(agent.model);
  if (agent.allowed_tools)
    added.allowed_tools = stored(*agent.allowed_tools);
  added.capabilities = stored(agent.capabilities);
  check.expect(wanted, comments::stay, [&] { return add_agent(paths(), agent); });
  if (check.last().lost == yaml::comment_loss::none)
    INVARIANT(keeps_lines(check.text(), check.last().text, 1));
}

agent_update update_of(const material& given) {
  agent_update update;
  if (given.take(0))
    update.description = given.text;
  if (given.take(1))
    update.timeout = 11;
  if (given.take(2))
    update.model = given.text_or_none(3);
  if (given.take(4))
    update.allowed_tools = given.take(5) ? tool_list{given.list(6)} : tool_list{};
  if (given.take(6))
    update.capabilities = given.list(7);
  if (given.take(7))
    update.max_budget_usd = given.take(0) ? std::optional{1.5} : std::nullopt;
  return update;
}

void apply(const agent_update& update, agent_config& agent) {
  if (update.description)
    agent.description = stored(*update.description);
  agent.timeout = update.timeout.value_or(agent.timeout);
  if (update.model)
    agent.model = stored_word(*update.model);
  if (update.allowed_tools)
    agent.allowed_tools = *update.allowed_tools ? tool_list{stored(**update.allowed_tools)} : tool_list{};
  if (update.capabilities)
    agent.capabilities = stored(*update.capabilities);
  if (update.max_budget_usd)
    agent.max_budget_usd = *update.max_budget_usd;
}

bool removes_nothing(const agent_update& update) {
  return !(update.model && !*update.model) && !(update.allowed_tools && !*update.allowed_tools) &&
         !(update.capabilities && update.capabilities->empty()) && !(update.max_budget_usd && !*update.max_budget_usd);
}

void check_one_agent(const edit_check& check, const material& given) {
  const auto& agents = check.now().agents;
  if (agents.empty())
    return;
  const auto at = given.choice % agents.size();
  const auto name = agents[at].name;
  if (!is_valid_name(name.value))
    return; // its name is warned of when it is loaded: no command takes it
  const auto update = update_of(given);
  auto wanted = check.now();
  apply(update, wanted.agents[at]);
  check.expect(wanted, removes_nothing(update) ? comments::stay : comments::may_go_with_a_value,
               [&] { return update_agent(paths(), name, update); });
  wanted = check.now();
  wanted.agents.erase(wanted.agents.begin() + static_cast<std::ptrdiff_t>(at));
  check.expect(wanted, comments::may_go_with_a_value, [&] { return remove_agent(paths(), name); });
}

void check_groups(const edit_check& check, const material& given) {
  group_config group{.name = "fuzz-new", .description = given.text, .shared_context = "", .members = {}};
  if (!check.now().agents.empty() && is_valid_name(check.now().agents.front().name.value))
    group.members.push_back({check.now().agents.front().name, given.text});
  auto wanted = check.now();
  auto& added = wanted.groups.emplace_back(group);
  added.description = stored(added.description);
  for (auto& member : added.members)
    member.use_for = stored(member.use_for);
  if (check.now().find_group(group.name) == nullptr)
    check.expect(wanted, comments::stay, [&] { return add_group(paths(), group); });
  const auto& groups = check.now().groups;
  if (groups.empty())
    return;
  const auto at = given.choice % groups.size();
  const auto name = groups[at].name;
  group_update update;
  update.description = given.take(0) ? given.text : "";
  if (given.take(1))
    update.shared_context = given.text;
  wanted = check.now();
  wanted.groups[at].description = stored(*update.description);
  if (update.shared_context)
    wanted.groups[at].shared_context = stored(*update.shared_context);
  const bool empties = update.description->empty() || (update.shared_context && update.shared_context->empty());
  check.expect(wanted, empties ? comments::may_go_with_a_value : comments::stay,
               [&] { return update_group(paths(), name, update); });
  wanted = check.now();
  wanted.groups.erase(wanted.groups.begin() + static_cast<std::ptrdiff_t>(at));
  check.expect(wanted, comments::may_go_with_a_value, [&] { return remove_group(paths(), name); });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0)
    return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  const material given{data[0], std::string{text.substr(0, 40)}};
  check_text(given.text);
  check_number(text);
  const auto loaded = parse_configuration(text, paths());
  if (!loaded) {
    check_fault(loaded.error());
    return 0;
  }
  check_loaded(*loaded);
  check_writing(loaded->value);
  const edit_check check{text, loaded->value};
  check_adding_agent(check, given);
  check_one_agent(check, given);
  check_groups(check, given);
  return 0;
}
