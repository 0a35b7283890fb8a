#include "config/yaml_edit.hpp"

#include <algorithm>
#include <vector>

#include "config/yaml_scalar.hpp"
#include "config/yaml_write.hpp"

namespace agent_dispatch::yaml {

namespace {

/// The text as lines, and places in it. Lines count from 1, as in nodes.
class text_lines {
public:
  explicit text_lines(std::string_view text) : text_{text} {
    starts_.push_back(0);
    for (std::size_t at = 0; at < text.size(); ++at)
      if (text[at] == '\n')
        starts_.push_back(at + 1);
  }

  std::string_view text() const { return text_; }
  /// Number of lines; the one after the last line end counts when something stands there.
  std::size_t count() const { return starts_.size() - (starts_.back() == text_.size() ? 1 : 0); }
  /// Where a line begins; the end of the text for the line after the last.
  std::size_t start(std::size_t line) const { return line <= starts_.size() ? starts_[line - 1] : text_.size(); }
  /// Without its line end.
  std::string_view line(std::size_t line) const {
    const auto rest = text_.substr(start(line), start(line + 1) - start(line));
    return rest.substr(0, rest.find_last_not_of("\r\n") + 1);
  }
  std::size_t place(const node& at) const { return std::min(start(at.line) + at.column, text_.size()); }

private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }
bool is_blank(std::string_view line) { return indentation(line) == line.size(); }
bool is_comment(std::string_view line) { return !is_blank(line) && line[indentation(line)] == '#'; }

std::string_view line_end(std::string_view text) {
  const auto end = text.find('\n');
  return end != std::string_view::npos && end > 0 && text[end - 1] == '\r' ? "\r\n" : "\n";
}

std::string with_line_ends(std::string_view block, std::string_view end) {
  std::string out;
  for (const char c : block) {
    if (c == '\n')
      out.append(end);
    else
      out += c;
  }
  return out;
}

/// Puts `block` (lines that end with "\n") before what stands at `at`, on lines of its own.
std::string insert_lines(std::string_view text, std::size_t at, std::string_view block) {
  const auto end = line_end(text);
  std::string out{text.substr(0, at)};
  if (!out.empty() && out.back() != '\n')
    out.append(end);
  return out.append(with_line_ends(block, end)).append(text.substr(at));
}

std::string replaced(std::string_view text, std::size_t at, std::size_t length, std::string_view by) {
  return std::string{text.substr(0, at)}.append(by).append(text.substr(at + length));
}

/// What one addition is about.
struct addition {
  const node& root;
  std::string_view section;
  const entry* found; ///< the section in the text, or null
  node member;        ///< a map of one entry: what is added

  std::size_t root_column() const { return root.entries.empty() ? 0 : root.entries.front().key->column; }
};

node nested(std::string_view section, const node& member) {
  node map;
  append(map, section, std::make_shared<const node>(member));
  return map;
}

/// The line before which a block may be added to the end of the document: its `...`, or the end of the text.
std::size_t end_of_document(const text_lines& lines, std::size_t from) {
  for (auto line = from; line <= lines.count(); ++line)
    if (lines.line(line).starts_with("..."))
      return line;
  return lines.count() + 1;
}

std::string append_section(const text_lines& lines, const addition& what) {
  const auto block = write_block(nested(what.section, what.member), what.root_column(), 2);
  return insert_lines(lines.text(), lines.start(end_of_document(lines, what.root.line)), block);
}

/// The line of the first key of the top level after the section, or the end of the document.
std::size_t line_after_section(const text_lines& lines, const addition& what) {
  auto next = end_of_document(lines, what.found->key->line);
  for (const auto& entry : what.root.entries)
    if (entry.key->line > what.found->key->line)
      next = std::min(next, entry.key->line);
  return next;
}

/// Steps back over blank lines, and over comments that belong to what comes next.
std::size_t before_gap(const text_lines& lines, const addition& what, std::size_t line) {
  const auto belongs_to_next = [&](std::string_view text) {
    return is_blank(text) || (is_comment(text) && indentation(text) <= what.found->key->column);
  };
  while (line - 1 > what.found->key->line && belongs_to_next(lines.line(line - 1)))
    --line;
  return line;
}

void add_to_block(const text_lines& lines, const addition& what, std::vector<std::string>& candidates) {
  const auto& section = *what.found->value;
  if (section.entries.empty())
    return;
  const auto column = section.entries.front().key->column;
  const auto step = column > what.found->key->column ? column - what.found->key->column : 2;
  const auto block = write_block(what.member, column, step);
  const auto next = line_after_section(lines, what);
  for (const auto line : {before_gap(lines, what, next), next})
    candidates.push_back(insert_lines(lines.text(), lines.start(line), block));
}

/// Length of what stands for nothing at `at`: `{}`, `~`, `null`, or no text at all; npos when it is something else.
std::size_t length_of_nothing(const text_lines& lines, const entry& section) {
  const auto rest = lines.text().substr(lines.place(*section.value));
  const auto line = rest.substr(0, rest.find('\n'));
  if (section.value->kind == node_kind::map) {
    const auto close = line.find('}');
    return close == std::string_view::npos ? close : close + 1;
  }
  if (section.value->line == section.key->line)
    for (const std::string_view word : {"~", "null", "Null", "NULL"})
      if (line.starts_with(word))
        return word.size();
  return 0;
}

/// `agents:`, `agents: ~` and `agents: {}` become a block.
void fill_empty(const text_lines& lines, const addition& what, std::vector<std::string>& candidates) {
  const auto length = length_of_nothing(lines, *what.found);
  if (length == std::string_view::npos)
    return;
  std::string text{lines.text()};
  if (length > 0) {
    const auto end = lines.place(*what.found->value) + length;
    const auto begin = text.find_last_not_of(" \t", end - length - 1) + 1;
    text = replaced(text, begin, end - begin, "");
  }
  const text_lines edited{text};
  const auto block = write_block(what.member, what.found->key->column + 2, 2);
  candidates.push_back(insert_lines(text, edited.start(what.found->key->line + 1), block));
}

/// The closing quote of the text that is opened at `at`, or npos.
std::size_t closing_quote(std::string_view text, std::size_t at) {
  const char quote = text[at++];
  for (; at < text.size(); ++at) {
    const bool escaped = quote == '"' ? text[at] == '\\' : text.substr(at, 2) == "''";
    if (escaped)
      ++at;
    else if (text[at] == quote)
      return at;
  }
  return std::string_view::npos;
}

/// Where the bracket at `at` is closed, or npos. Quoted texts and comments are skipped.
std::size_t closing_bracket(std::string_view text, std::size_t at) {
  std::size_t depth = 0;
  for (char previous = ' '; at < text.size(); previous = text[at++]) {
    const char c = text[at];
    const bool begins = std::string_view{" \t\r\n[{,:"}.find(previous) != std::string_view::npos;
    if (begins && c == '#')
      at = text.find('\n', at);
    else if (begins && (c == '"' || c == '\''))
      at = closing_quote(text, at);
    else if (c == '[' || c == '{')
      ++depth;
    else if ((c == ']' || c == '}') && --depth == 0)
      return at;
    if (at == std::string_view::npos)
      return at;
  }
  return std::string_view::npos;
}

/// The end of the last value before `close`: comments after it are not part of it.
std::size_t end_of_values(std::string_view text, std::size_t open, std::size_t close) {
  auto end = close;
  for (;;) {
    const auto last = text.find_last_not_of(" \t\r\n", end - 1);
    const auto line_start = text.rfind('\n', last) + 1;
    const auto line = text.substr(line_start, last + 1 - line_start);
    if (line_start <= open || !is_comment(line))
      return last + 1;
    end = line_start;
  }
}

/// Adds to `{…}`. A member on a line of its own stays one.
void add_to_flow(const text_lines& lines, const node& map, const node& member, std::vector<std::string>& candidates) {
  const auto text = lines.text();
  const auto open = text.find('{', lines.place(map));
  const auto close = open == std::string_view::npos ? open : closing_bracket(text, open);
  if (close == std::string_view::npos)
    return;
  const auto end = end_of_values(text, open, close);
  const auto first = text.find_first_not_of(" \t\r\n", open + 1);
  const auto quotes = text[first] == '"' || text.starts_with('{') ? quoting::always : quoting::where_needed;
  const auto written = write_flow(member, quotes);
  const bool own_line = text.substr(end, close - end).find('\n') != std::string_view::npos;
  const auto& entries = map.entries;
  std::string added = text[end - 1] == ',' || text[end - 1] == '{' ? "" : ",";
  if (own_line && !entries.empty())
    added.append(line_end(text)).append(entries.back().key->column, ' ');
  else if (text[end - 1] != '{')
    added.append(" ");
  candidates.push_back(replaced(text, end, 0, added.append(written, 1, written.size() - 2)));
}

std::vector<std::string> candidates_for(const text_lines& lines, const addition& what) {
  std::vector<std::string> candidates;
  const bool flow_root = what.root.kind == node_kind::map && what.root.style == node_style::flow;
  if (what.found == nullptr) {
    if (flow_root)
      add_to_flow(lines, what.root, nested(what.section, what.member), candidates);
    else
      candidates.push_back(append_section(lines, what));
    return candidates;
  }
  const auto& section = *what.found->value;
  if (!flow_root && (is_null(section) || (section.style == node_style::flow && section.entries.empty())))
    fill_empty(lines, what, candidates);
  if (section.kind == node_kind::map && section.style == node_style::flow)
    add_to_flow(lines, section, what.member, candidates);
  else if (section.kind == node_kind::map)
    add_to_block(lines, what, candidates);
  return candidates;
}

/// The tree that the new text must have.
node expected_tree(const node& root, std::string_view section, std::string_view key, const node_ptr& value) {
  const auto* old = root.find(section);
  node members = old != nullptr && old->kind == node_kind::map ? *old : node{};
  append(members, key, value);
  auto filled = std::make_shared<const node>(std::move(members));
  node tree = root;
  tree.kind = node_kind::map;
  const auto at =
      std::find_if(tree.entries.rbegin(), tree.entries.rend(), [&](const entry& e) { return e.key->text == section; });
  if (at == tree.entries.rend())
    append(tree, section, std::move(filled));
  else
    at->value = std::move(filled);
  return tree;
}

bool is_map_or_null(const node& value) { return value.kind == node_kind::map || is_null(value); }

} // namespace

tl::expected<edited_text, text_fault> add_member(std::string_view text, std::string_view section, std::string_view key,
                                                 const node_ptr& value) {
  const auto parsed = parse(text);
  if (!parsed)
    return tl::make_unexpected(parsed.error());
  const auto& root = **parsed;
  const auto* old = root.find(section);
  if (!is_map_or_null(root) || (old != nullptr && !is_map_or_null(*old)))
    return tl::make_unexpected(text_fault{old == nullptr ? root.line : old->line,
                                          "`" + std::string{section} + "` cannot be added to: it is no map",
                                          "Write `key: value` lines below it, indented."});
  const auto in_text =
      std::find_if(root.entries.rbegin(), root.entries.rend(), [&](const entry& e) { return e.key->text == section; });
  addition what{root, section, in_text == root.entries.rend() ? nullptr : &*in_text, {}};
  append(what.member, key, value);

  const auto body = without_mark(text);
  const auto mark = text.substr(0, text.size() - body.size());
  const auto wanted = expected_tree(root, section, key, value);
  for (auto& candidate : candidates_for(text_lines{body}, what))
    if (const auto again = parse(candidate); again && same_value(**again, wanted))
      return edited_text{std::string{mark}.append(candidate), true};
  auto rewritten = write_block(wanted, 0, 2);
  if (const auto again = parse(rewritten); again && same_value(**again, wanted))
    return edited_text{std::move(rewritten), false};
  return tl::make_unexpected(text_fault{root.line, "`" + std::string{key} + "` finds no place in the text",
                                        "Add it by hand, with an editor."});
}

} // namespace agent_dispatch::yaml
