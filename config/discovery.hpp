#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// What a project directory tells about itself. Nothing here trusts the project: reads are bounded, FIFOs and devices
/// are not opened, invalid UTF-8 is repaired, and what cannot be read counts as not there.
namespace agent_dispatch {

enum class directory_health {
  healthy,    ///< exists, may be listed and entered
  missing,    ///< does not exist, or is no directory
  unreadable, ///< may not be listed or entered
};

directory_health health_of(const std::filesystem::path& directory);

/// What a look at the files of a project finds.
struct project_facts {
  bool has_claude_md = false;
  bool has_readme = false;
  bool has_mcp_config = false;           ///< `.mcp.json`
  std::vector<std::string> mcp_servers;  ///< names, in the order of the files, each once; at most 100 of 100 characters
  std::vector<std::string> stacks;       ///< of Docker, Docker Compose, Rust, Go, Python, Node.js
  std::vector<std::string> dbs;          ///< of Prisma, Alembic, migrations
  std::optional<std::string> scan_error; ///< the first thing that could not be read: a sentence
};

project_facts scan_project(const std::filesystem::path& directory);

/// A description made from the project's documents and files; "Agent in <name>" when they tell nothing. Valid UTF-8,
/// one line, at most 2000 characters.
std::string describe_project(const std::filesystem::path& directory);

/// The beginning of a document.
struct text_preview {
  std::string text; ///< valid UTF-8, without the last line end
  bool truncated = false;
};

/// At most `lines` lines, and at most max(200, 200 × lines) characters, of a file; absent when it cannot be read.
std::optional<text_preview> preview_of(const std::filesystem::path& file, int lines);

/// The value of `description` in `[project]`, else in `[tool.poetry]`; of a text over several lines the first. Not a
/// TOML parser: it knows the ways in which this line is written.
std::optional<std::string> pyproject_description(std::string_view toml);

} // namespace agent_dispatch
