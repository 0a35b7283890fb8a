#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_tree.hpp"

/// Trees of our own making, and how a tree is written.
namespace agent_dispatch::yaml {

/// A text, whatever it looks like.
node_ptr make_text(std::string_view text);
/// A number or bool: written as it is.
node_ptr make_plain(std::string_view text);
node_ptr make_list(const std::vector<std::string>& texts);

/// Appends `key: value` to a map of our own making.
void append(node& map, std::string_view key, node_ptr value);

/// How keys and texts are written.
enum class quoting { where_needed, always };

/// On one line, `{a: 1, b: [x]}`. Merged entries are written out, and aliases in full.
std::string write_flow(const node& value, quoting quotes = quoting::where_needed);

/// The members of a map on lines of their own, each beginning with `indent` spaces and ending with "\n"; nested maps
/// are `step` deeper. An empty map gives nothing.
std::string write_block(const node& map, std::size_t indent, std::size_t step);

/// The same values under the same keys in the same order, however they were written.
bool same_value(const node& left, const node& right);

} // namespace agent_dispatch::yaml
