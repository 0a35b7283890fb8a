#pragma once

#include <filesystem>
#include <string_view>

#include "actors/run/unique_fd.hpp"
#include "messages/fault.hpp"

namespace agent_dispatch {

/// The directory of a run that is not launched yet: all its files are there, and the space for its output and its end
/// is reserved. Seven new names, 0.2 ms and on some file systems several: so it is made before it is needed where that
/// can be. Removed again unless kept.
class prepared_directory {
public:
  /// `path` must not exist, its parent must. Faults: `io`; nothing is left then.
  static expected<prepared_directory> make(const std::filesystem::path& path);

  prepared_directory(prepared_directory&& other) noexcept;
  prepared_directory& operator=(prepared_directory&& other) noexcept;
  prepared_directory(const prepared_directory&) = delete;
  prepared_directory& operator=(const prepared_directory&) = delete;
  ~prepared_directory();

  /// To where nothing is yet. Fault `io`: something is there, or this one is not whole any more; it is where it was.
  expected<void> move_to(const std::filesystem::path& path);
  /// The content of run.json, once.
  expected<void> write_record(std::string_view run_json);

  int fd() const { return fd_.get(); }
  int control() const { return control_.get(); } ///< the keeper's end of the FIFO
  struct kept {
    unique_fd control; ///< our end of the FIFO
    unique_fd output;  ///< read-only
  };
  kept keep();

private:
  explicit prepared_directory(const std::filesystem::path& path) : path_{path} {}

  expected<void> fill();
  expected<unique_fd> create(const char* name, int flags) const;
  expected<void> reserve() const;
  expected<void> make_control();
  void remove();

  std::filesystem::path path_; ///< empty: nothing is to be removed
  unique_fd fd_;
  unique_fd record_;
  unique_fd output_;
  unique_fd control_;
  unique_fd control_writer_;
};

} // namespace agent_dispatch
