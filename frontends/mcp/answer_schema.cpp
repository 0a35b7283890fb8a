#include "frontends/mcp/answer_schema.hpp"

#include <initializer_list>
#include <utility>
#include <vector>

namespace agent_dispatch::answer_schema {

namespace {

using names = std::vector<const char*>;
using members = std::vector<std::pair<const char*, ordered_json>>;

ordered_json of_type(const char* type) { return {{"type", type}}; }
ordered_json text() { return of_type("string"); }
ordered_json number() { return of_type("number"); }
ordered_json integer() { return of_type("integer"); }
ordered_json boolean() { return of_type("boolean"); }
ordered_json anything() { return ordered_json::object(); }

ordered_json number_or_null() {
  ordered_json schema;
  schema["type"] = {"number", "null"};
  return schema;
}

ordered_json word(std::initializer_list<const char*> words) {
  auto schema = text();
  schema["enum"] = words;
  return schema;
}

ordered_json list_of(ordered_json items) {
  auto schema = of_type("array");
  schema["items"] = std::move(items);
  return schema;
}

ordered_json texts() { return list_of(text()); }

/// An object with these members, some of which must be there.
ordered_json object(const members& all, const names& required) {
  auto schema = of_type("object");
  schema["properties"] = ordered_json::object();
  for (const auto& [name, type] : all)
    schema["properties"][name] = type;
  if (!required.empty())
    schema["required"] = required;
  return schema;
}

ordered_json has(const names& required) {
  ordered_json schema;
  schema["required"] = required;
  return schema;
}

/// One of several kinds of object, each known by the members that it must have; or an error.
ordered_json answer(members all, const std::vector<names>& kinds) {
  all.emplace_back("error", text());
  all.emplace_back("hint", text());
  auto schema = object(all, {});
  schema["anyOf"] = ordered_json::array();
  for (const auto& required : kinds)
    schema["anyOf"].push_back(has(required));
  schema["anyOf"].push_back(has({"error"}));
  return schema;
}

ordered_json error() { return object({{"error", text()}, {"hint", text()}}, {"error"}); }

ordered_json rows_or_error(ordered_json row) {
  ordered_json schema;
  schema["anyOf"] = {list_of(std::move(row)), error()};
  return schema;
}

ordered_json healthy() {
  ordered_json schema;
  schema["enum"] = {true, false, "UNREADABLE"};
  return schema;
}

ordered_json error_type() {
  return word({"permission", "timeout", "recursion", "not_found", "budget", "cancelled", "cli_error"});
}

ordered_json job_status() { return word({"pending", "running", "done", "failed", "cancelled"}); }

/// A record of another program may have members of its own, which are passed on as they are.
ordered_json with_anything_of_others(ordered_json schema) {
  for (const auto* name : {"hint", "timed_out_waiting"})
    schema["properties"][name] = anything();
  return schema;
}

members joined(members first, const members& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

members settings_of_an_agent() {
  return {{"permission_mode", text()},
          {"allowed_tools", texts()},
          {"disallowed_tools", texts()},
          {"capabilities", texts()},
          {"risky_capabilities", texts()}};
}

members result_members() {
  return {{"agent", text()},         {"success", boolean()},         {"result", text()},
          {"session_id", text()},    {"cost_usd", number()},         {"duration_ms", integer()},
          {"num_turns", integer()},  {"error_type", error_type()},   {"parsed_result", anything()},
          {"denied_tools", texts()}, {"budget_exceeded", boolean()}, {"cached", boolean()}};
}

members ref_members() {
  return {{"ref", text()}, {"size", integer()}, {"summary_chars", integer()}, {"summary", text()}};
}

/// Of a job's record, without the result.
members job_members() {
  return {{"id", text()},
          {"agent", text()},
          {"task", text()},
          {"context", text()},
          {"caller", text()},
          {"goal", text()},
          {"status", job_status()},
          {"created_at", number()},
          {"started_at", number()},
          {"completed_at", number()},
          {"progress", texts()},
          {"progress_updated_at", number()},
          {"session_id", text()},
          {"retry_of", text()},
          {"timed_out_waiting", boolean()}};
}

const names of_a_result{"agent", "success", "result"};
const names of_a_ref{"ref", "agent", "success", "size", "summary_chars", "summary"};
const names of_a_record{"id", "agent", "task", "status", "created_at"};

ordered_json member_of_a_group() {
  return object({{"agent", text()},
                 {"use_for", text()},
                 {"directory", text()},
                 {"description", text()},
                 {"healthy", healthy()},
                 {"unknown", boolean()}},
                {"agent"});
}

} // namespace

ordered_json agents() {
  return rows_or_error(object(joined({{"name", text()},
                                      {"directory", text()},
                                      {"description", text()},
                                      {"healthy", healthy()},
                                      {"has_claude_md", boolean()},
                                      {"has_mcp_config", boolean()},
                                      {"mcp_servers", texts()},
                                      {"stacks", texts()},
                                      {"dbs", texts()}},
                                     settings_of_an_agent()),
                              {"name", "directory", "description", "healthy", "has_claude_md", "has_mcp_config"}));
}

ordered_json agent() {
  return answer(joined({{"name", text()},
                        {"directory", text()},
                        {"description", text()},
                        {"timeout", integer()},
                        {"model", text()},
                        {"max_budget_usd", number()},
                        {"max_parallel", integer()},
                        {"healthy", healthy()},
                        {"mcp_servers", texts()},
                        {"stacks", texts()},
                        {"dbs", texts()},
                        {"has_claude_md", boolean()},
                        {"has_readme", boolean()},
                        {"has_mcp_config", boolean()},
                        {"claude_md_preview", text()},
                        {"claude_md_truncated", boolean()},
                        {"readme_preview", text()},
                        {"readme_truncated", boolean()},
                        {"scan_error", text()}},
                       settings_of_an_agent()),
                {{"name", "directory", "description", "timeout", "healthy"}});
}

ordered_json groups() {
  return rows_or_error(object({{"name", text()},
                               {"description", text()},
                               {"shared_context_present", boolean()},
                               {"member_count", integer()},
                               {"members", list_of(member_of_a_group())}},
                              {"name", "description", "shared_context_present", "member_count", "members"}));
}

ordered_json group() {
  return answer({{"name", text()},
                 {"description", text()},
                 {"shared_context", text()},
                 {"member_count", integer()},
                 {"members", list_of(member_of_a_group())}},
                {{"name", "description", "shared_context", "member_count", "members"}});
}

ordered_json dispatched() { return answer(result_members(), {of_a_result}); }

ordered_json dispatched_or_ref() { return answer(joined(result_members(), ref_members()), {of_a_result, of_a_ref}); }

ordered_json parallel() {
  auto both =
      answer({{"individual_results", list_of(dispatched_or_ref())}, {"aggregated", dispatched()}, {"hint", text()}},
             {{"individual_results", "aggregated"}});
  ordered_json schema;
  schema["anyOf"] = {list_of(dispatched_or_ref()), std::move(both)};
  return schema;
}

ordered_json dialogue() {
  const auto turn = object({{"agent", text()},
                            {"role", word({"requester", "responder"})},
                            {"round", integer()},
                            {"message", text()},
                            {"cost_usd", number_or_null()},
                            {"error", text()},
                            {"error_type", error_type()}},
                           {"agent", "role", "round", "message", "cost_usd"});
  return answer({{"resolved", boolean()},
                 {"rounds", integer()},
                 {"total_cost_usd", number()},
                 {"total_duration_ms", integer()},
                 {"final_answer", text()},
                 {"hint", text()},
                 {"conversation", list_of(turn)}},
                {{"resolved", "rounds", "total_cost_usd", "total_duration_ms", "final_answer", "conversation"}});
}

ordered_json accepted_job() {
  return answer(joined({{"job_id", text()}, {"status", job_status()}}, result_members()),
                {{"job_id", "status", "agent"}, of_a_result});
}

ordered_json record() {
  const auto result = object(joined(result_members(), {{"error", text()}, {"hint", text()}}), of_a_result);
  return with_anything_of_others(answer(joined(job_members(), {{"result", result}}), {of_a_record}));
}

ordered_json cancelled() {
  return answer({{"job_id", text()},
                 {"outcome", word({"cancelled", "cancelled_running", "already_terminal", "running"})},
                 {"status", job_status()},
                 {"message", text()}},
                {{"job_id", "outcome", "status"}});
}

ordered_json job_rows() {
  return rows_or_error(object({{"id", text()},
                               {"agent", text()},
                               {"status", job_status()},
                               {"task", text()},
                               {"created_at", number()},
                               {"started_at", number()},
                               {"completed_at", number()},
                               {"success", boolean()},
                               {"cost_usd", number()},
                               {"last_progress", text()},
                               {"error_type", error_type()}},
                              {"id", "agent", "status", "task", "created_at"}));
}

ordered_json fetched() {
  // Two kinds of answer have a `result`: here its text, in an unfinished job's record nothing yet.
  const members of_both =
      joined(joined(job_members(), result_members()), {{"truncated", boolean()}, {"full_size", integer()}});
  return with_anything_of_others(answer(of_both, {of_a_result, of_a_record}));
}

ordered_json collected() {
  return answer({{"purged", integer()}, {"max_age_days", number()}}, {{"purged", "max_age_days"}});
}

ordered_json cache_stats() {
  return answer({{"size", integer()},
                 {"max_size", integer()},
                 {"hits", integer()},
                 {"misses", integer()},
                 {"evictions", integer()},
                 {"hit_rate", number()},
                 {"ttl", number()},
                 {"enabled", boolean()},
                 {"message", text()}},
                {{"size", "max_size", "hits", "misses", "evictions", "hit_rate", "ttl"}, {"enabled", "message"}});
}

ordered_json cache_cleared() {
  return answer({{"cleared", integer()}, {"enabled", boolean()}, {"message", text()}},
                {{"cleared"}, {"enabled", "message"}});
}

ordered_json added() {
  return answer(joined({{"added", text()}, {"directory", text()}, {"description", text()}}, settings_of_an_agent()),
                {{"added", "directory", "description"}});
}

ordered_json updated() { return answer({{"updated", text()}, {"fields", texts()}}, {{"updated", "fields"}}); }

ordered_json removed() { return answer({{"removed", text()}}, {{"removed"}}); }

} // namespace agent_dispatch::answer_schema
