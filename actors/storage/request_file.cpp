#include "actors/storage/request_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>
#include <utility>

#include "actors/logic/json_span.hpp"
#include "actors/run/descriptor_io.hpp"
#include "actors/run/unique_fd.hpp"
#include "actors/storage/whole_file.hpp"
#include "config/own_file.hpp"
#include "messages/bytes_text.hpp"
#include "messages/json.hpp"
#include "messages/limits.hpp"
#include "messages/run_request_json.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

template <class Value>
ordered_json or_null(const std::optional<Value>& value) {
  return value ? ordered_json(*value) : ordered_json(nullptr);
}

ordered_json id_or_null(const std::optional<job_id>& id) {
  return id ? ordered_json(id->value) : ordered_json(nullptr);
}

ordered_json agent_json(const resolved_agent& agent) {
  ordered_json json;
  json["name"] = agent.name.value;
  json["directory"] = bytes_to_text(agent.directory.native());
  json["timeout_seconds"] = agent.timeout.count();
  json["max_budget_usd"] = or_null(agent.max_budget_usd);
  json["model"] = or_null(agent.model);
  json["permission_mode"] = or_null(agent.permission_mode);
  json["allowed_tools"] = or_null(agent.allowed_tools);
  json["disallowed_tools"] = or_null(agent.disallowed_tools);
  json["max_parallel"] = agent.max_parallel;
  return json;
}

ordered_json run_json(const run_spec& spec) {
  ordered_json json;
  json["key"] = spec.key.value;
  json["request"] = run_request_json(spec.request);
  json["agent"] = agent_json(spec.agent);
  json["session_id"] = spec.session.value;
  json["resumed"] = spec.resumed;
  json["timeout_seconds"] = spec.timeout.count();
  json["depth"] = spec.depth;
  json["parent"] = spec.parent ? ordered_json(spec.parent->value) : ordered_json(nullptr);
  json["job"] = id_or_null(spec.job);
  json["retry_of"] = id_or_null(spec.retry_of);
  json["ref"] = id_or_null(spec.ref);
  json["shared_context"] = spec.shared_context;
  return json;
}

ordered_json item_json(const planned_item& item) {
  ordered_json json;
  json["run"] = item.spec ? run_json(*item.spec) : ordered_json(nullptr);
  json["refused"] = item.refused ? to_json(*item.refused) : ordered_json(nullptr);
  json["summary_chars"] = item.summary_chars;
  return json;
}

ordered_json plan_json(const composite_plan& plan) {
  ordered_json json;
  if (const auto* parallel = std::get_if<parallel_plan>(&plan)) {
    json["kind"] = "parallel";
    json["items"] = ordered_json::array();
    for (const auto& item : parallel->items)
      json["items"].push_back(item_json(item));
    json["aggregator"] = parallel->aggregator ? run_json(*parallel->aggregator) : ordered_json(nullptr);
  } else {
    const auto& dialogue = std::get<dialogue_plan>(plan);
    json["kind"] = "dialogue";
    json["requester"] = run_json(*dialogue.requester);
    json["responder"] = run_json(*dialogue.responder);
    json["topic"] = dialogue.topic;
    json["most_rounds"] = dialogue.most_rounds;
  }
  return json;
}

/// One supervisor after the other would have to die with it.
constexpr int countable_deaths = 1'000'000;

/// Members of an object by name; what is missing or of another type throws, and is caught in `decode_request`.
const nlohmann::json& at(const nlohmann::json& json, const char* name) { return json.at(name); }

template <class Value>
std::optional<Value> optional_at(const nlohmann::json& json, const char* name) {
  const auto& member = at(json, name);
  return member.is_null() ? std::nullopt : std::optional{member.get<Value>()};
}

struct damaged {
  std::string what;
};

/// A whole number in a range: `get` would cut a greater one down to another.
template <class Integer>
Integer number_at(const nlohmann::json& json, const char* name, Integer least,
                  Integer most = std::numeric_limits<Integer>::max()) {
  const auto& member = at(json, name);
  const bool is_known = member.is_number_unsigned()
                            ? std::in_range<Integer>(member.get<std::uint64_t>())
                            : member.is_number_integer() && std::in_range<Integer>(member.get<std::int64_t>());
  if (!is_known || member.get<Integer>() < least || member.get<Integer>() > most)
    throw damaged{std::string{"its "} + name + " is no number that can be used"};
  return member.get<Integer>();
}

std::chrono::seconds timeout_at(const nlohmann::json& json) {
  constexpr std::int64_t most = limits::longest_timeout.count();
  return std::chrono::seconds{number_at<std::int64_t>(json, "timeout_seconds", 0, most)};
}

template <class Value>
Value need(expected<Value> value) {
  if (!value)
    throw damaged{value.error().message};
  return std::move(*value);
}

std::optional<job_id> job_at(const nlohmann::json& json, const char* name) {
  auto text = optional_at<std::string>(json, name);
  if (!text)
    return std::nullopt;
  if (!is_job_id(*text))
    throw damaged{std::string{"its "} + name + " is no job's id"};
  return job_id{std::move(*text)};
}

resolved_agent agent_from(const nlohmann::json& json) {
  resolved_agent agent;
  agent.name = {at(json, "name").get<std::string>()};
  agent.directory = need(text_to_bytes(at(json, "directory").get_ref<const std::string&>()));
  agent.timeout = timeout_at(json);
  agent.max_budget_usd = optional_at<double>(json, "max_budget_usd");
  agent.model = optional_at<std::string>(json, "model");
  agent.permission_mode = optional_at<std::string>(json, "permission_mode");
  agent.allowed_tools = optional_at<std::vector<std::string>>(json, "allowed_tools");
  agent.disallowed_tools = optional_at<std::vector<std::string>>(json, "disallowed_tools");
  agent.max_parallel = number_at<int>(json, "max_parallel", 1);
  return agent;
}

run_spec_ptr run_from(const nlohmann::json& json) {
  auto spec = std::make_shared<run_spec>();
  spec->key = {at(json, "key").get<std::string>()};
  spec->request = need(run_request_from(at(json, "request")));
  spec->agent = agent_from(at(json, "agent"));
  spec->session = {at(json, "session_id").get<std::string>()};
  spec->resumed = at(json, "resumed").get<bool>();
  spec->timeout = timeout_at(json);
  spec->depth = number_at<int>(json, "depth", 0);
  if (auto parent = optional_at<std::string>(json, "parent"))
    spec->parent = run_key{std::move(*parent)};
  spec->job = job_at(json, "job");
  spec->retry_of = job_at(json, "retry_of");
  spec->ref = job_at(json, "ref");
  spec->shared_context = at(json, "shared_context").get<std::string>();
  if (!is_run_key(spec->key.value))
    throw damaged{"the run's key cannot be used"};
  return spec;
}

planned_item item_from(const nlohmann::json& json) {
  planned_item item;
  if (const auto& run = at(json, "run"); !run.is_null())
    item.spec = run_from(run);
  if (const auto& refused = at(json, "refused"); !refused.is_null())
    item.refused = need(dispatch_result_from(refused));
  if (!item.spec == !item.refused)
    throw damaged{"an item has no run, or one and an answer"};
  item.summary_chars = number_at<std::int64_t>(json, "summary_chars", 0);
  return item;
}

composite_plan_ptr plan_from(const nlohmann::json& json) {
  if (at(json, "kind") == "dialogue")
    return std::make_shared<const composite_plan>(dialogue_plan{.requester = run_from(at(json, "requester")),
                                                                .responder = run_from(at(json, "responder")),
                                                                .topic = at(json, "topic").get<std::string>(),
                                                                .most_rounds = number_at<int>(json, "most_rounds", 1)});
  if (at(json, "kind") != "parallel")
    throw damaged{"it is of an unknown kind"};
  parallel_plan plan;
  for (const auto& item : at(json, "items"))
    plan.items.push_back(item_from(item));
  if (const auto& aggregator = at(json, "aggregator"); !aggregator.is_null())
    plan.aggregator = run_from(aggregator);
  return std::make_shared<const composite_plan>(std::move(plan));
}

read_request request_from(const nlohmann::json& json) {
  read_request read;
  read.owner = at(json, "owner").get<std::string>();
  read.request.key = {{at(json, "frontend").get<std::string>()},
                      number_at<std::uint64_t>(json, "line", 0),
                      at(json, "part").get<std::string>()};
  if (const auto& plan = at(json, "plan"); !plan.is_null())
    read.request.plan = plan_from(plan);
  else
    read.request.spec = run_from(at(json, "run"));
  read.request.deaths = number_at<int>(json, "deaths", 0, countable_deaths);
  if (const auto known = json.find("known"); known != json.end() && !known->is_null()) // not in what version 0.1 wrote
    read.request.known = need(dispatch_result_from(*known));
  if (!is_uuid(read.request.key.frontend.value))
    throw damaged{"an id cannot be used"};
  return read;
}

/// Twice a frame: a request's text may grow when it is escaped.
constexpr std::size_t most_bytes = 2 * limits::frame_bytes;

/// What another user has put there is not ours to execute.
expected<std::string> read_own(const fs::path& file) {
  const unique_fd opened{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)};
  struct stat status {};
  int error = opened && ::fstat(opened.get(), &status) == 0 ? 0 : errno;
  auto why = error == 0 ? why_not_own_file(status) : why_not_opened(error);
  if (!why.empty())
    return failure(fault_kind::io, "it " + why);
  std::string text;
  if (error == 0)
    error = read_from_start(opened.get(), text, most_bytes);
  if (error != 0)
    return io_failure("cannot read", file.native(), error);
  return text;
}

expected<read_request> read_one(const fs::path& file) {
  const auto text = read_own(file);
  if (!text)
    return tl::unexpected(text.error());
  return decode_request(*text);
}

/// The run that a file names which is otherwise not to be read: `run.key` is where every format has it. "" for none.
std::string run_named_in(const fs::path& file) {
  const auto text = read_own(file);
  // What nests deeper is of no interest, and may be why the file cannot be read.
  const auto is_above = [](int depth, nlohmann::json::parse_event_t, nlohmann::json&) { return depth <= 2; };
  const auto json = text ? nlohmann::json::parse(*text, is_above, false) : nlohmann::json{};
  const auto run = json.is_object() ? json.find("run") : json.end();
  if (!json.is_object() || run == json.end() || !run->is_object())
    return {};
  const auto key = run->find("key");
  return key != run->end() && key->is_string() && is_run_key(key->get_ref<const std::string&>())
             ? key->get<std::string>()
             : std::string{};
}

/// A request has its frontend's name before its line's.
bool is_of_a_frontend(const fs::path& file) {
  const auto name = file.filename().string();
  return is_uuid(std::string_view{name}.substr(0, name.find('.')));
}

/// Not what is damaged: that is nobody's any more.
bool may_be_executed(const fault& why) {
  return why.kind == fault_kind::version_mismatch || why.kind == fault_kind::io;
}

/// What a killed writer has left: `.KEY.XXXXXX`, a file of ours.
bool is_temporary(const fs::path& file) {
  constexpr std::size_t uuid_size = 36;
  constexpr std::size_t suffix_size = 7;
  const auto name = file.filename().string();
  struct stat status {};
  return name.starts_with('.') && name.size() > 1 + uuid_size + suffix_size &&
         is_uuid(std::string_view{name}.substr(1, uuid_size)) && name[1 + uuid_size] == '.' &&
         name[name.size() - suffix_size] == '.' && ::lstat(file.c_str(), &status) == 0 &&
         why_not_own_file(status).empty();
}

} // namespace

std::string encode_request(const accepted_request& request, std::string_view owner) {
  ordered_json json;
  json["format"] = request_format;
  json["owner"] = owner;
  json["frontend"] = request.key.frontend.value;
  json["line"] = request.key.line;
  json["part"] = request.key.part;
  json["deaths"] = request.deaths;
  json["run"] = request.spec ? run_json(*request.spec) : ordered_json(nullptr);
  json["plan"] = request.plan ? plan_json(*request.plan) : ordered_json(nullptr);
  json["known"] = request.known ? to_json(*request.known) : ordered_json(nullptr);
  return dump(json) + "\n";
}

expected<read_request> decode_request(std::string_view text) {
  if (nesting_depth(text) > limits::file_nesting)
    return failure(fault_kind::protocol, "it is nested too deep");
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return failure(fault_kind::protocol, "it is not a JSON object");
  try {
    if (number_at<int>(json, "format", 0) > request_format)
      return failure(fault_kind::version_mismatch, "a newer agent-dispatch wrote it; upgrade this one");
    return request_from(json);
  } catch (const nlohmann::json::exception& problem) {
    return failure(fault_kind::protocol, problem.what());
  } catch (const damaged& problem) {
    return failure(fault_kind::protocol, problem.what);
  }
}

expected<void> write_request(const fs::path& directory, const accepted_request& request, std::string_view owner) {
  const auto text = encode_request(request, owner);
  if (text.size() > most_bytes)
    return failure(fault_kind::invalid_argument, "the request takes " + std::to_string(text.size()) +
                                                     " bytes with all its items; at most " +
                                                     std::to_string(most_bytes) + " are taken");
  return write_whole_file(directory / request.key.text(), text,
                          request.spec && request.spec->job ? durability::disk : durability::page_cache);
}

void remove_request(const fs::path& directory, const accepted_request& request) {
  if (::unlink((directory / request.key.text()).c_str()) == 0 && request.spec && request.spec->job)
    std::ignore = sync_directory(directory); // back after a power cut, it is found ended, and removed again
}

request_listing read_requests(const fs::path& directory) {
  request_listing listing;
  std::error_code problem;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry{directory, problem}, end; !problem && entry != end; entry.increment(problem))
    files.push_back(entry->path());
  for (const auto& file : files) {
    if (is_temporary(file)) {
      fs::remove(file, problem);
      continue;
    }
    auto read = read_one(file);
    if (read && read->request.key.text() == file.filename().native()) {
      listing.requests.push_back(std::move(*read));
    } else {
      listing.names.push_back(file.filename().native());
      if (auto run = run_named_in(file); !run.empty())
        listing.runs.push_back({std::move(run)});
      if (!read && may_be_executed(read.error()) && is_of_a_frontend(file))
        listing.is_whole = false;
      listing.skipped.push_back(file.native() + " is no request that can be executed: " +
                                (read ? "its name is another one's" : read.error().message));
    }
  }
  return listing;
}

} // namespace agent_dispatch
