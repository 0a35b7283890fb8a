#include "actors/run/exit_reading.hpp"

#include <cerrno>
#include <limits>

#include <nlohmann/json.hpp>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/exit_file.hpp"
#include "actors/run/run_directory.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

/// Reads members of one object and remembers the first that is wrong.
class members {
public:
  explicit members(const nlohmann::json& json) : json_{json} {}

  bool boolean(const char* key) {
    const auto* member = find(key);
    return take(key, member != nullptr && member->is_boolean()) && member->get<bool>();
  }

  std::string text(const char* key) {
    const auto* member = find(key);
    return take(key, member != nullptr && member->is_string()) ? member->get<std::string>() : std::string{};
  }

  template <class Integer>
  Integer number(const char* key) {
    return optional_number<Integer>(key, false).value_or(Integer{});
  }

  template <class Integer>
  std::optional<Integer> optional_number(const char* key, bool may_be_null = true) {
    const auto* member = find(key);
    if (member != nullptr && member->is_null() && may_be_null)
      return std::nullopt;
    if (!take(key, member != nullptr && member->is_number_integer()))
      return std::nullopt;
    const bool fits = member->is_number_unsigned() ? std::in_range<Integer>(member->get<std::uint64_t>())
                                                   : std::in_range<Integer>(member->get<std::int64_t>());
    return take(key, fits) ? std::optional{member->get<Integer>()} : std::nullopt;
  }

  bool take(const char* key, bool right) {
    if (!right && wrong_.empty())
      wrong_ = key;
    return right;
  }

  const std::string& wrong() const { return wrong_; }

private:
  const nlohmann::json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() ? nullptr : &*found;
  }

  const nlohmann::json& json_;
  std::string wrong_;
};

expected<unique_fd> open_for_reading(const std::filesystem::path& run_directory, const char* name) {
  const auto directory = open_run_directory(run_directory.c_str());
  if (!directory)
    return tl::unexpected(directory.error());
  unique_fd file = open_run_file(directory->get(), name, O_RDONLY | O_NONBLOCK);
  if (!file && errno != ENOENT)
    return io_failure("cannot open", (run_directory / name).string(), errno);
  return file;
}

} // namespace

expected<exit_record> parse_exit_record(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object())
    return failure(fault_kind::protocol, "it is not a JSON object");
  members in{json};
  const auto format = in.number<int>("format");
  if (in.wrong().empty() && format > run_format)
    return failure(fault_kind::version_mismatch, "its format is newer than this program; upgrade agent-dispatch");
  exit_record record;
  record.started = in.boolean("started");
  record.start_errno = in.number<int>("start_errno");
  record.start_step = in.text("start_step");
  record.exit_code = in.optional_number<int>("exit_code");
  record.signal = in.optional_number<int>("signal");
  const auto reason = end_reason_from(in.text("reason"));
  in.take("reason", reason.has_value());
  record.reason = reason.value_or(end_reason::none);
  record.output_at_signal = in.optional_number<std::uint64_t>("output_at_signal");
  record.output_end = in.number<std::uint64_t>("output_end");
  record.wall_ms = in.number<std::int64_t>("wall_ms");
  record.disk_full = in.boolean("disk_full");
  record.left_over = in.number<int>("left_over");
  if (!in.wrong().empty())
    return failure(fault_kind::protocol, "its member '" + in.wrong() + "' is missing or cannot be used");
  return record;
}

expected<std::optional<exit_record>> read_exit_record(const std::filesystem::path& run_directory) {
  const auto path = (run_directory / run_file::exit).string();
  const auto file = open_for_reading(run_directory, run_file::exit);
  if (!file)
    return tl::unexpected(file.error());
  if (!*file)
    return std::nullopt;
  std::string text;
  if (const int error = read_from_start(file->get(), text, 4 * exit_file_bytes); error != 0)
    return io_failure("cannot read", path, error);
  auto record = parse_exit_record(text);
  if (!record)
    return failure(record.error().kind,
                   "The end of a run cannot be read from " + path + ": " + record.error().message + '.');
  return std::optional{std::move(*record)};
}

expected<std::string> read_stderr(const std::filesystem::path& run_directory, std::size_t at_most) {
  const auto file = open_for_reading(run_directory, run_file::errors);
  if (!file)
    return tl::unexpected(file.error());
  std::string text;
  if (!*file)
    return text;
  if (const int error = read_from_start(file->get(), text, at_most); error != 0)
    return io_failure("cannot read", (run_directory / run_file::errors).string(), error);
  return text;
}

} // namespace agent_dispatch
