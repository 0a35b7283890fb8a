#include "config/discovery.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/read_file.hpp"
#include "messages/json.hpp"

namespace agent_dispatch {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t greatest_document = 256u << 10; // 200 lines of 200 characters of four bytes fit
constexpr std::size_t greatest_json = 1u << 20;
constexpr std::size_t most_servers = 100;
constexpr std::size_t server_characters = 100;
constexpr std::size_t description_characters = 2000;

bool is_kind(const fs::path& path, mode_t kind) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 && (status.st_mode & S_IFMT) == kind;
}

bool is_file(const fs::path& path) { return is_kind(path, S_IFREG); }
bool is_folder(const fs::path& path) { return is_kind(path, S_IFDIR); }
bool is_there(const fs::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0;
}

struct marker {
  std::string_view label;
  std::array<std::string_view, 2> names; ///< any of them will do
};

constexpr std::array stack_markers{
    marker{"Docker", {"Dockerfile", ""}},
    marker{"Docker Compose", {"docker-compose.yml", "docker-compose.yaml"}},
    marker{"Rust", {"Cargo.toml", ""}},
    marker{"Go", {"go.mod", ""}},
    marker{"Python", {"pyproject.toml", "requirements.txt"}},
    marker{"Node.js", {"package.json", ""}},
};

std::vector<std::string> find_stacks(const fs::path& directory) {
  std::vector<std::string> found;
  for (const auto& marker : stack_markers)
    if (std::any_of(marker.names.begin(), marker.names.end(),
                    [&](std::string_view name) { return !name.empty() && is_there(directory / name); }))
      found.emplace_back(marker.label);
  return found;
}

std::vector<std::string> find_databases(const fs::path& directory) {
  std::vector<std::string> found;
  if (is_folder(directory / "prisma") || is_file(directory / "schema.prisma"))
    found.emplace_back("Prisma");
  if (is_folder(directory / "alembic") || is_file(directory / "alembic.ini"))
    found.emplace_back("Alembic");
  if (is_folder(directory / "migrations"))
    found.emplace_back("migrations");
  return found;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view blank = " \t\r\n\f\v";
  const auto begin = text.find_first_not_of(blank);
  if (begin == std::string_view::npos)
    return {};
  return std::string{text.substr(begin, text.find_last_not_of(blank) - begin + 1)};
}

/// At most `most` lines, trimmed, from the first that is not blank.
std::vector<std::string> lines_of(std::string_view text, std::size_t most) {
  std::vector<std::string> lines;
  text.remove_prefix(std::min(text.size(), text.find_first_not_of(" \t\r\n")));
  while (!text.empty() && lines.size() < most) {
    const auto end = std::min(text.find('\n'), text.size());
    lines.push_back(trimmed(text.substr(0, end)));
    text.remove_prefix(std::min(text.size(), end + 1));
  }
  return lines;
}

/// Absent when it cannot be read.
std::optional<std::string> document(const fs::path& path) {
  auto file = read_file(path, greatest_document);
  return file ? std::optional{to_valid_utf8(file->bytes)} : std::nullopt;
}

/// Reads JSON files of a project, and remembers the first that was no good.
class json_files {
public:
  explicit json_files(const fs::path& directory) : directory_{directory} {}

  /// Null when the file is not there or no good.
  ordered_json read(const std::string& name) {
    const auto file = read_file(directory_ / name, greatest_json);
    if (!file) {
      if (file.error().why != read_failure::reason::missing && file.error().error_number != ENOTDIR)
        remember(name, std::strerror(file.error().error_number));
      return nullptr;
    }
    if (file->truncated) {
      remember(name, "it is larger than 1 MiB");
      return nullptr;
    }
    auto json = ordered_json::parse(to_valid_utf8(file->bytes), nullptr, false);
    if (json.is_discarded()) {
      remember(name, "it is not valid JSON");
      return nullptr;
    }
    return json;
  }

  const std::optional<std::string>& error() const { return error_; }

private:
  void remember(const std::string& name, std::string_view why) {
    if (!error_)
      error_ = name + " cannot be used: " + std::string{why} + ".";
  }

  fs::path directory_;
  std::optional<std::string> error_;
};

void add_servers(const ordered_json& json, std::vector<std::string>& servers) {
  if (!json.is_object() || !json.contains("mcpServers") || !json["mcpServers"].is_object())
    return;
  for (const auto& [key, value] : json["mcpServers"].items()) {
    std::string name{first_characters(key, server_characters)};
    if (servers.size() < most_servers && std::find(servers.begin(), servers.end(), name) == servers.end())
      servers.push_back(std::move(name));
  }
}

std::optional<std::string> from_claude_md(const fs::path& directory) {
  const auto text = document(directory / "CLAUDE.md");
  std::string found;
  int count = 0;
  for (const auto& line : text ? lines_of(*text, 40) : std::vector<std::string>{})
    if (count < 2 && !line.empty() && !line.starts_with("#") && !line.starts_with("--")) {
      found.append(count++ == 0 ? "" : " ").append(line);
    }
  return found.empty() ? std::nullopt : std::optional{found};
}

std::optional<std::string> from_readme(const fs::path& directory) {
  const auto text = document(directory / "README.md");
  for (const auto& line : text ? lines_of(*text, 20) : std::vector<std::string>{})
    if (count_characters(line) > 20 && !line.starts_with("#") && !line.starts_with("[") && !line.starts_with("!"))
      return line;
  return std::nullopt;
}

std::optional<std::string> from_pyproject(const fs::path& directory) {
  const auto text = document(directory / "pyproject.toml");
  return text ? pyproject_description(*text) : std::nullopt;
}

std::optional<std::string> from_package_json(const fs::path& directory) {
  const auto json = json_files{directory}.read("package.json");
  if (!json.is_object() || !json.contains("description") || !json["description"].is_string())
    return std::nullopt;
  return json["description"].get<std::string>();
}

std::string joined(std::string_view title, const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words)
    text.append(text.empty() ? title : ", ").append(word);
  return text;
}

/// One line without control characters.
std::string on_one_line(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return trimmed(text);
}

} // namespace

directory_health health_of(const fs::path& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0)
    return errno == EACCES ? directory_health::unreadable : directory_health::missing;
  if (!S_ISDIR(status.st_mode))
    return directory_health::missing;
  DIR* listing = ::opendir(directory.c_str());
  if (listing == nullptr)
    return errno == ENOENT ? directory_health::missing : directory_health::unreadable;
  ::closedir(listing);
  return ::faccessat(AT_FDCWD, directory.c_str(), X_OK, AT_EACCESS) == 0 ? directory_health::healthy
                                                                         : directory_health::unreadable;
}

project_facts scan_project(const fs::path& directory) {
  project_facts facts;
  facts.has_claude_md = is_file(directory / "CLAUDE.md");
  facts.has_readme = is_file(directory / "README.md");
  facts.has_mcp_config = is_file(directory / ".mcp.json");
  json_files files{directory};
  add_servers(files.read(".mcp.json"), facts.mcp_servers);
  add_servers(files.read(".claude/settings.local.json"), facts.mcp_servers);
  facts.stacks = find_stacks(directory);
  facts.dbs = find_databases(directory);
  facts.scan_error = files.error();
  return facts;
}

std::string describe_project(const fs::path& directory) {
  auto about = from_claude_md(directory);
  if (!about)
    about = from_readme(directory);
  const auto facts = scan_project(directory);
  std::string text;
  const auto add = [&](std::string part) {
    part = on_one_line(std::move(part));
    if (!part.empty())
      text.append(text.empty() ? "" : " | ").append(part);
  };
  add(about.value_or(""));
  add(from_pyproject(directory).value_or(""));
  add(from_package_json(directory).value_or(""));
  add(joined("MCP: ", facts.mcp_servers));
  add(joined("Stack: ", facts.stacks));
  add(joined("DB: ", facts.dbs));
  if (text.empty())
    text = on_one_line("Agent in " + to_valid_utf8(directory.filename().native()));
  return std::string{first_characters(text, description_characters)};
}

std::optional<text_preview> preview_of(const fs::path& file, int lines) {
  const auto read = read_file(file, greatest_document);
  if (!read)
    return std::nullopt;
  const std::string all = to_valid_utf8(read->bytes);
  std::size_t end = 0;
  for (int i = 0; i < lines && end < all.size(); ++i)
    end = std::min(all.find('\n', end), all.size() - 1) + 1;
  std::string_view shown = std::string_view{all}.substr(0, end);
  bool truncated = read->truncated || end < all.size();
  while (shown.ends_with('\n') || shown.ends_with('\r'))
    shown.remove_suffix(1);
  const auto most = static_cast<std::size_t>(std::max(200, 200 * lines));
  const auto front = first_characters(shown, most);
  truncated = truncated || front.size() < shown.size();
  return text_preview{std::string{front}, truncated};
}

} // namespace agent_dispatch
