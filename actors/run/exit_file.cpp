#include "actors/run/exit_file.hpp"

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "actors/run/descriptor_io.hpp"
#include "actors/run/run_directory.hpp"
#include "messages/version.hpp"

namespace agent_dispatch {

namespace {

struct reason_word {
  end_reason reason;
  std::string_view word;
};

constexpr reason_word reason_words[] = {
    {end_reason::none, "none"},
    {end_reason::deadline, "deadline"},
    {end_reason::cancelled, "cancelled"},
    {end_reason::output_limit, "output_limit"},
};

template <class Number>
std::string number_or_null(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "null";
}

} // namespace

std::string_view to_string(end_reason reason) {
  for (const auto& entry : reason_words)
    if (entry.reason == reason)
      return entry.word;
  return "none";
}

std::optional<end_reason> end_reason_from(std::string_view text) {
  for (const auto& entry : reason_words)
    if (entry.word == text)
      return entry.reason;
  return std::nullopt;
}

std::string exit_json(const exit_record& record) {
  std::string json = "{\"format\":" + std::to_string(run_format);
  json.append(",\"started\":").append(record.started ? "true" : "false");
  json.append(",\"start_errno\":").append(std::to_string(record.start_errno));
  json.append(",\"start_step\":\"").append(record.start_step).append("\"");
  json.append(",\"exit_code\":").append(number_or_null(record.exit_code));
  json.append(",\"signal\":").append(number_or_null(record.signal));
  json.append(",\"reason\":\"").append(to_string(record.reason)).append("\"");
  json.append(",\"output_at_signal\":").append(number_or_null(record.output_at_signal));
  json.append(",\"output_end\":").append(std::to_string(record.output_end));
  json.append(",\"wall_ms\":").append(std::to_string(record.wall_ms));
  json.append(",\"disk_full\":").append(record.disk_full ? "true" : "false");
  json.append(",\"left_over\":").append(std::to_string(record.left_over)).append("}");
  return json;
}

int reserve_exit_file(int directory) {
  const unique_fd draft = open_run_file(directory, run_file::exit_draft, O_WRONLY | O_CREAT | O_EXCL);
  if (!draft)
    return errno;
  // Written, not fallocated: an allocated but unwritten extent may still need a block for its bookkeeping.
  return write_all(draft.get(), std::string(exit_file_bytes, ' '));
}

int exit_file::open(int directory) {
  draft_ = open_run_file(directory, run_file::exit_draft, O_RDWR);
  return draft_ ? 0 : errno;
}

bool exit_file::is_in_place() const {
  struct stat info {};
  return ::fstat(draft_.get(), &info) == 0 && info.st_nlink > 0;
}

int exit_file::publish(int directory, const exit_record& record) {
  std::string text = exit_json(record);
  text.resize(exit_file_bytes - 1, ' ');
  text += '\n';
  if (::lseek(draft_.get(), 0, SEEK_SET) < 0)
    return errno;
  if (const int error = write_all(draft_.get(), text); error != 0)
    return error;
  return ::renameat(directory, run_file::exit_draft, directory, run_file::exit) < 0 ? errno : 0;
}

int exit_file::sync() const { return ::fdatasync(draft_.get()) < 0 ? errno : 0; }

} // namespace agent_dispatch
