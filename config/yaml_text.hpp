#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_tree.hpp"

/// Where things stand in a YAML text, and how text is put in and taken out. Nothing here is certain to be right for
/// every text: whoever edits parses the result again.
namespace agent_dispatch::yaml {

/// The text as lines, and places in it: bytes from its beginning. Lines count from 1, as in nodes.
class text_lines {
public:
  /// `text` outlives this object.
  explicit text_lines(std::string_view text);

  std::string_view text() const { return text_; }
  /// Number of lines; the one after the last line end counts when something stands there.
  std::size_t count() const { return starts_.size() - (starts_.back() == text_.size() ? 1 : 0); }
  /// Where a line begins; the end of the text for the line after the last.
  std::size_t start(std::size_t line) const { return line <= starts_.size() ? starts_[line - 1] : text_.size(); }
  /// Without its line end.
  std::string_view line(std::size_t line) const;
  /// The line that a place is on.
  std::size_t line_of(std::size_t at) const;
  std::size_t place(const node& at) const;

private:
  std::string_view text_;
  std::vector<std::size_t> starts_;
};

std::size_t indentation(std::string_view line);
bool is_blank(std::string_view line);
bool is_comment(std::string_view line);

/// "\r\n" when the first line ends so, else "\n".
std::string_view line_end(std::string_view text);

/// Puts `block` (lines that end with "\n") before what stands at `at`, on lines of its own.
std::string insert_lines(std::string_view text, std::size_t at, std::string_view block);

std::string replaced(std::string_view text, std::size_t at, std::size_t length, std::string_view by);

/// Where the bracket at `at` is closed, or npos. Quoted texts and comments are skipped.
std::size_t closing_bracket(std::string_view text, std::size_t at);

/// The `,` or closing bracket that ends the entry of a flow map whose key is at `at`, or npos.
std::size_t end_of_flow_entry(std::string_view text, std::size_t at);

/// Where the value of an entry begins: after the `:` and the white space that follows on that line, and in a flow map
/// on the next ones too. npos when there is no `:`.
std::size_t start_of_value(const text_lines& lines, const entry& of, node_style map);

/// The end of the value that begins at `at` when that can be told from its line: quoted, in brackets, or plain. npos
/// for all others, for no value, and where something other than a comment follows.
std::size_t end_of_value(std::string_view text, std::size_t at, node_style map);

/// The line after an entry of a block map: the first one that belongs to nothing in it. Comments and blank lines before
/// that line are taken for the entry's; see `before_gap`.
std::size_t line_after(const text_lines& lines, const entry& of);

/// Steps back from `line` over blank lines, and over comments that stand at or left of `column`: they belong to what
/// comes next. Not past `first`.
std::size_t before_gap(const text_lines& lines, std::size_t first, std::size_t column, std::size_t line);

/// The line before which a block may be added to the end of the document: its `...`, or the end of the text.
std::size_t end_of_document(const text_lines& lines, std::size_t from);

} // namespace agent_dispatch::yaml
