#include "actors/storage/job_search.hpp"

#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

constexpr std::size_t shown_ids = 3;
constexpr std::size_t shown_characters = 80;

std::string quoted(std::string_view text) {
  const auto valid = to_valid_utf8(text);
  return "'" + std::string{first_characters(valid, shown_characters)} + "'";
}

std::string ambiguous_sentence(std::string_view prefix, const std::vector<job_id>& ids) {
  std::string list;
  for (std::size_t i = 0; i < ids.size() && i < shown_ids; ++i)
    list += (i == 0 ? "" : ", ") + ids[i].value;
  return "Several jobs begin with " + quoted(prefix) + ": " + list + (ids.size() > shown_ids ? ", …" : "") +
         ". Give more of the id.";
}

} // namespace

std::string job_not_found_sentence(std::string_view id) {
  return "Job " + quoted(id) + " was not found. `agent-dispatch jobs` lists the jobs there are.";
}

expected<job_id> resolve_job(const job_files& files, std::string_view id_or_prefix) {
  if (is_job_id(id_or_prefix)) // whole: no look at all the others
    return job_id{std::string{id_or_prefix}};
  const auto found = files.find_by_prefix(id_or_prefix, shown_ids + 1);
  if (!found)
    return tl::make_unexpected(found.error());
  if (found->empty())
    return failure(fault_kind::invalid_argument, job_not_found_sentence(id_or_prefix));
  if (found->size() > 1)
    return failure(fault_kind::invalid_argument, ambiguous_sentence(id_or_prefix, *found));
  return found->front();
}

expected<job_record> find_job(const job_files& files, std::string_view id_or_prefix) {
  const auto id = resolve_job(files, id_or_prefix);
  if (!id)
    return tl::make_unexpected(id.error());
  auto record = files.read(*id);
  if (!record)
    return tl::make_unexpected(record.error());
  if (!*record) // removed since
    return failure(fault_kind::invalid_argument, job_not_found_sentence(id_or_prefix));
  return std::move(**record);
}

} // namespace agent_dispatch
