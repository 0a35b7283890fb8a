#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <tl/expected.hpp>

/// A YAML text as a tree of our own, made from yaml-cpp's events: with the line of everything, and with bounds that
/// hold before anything deep or large is built.
namespace agent_dispatch::yaml {

enum class node_kind { null, scalar, sequence, map };
enum class node_style { block, flow };

struct node;

/// Shared because an alias is the same node again.
using node_ptr = std::shared_ptr<const node>;

/// One `key: value` of a map. Keys are scalars; others are refused.
struct entry {
  node_ptr key;
  node_ptr value;
};

/// One value of the text.
struct node {
  node_kind kind = node_kind::null;
  node_style style = node_style::block; ///< of a sequence or map
  std::string text;                     ///< of a scalar: unescaped, UTF-8
  bool plain = true;                    ///< a scalar without quotes and without `!!str`: may be a number or a bool
  bool anchored = false;                ///< has an `&anchor`
  std::size_t line = 1;                 ///< where it begins, from 1
  std::size_t column = 0;               ///< bytes before it in its line
  std::vector<node_ptr> items;          ///< of a sequence
  std::vector<entry> entries;           ///< of a map, in the order of the text, duplicates included, without `<<`
  std::vector<entry> merged;            ///< what `<<` brings in, nearest first; `entries` outrank it
  std::size_t weight = 1;               ///< values in it, aliases counted in full

  /// The value under `key`: the last one in the text, else the first merged one; null when there is none.
  const node* find(std::string_view key) const;
  /// The entry that `find` finds, or null.
  const entry* find_entry(std::string_view key) const;
  /// The entries with what is merged in and without duplicates: the first place, the last value, as Python has them.
  std::vector<entry> members() const;
};

/// What is wrong with a text, and where.
struct text_fault {
  std::size_t line = 0; ///< from 1; 0: no line to name
  std::string what;     ///< a sentence without its full stop
  std::string remedy;   ///< a sentence
};

/// The deepest nesting and the most values that are taken. An agents.yaml of ten thousand agents stays well below.
inline constexpr std::size_t greatest_depth = 64;
inline constexpr std::size_t greatest_weight = 250'000;

/// What some editors put before a UTF-8 text.
inline constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

/// The text after its byte order mark, if it has one. Lines and columns are those of this text.
std::string_view without_mark(std::string_view text);

/// Parses one document. A text without any value gives a node of kind `null`. Refused, each with its sentence: invalid
/// UTF-8, control characters, syntax errors, more than one document, recursive aliases, unknown tags, maps or lists as
/// keys, nesting and size over the bounds. Throws nothing but bad_alloc.
tl::expected<node_ptr, text_fault> parse(std::string_view text);

} // namespace agent_dispatch::yaml
