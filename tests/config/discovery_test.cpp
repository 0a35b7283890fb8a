#include "config/discovery.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "messages/json.hpp"
#include "tests/config/temporary_directory.hpp"

using namespace agent_dispatch;

namespace {

using files = std::vector<std::pair<const char*, std::string>>;

/// A name that ends with a slash is a directory.
void fill(const temporary_directory& project, const files& content) {
  for (const auto& [name, text] : content) {
    if (std::string_view{name}.ends_with('/'))
      std::filesystem::create_directories(project.path() / name);
    else
      project.write(name, text);
  }
}

std::string description(const files& content) {
  const temporary_directory project;
  fill(project, content);
  return describe_project(project.path());
}

project_facts facts(const files& content) {
  const temporary_directory project;
  fill(project, content);
  return scan_project(project.path());
}

using words = std::vector<std::string>;

} // namespace

TEST_CASE("A description begins with the first two lines of CLAUDE.md that say something") {
  CHECK(description({{"CLAUDE.md", "# Title\n\nRuns the servers.\n  And the logs.  \nMore.\n"}}) ==
        "Runs the servers. And the logs.");
  CHECK(description({{"CLAUDE.md", "---\n--x\n#y\n- item\nrest\n"}}) == "- item rest");
  CHECK(description({{"CLAUDE.md", "one\r\ntwo\r\n"}}) == "one two");
  std::string far;
  for (int i = 0; i < 39; ++i)
    far += "# heading\n";
  CHECK(description({{"CLAUDE.md", far + "line 40\nline 41\n"}}) == "line 40");
}

TEST_CASE("The README is asked only when CLAUDE.md says nothing") {
  const std::string readme = "# Title\nshort\n[![badge](x)](y) that is long enough\n![image](x) that is long enough\nA "
                             "line of more than twenty characters.\n";
  CHECK(description({{"README.md", readme}}) == "A line of more than twenty characters.");
  CHECK(description({{"CLAUDE.md", "# only a title\n"}, {"README.md", readme}}) ==
        "A line of more than twenty characters.");
  CHECK(description({{"CLAUDE.md", "Says it.\n"}, {"README.md", readme}}) == "Says it.");
  CHECK(description({{"README.md", "12345678901234567890\n123456789012345678901\n"}}) == "123456789012345678901");
  std::string far = "short\n";
  for (int i = 0; i < 19; ++i)
    far += "short\n";
  CHECK(description({{"README.md", far + "A line of more than twenty characters.\n"}}).starts_with("Agent in "));
}

TEST_CASE("A description names all that is known, in the order of the interface") {
  CHECK(description({{"CLAUDE.md", "Doc."},
                     {"pyproject.toml", "[project]\ndescription = \"Py\"\n"},
                     {"package.json", R"({"description": "Js"})"},
                     {".mcp.json", R"({"mcpServers": {"b": {}, "a": {}}})"},
                     {".claude/settings.local.json", R"({"mcpServers": {"c": {}, "a": {}}})"},
                     {"Dockerfile", ""},
                     {"docker-compose.yaml", ""},
                     {"Cargo.toml", ""},
                     {"go.mod", ""},
                     {"prisma/", ""},
                     {"alembic.ini", ""},
                     {"migrations/", ""}}) == "Doc. | Py | Js | MCP: b, a, c | Stack: Docker, Docker Compose, Rust, "
                                              "Go, Python, Node.js | DB: Prisma, Alembic, migrations");
}

TEST_CASE("An empty project is named by its directory") {
  const temporary_directory project;
  CHECK(describe_project(project.path()) == "Agent in " + project.path().filename().string());
  CHECK(describe_project(project.path() / "gone") == "Agent in gone");
}

TEST_CASE("The description of pyproject.toml is read in all its forms") {
  CHECK(pyproject_description("[project]\nname = \"x\"\ndescription = \"a # b\" # c\n") == "a # b");
  CHECK(pyproject_description("[project]\r\ndescription='single \\n'\r\n") == "single \\n");
  CHECK(pyproject_description("[project]\ndescription = \"q \\\" \\u00e9 \\U0001F600 \\\\ \\t.\"\n") ==
        "q \" é \xf0\x9f\x98\x80 \\  .");
  CHECK(pyproject_description("[project]\ndescription = \"\"\"first\nsecond\"\"\"\n") == "first");
  CHECK(pyproject_description("[project]\ndescription = '''\nfirst\nsecond'''\n") == "first");
  CHECK(pyproject_description("[project]\ndescription = \"\"\"one line\"\"\"\n") == "one line");
  CHECK(pyproject_description("[tool.poetry]\ndescription = 'poetry'\n") == "poetry");
  CHECK(pyproject_description("[tool.poetry]\ndescription = 'poetry'\n[project]\ndescription = 'pep'\n") == "pep");
  CHECK(pyproject_description("[tool.other]\ndescription = 'x'\n") == std::nullopt);
  CHECK(pyproject_description("description = 'x'\n") == std::nullopt);
  CHECK(pyproject_description("[project]\ndescription = [1]\n") == std::nullopt);
  CHECK(pyproject_description("[project]\ndescription = \"never closed") == "never closed");
  CHECK(pyproject_description("[project]\ndescription = \"bad \\ud800 \\uZZZZ \\").has_value());
}

TEST_CASE("A description is one line of valid UTF-8, and bounded") {
  CHECK(description({{"package.json", R"({"description": "two\nlines\u001b[31m"})"}}) ==
        "two lines [31m | Stack: Node.js");
  CHECK(description({{"CLAUDE.md", "bad \xff byte"}}) == "bad \xef\xbf\xbd byte");
  CHECK(count_characters(description({{"CLAUDE.md", std::string(100'000, 'x')}})) == 2000);
  CHECK(description({{"package.json", R"({"description": 5})"}}) == "Stack: Node.js");
  CHECK(description({{"package.json", "not json"}}) == "Stack: Node.js");
}

TEST_CASE("Stacks and databases are found by their files") {
  CHECK(facts({{"requirements.txt", ""}}).stacks == words{"Python"});
  CHECK(facts({{"docker-compose.yml", ""}}).stacks == words{"Docker Compose"});
  CHECK(facts({{"setup.py", ""}, {"Dockerfile.old", ""}}).stacks.empty());
  CHECK(facts({{"schema.prisma", ""}}).dbs == words{"Prisma"});
  CHECK(facts({{"alembic/", ""}}).dbs == words{"Alembic"});
  CHECK(facts({{"prisma", ""}, {"migrations", ""}, {"alembic", ""}}).dbs.empty());
}

TEST_CASE("MCP servers come from both files, each once") {
  const auto found = facts({{".mcp.json", R"({"mcpServers": {"z": {}, "a": 1}})"},
                            {".claude/settings.local.json", R"({"mcpServers": {"a": {}, "l": {}}, "x": []})"}});
  CHECK(found.mcp_servers == words{"z", "a", "l"});
  CHECK(found.has_mcp_config);
  CHECK_FALSE(found.scan_error);
  CHECK_FALSE(facts({{".claude/settings.local.json", R"({"mcpServers": {"a": {}}})"}}).has_mcp_config);
  CHECK(facts({{".mcp.json", R"({"mcpServers": ["a"]})"}}).mcp_servers.empty());
  CHECK(facts({{".mcp.json", "[]"}}).mcp_servers.empty());
}

TEST_CASE("What cannot be used is said, and the rest is found all the same") {
  const auto broken =
      facts({{".mcp.json", "{"}, {".claude/settings.local.json", R"({"mcpServers": {"a": {}}})"}, {"go.mod", ""}});
  CHECK(broken.scan_error == ".mcp.json cannot be used: it is not valid JSON.");
  CHECK(broken.mcp_servers == words{"a"});
  CHECK(broken.stacks == words{"Go"});
  CHECK(facts({{".mcp.json", std::string(100'000, '[')}}).scan_error);
  CHECK_THAT(facts({{".mcp.json", std::string((1u << 20) + 1, ' ')}}).scan_error.value_or(""),
             Catch::Matchers::Contains("larger than 1 MiB"));
  CHECK_THAT(facts({{".mcp.json/", ""}}).scan_error.value_or(""), Catch::Matchers::Contains("Is a directory"));
  CHECK_FALSE(facts({{".claude", "a file"}}).scan_error);
}

TEST_CASE("A hostile project blocks nothing and crashes nothing") {
  const temporary_directory project;
  for (const auto* name : {"CLAUDE.md", "README.md", ".mcp.json", "package.json", "pyproject.toml"}) {
    SECTION(std::string{name} + " is a FIFO") { REQUIRE(::mkfifo((project.path() / name).c_str(), 0600) == 0); }
    SECTION(std::string{name} + " is a link in a circle") {
      std::filesystem::create_symlink(name, project.path() / name);
    }
    SECTION(std::string{name} + " is a device") { std::filesystem::create_symlink("/dev/zero", project.path() / name); }
    SECTION(std::string{name} + " is binary") {
      std::string bytes;
      for (int i = 0; i < 4096; ++i)
        bytes += static_cast<char>(i * 31);
      project.write(name, bytes);
    }
    SECTION(std::string{name} + " is huge") {
      project.write(name, "");
      std::filesystem::resize_file(project.path() / name, 1ull << 40);
    }
    const auto text = describe_project(project.path());
    CHECK(to_valid_utf8(text) == text);
    CHECK(text.size() <= 8000);
    scan_project(project.path());
    preview_of(project.path() / name, 200);
  }
}

TEST_CASE("A preview has so many lines and so many characters") {
  const temporary_directory project;
  const auto preview = [&](const std::string& text, int lines) { return *preview_of(project.write("x", text), lines); };
  CHECK(preview("a\nb\n", 2).text == "a\nb");
  CHECK_FALSE(preview("a\nb\n", 2).truncated);
  CHECK(preview("a\nb\n", 1).text == "a");
  CHECK(preview("a\nb\n", 1).truncated);
  CHECK(preview("a\nb", 2).text == "a\nb");
  CHECK_FALSE(preview("a\nb", 2).truncated);
  CHECK(preview("", 3).text.empty());
  CHECK_FALSE(preview("", 3).truncated);
  CHECK(preview(std::string(500, 'x'), 1).text.size() == 200);
  CHECK(preview(std::string(500, 'x'), 1).truncated);
  CHECK(preview(std::string(500, 'x'), 2).text.size() == 400);
  CHECK(count_characters(preview("ä" + std::string(10, 'x') + std::string(400, '\xff'), 1).text) == 200);
  CHECK(preview(std::string(1u << 20, 'x'), 200).text.size() == 40'000);
  CHECK(preview_of(project.path() / "gone", 5) == std::nullopt);
}

TEST_CASE("A directory is healthy when it can be listed and entered") {
  const temporary_directory project;
  CHECK(health_of(project.path()) == directory_health::healthy);
  CHECK(health_of(project.path() / "gone") == directory_health::missing);
  CHECK(health_of(project.write("file", "")) == directory_health::missing);
  CHECK(health_of(project.path() / "file/below") == directory_health::missing);
  const auto link = project.path() / "link";
  std::filesystem::create_symlink("link", link);
  CHECK(health_of(link) == directory_health::missing);
}

TEST_CASE("A directory without permission is unreadable") {
  const temporary_directory project;
  std::filesystem::permissions(project.path(), std::filesystem::perms{0755});
  const auto health = [&](unsigned mode, const std::filesystem::path& directory) {
    std::filesystem::permissions(project.path() / "sub", std::filesystem::perms{mode});
    const pid_t child = ::fork(); // root may list everything
    if (child == 0) {
      constexpr uid_t nobody = 65534;
      if (::geteuid() == 0 && (::setgid(nobody) != 0 || ::setuid(nobody) != 0))
        ::_exit(99);
      ::_exit(static_cast<int>(health_of(directory)));
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return static_cast<directory_health>(WEXITSTATUS(status));
  };
  fill(project, {{"sub/below/", ""}});
  CHECK(health(0755, project.path() / "sub") == directory_health::healthy);
  CHECK(health(0000, project.path() / "sub") == directory_health::unreadable);
  CHECK(health(0444, project.path() / "sub") == directory_health::unreadable);
  CHECK(health(0111, project.path() / "sub") == directory_health::unreadable);
  CHECK(health(0000, project.path() / "sub/below") == directory_health::unreadable);
  std::filesystem::permissions(project.path() / "sub", std::filesystem::perms::owner_all);
}
