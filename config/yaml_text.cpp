#include "config/yaml_text.hpp"

#include <algorithm>

namespace agent_dispatch::yaml {

namespace {

constexpr std::string_view white_space = " \t\r\n";

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

enum class comma { passed, ends };

/// Where the brackets are closed of which `depth` are open before `at`, or npos.
std::size_t scan_brackets(std::string_view text, std::size_t at, std::size_t depth, comma commas) {
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
    else if (c == ',' && depth == 1 && commas == comma::ends)
      return at;
    if (at == std::string_view::npos)
      return at;
  }
  return std::string_view::npos;
}

/// Steps over `&anchor` and `!tag`.
std::size_t after_properties(std::string_view text, std::size_t at) {
  while (at < text.size() && (text[at] == '&' || text[at] == '!')) {
    at = text.find_first_of(white_space, at);
    at = std::min(text.find_first_not_of(white_space, at), text.size());
  }
  return at;
}

std::size_t end_of_plain(std::string_view text, std::size_t at, node_style map) {
  const auto stops = map == node_style::flow ? std::string_view{",]}\r\n"} : std::string_view{"\r\n"};
  auto end = std::min(text.find_first_of(stops, at), text.size());
  for (auto mark = text.find('#', at); mark < end; mark = text.find('#', mark + 1))
    if (mark > at && (text[mark - 1] == ' ' || text[mark - 1] == '\t'))
      end = mark;
  const auto last = text.find_last_not_of(" \t", end - 1);
  return end == at || last == std::string_view::npos || last < at ? std::string_view::npos : last + 1;
}

/// The last line on which something of a value stands that could be mistaken for the next entry by its indentation.
std::size_t last_line(const text_lines& lines, const node& value) {
  const auto text = lines.text();
  auto last = value.line;
  if (value.kind == node_kind::null)
    return 0; // its place is that of the next thing in the text
  const auto at = after_properties(text, lines.place(value));
  if (value.kind == node_kind::scalar || value.style == node_style::flow) {
    const bool is_quoted = at < text.size() && (text[at] == '"' || text[at] == '\'');
    const bool is_flow = at < text.size() && (text[at] == '[' || text[at] == '{');
    const auto end = is_quoted ? closing_quote(text, at) : is_flow ? closing_bracket(text, at) : at;
    return end == std::string_view::npos ? last : lines.line_of(end);
  }
  for (const auto& item : value.items)
    last = std::max(last, last_line(lines, *item));
  for (const auto& entry : value.entries)
    last = std::max({last, last_line(lines, *entry.key), last_line(lines, *entry.value)});
  return last;
}

bool is_item(std::string_view line, std::size_t column) {
  return indentation(line) == column && line.substr(column, 1) == "-" &&
         (line.size() == column + 1 || line[column + 1] == ' ' || line[column + 1] == '\t');
}

} // namespace

text_lines::text_lines(std::string_view text) : text_{text} {
  starts_.push_back(0);
  for (std::size_t at = 0; at < text.size(); ++at)
    if (text[at] == '\n')
      starts_.push_back(at + 1);
}

std::string_view text_lines::line(std::size_t line) const {
  const auto rest = text_.substr(start(line), start(line + 1) - start(line));
  return rest.substr(0, rest.find_last_not_of("\r\n") + 1);
}

std::size_t text_lines::line_of(std::size_t at) const {
  return static_cast<std::size_t>(std::upper_bound(starts_.begin(), starts_.end(), at) - starts_.begin());
}

std::size_t text_lines::place(const node& at) const { return std::min(start(at.line) + at.column, text_.size()); }

std::size_t indentation(std::string_view line) { return std::min(line.find_first_not_of(" \t"), line.size()); }
bool is_blank(std::string_view line) { return indentation(line) == line.size(); }
bool is_comment(std::string_view line) { return !is_blank(line) && line[indentation(line)] == '#'; }

std::string_view line_end(std::string_view text) {
  const auto end = text.find('\n');
  return end != std::string_view::npos && end > 0 && text[end - 1] == '\r' ? "\r\n" : "\n";
}

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

std::size_t closing_bracket(std::string_view text, std::size_t at) { return scan_brackets(text, at, 0, comma::passed); }

std::size_t end_of_flow_entry(std::string_view text, std::size_t at) { return scan_brackets(text, at, 1, comma::ends); }

std::size_t start_of_value(const text_lines& lines, const entry& of, node_style map) {
  const auto text = lines.text();
  auto at = after_properties(text, lines.place(*of.key));
  if (at < text.size() && (text[at] == '"' || text[at] == '\''))
    at = closing_quote(text, at);
  else
    at += of.key->text.size() - 1;
  if (at >= text.size())
    return std::string_view::npos;
  at = text.find_first_not_of(" \t", at + 1);
  if (at == std::string_view::npos || text[at] != ':')
    return std::string_view::npos;
  return std::min(text.find_first_not_of(map == node_style::flow ? white_space : " \t", at + 1), text.size());
}

std::size_t end_of_value(std::string_view text, std::size_t at, node_style map) {
  constexpr auto none = std::string_view::npos;
  if (at >= text.size() || std::string_view{"&!|>#\r\n"}.find(text[at]) != none)
    return none;
  auto end = none;
  if (text[at] == '"' || text[at] == '\'')
    end = closing_quote(text, at);
  else if (text[at] == '[' || text[at] == '{')
    end = closing_bracket(text, at);
  else
    return end_of_plain(text, at, map);
  return end == none ? none : end + 1;
}

std::size_t line_after(const text_lines& lines, const entry& of) {
  const auto column = of.key->column;
  auto line = std::max(of.key->line, last_line(lines, *of.value)) + 1;
  for (; line <= lines.count(); ++line) {
    const auto text = lines.line(line);
    const bool belongs = is_blank(text) || is_comment(text) || indentation(text) > column ||
                         (of.value->kind == node_kind::sequence && is_item(text, column));
    if (!belongs)
      break;
  }
  return line;
}

std::size_t before_gap(const text_lines& lines, std::size_t first, std::size_t column, std::size_t line) {
  const auto belongs_to_next = [&](std::string_view text) {
    return is_blank(text) || (is_comment(text) && indentation(text) <= column);
  };
  while (line - 1 > first && belongs_to_next(lines.line(line - 1)))
    --line;
  return line;
}

std::size_t end_of_document(const text_lines& lines, std::size_t from) {
  for (auto line = from; line <= lines.count(); ++line)
    if (lines.line(line).starts_with("..."))
      return line;
  return lines.count() + 1;
}

} // namespace agent_dispatch::yaml
