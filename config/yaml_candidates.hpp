#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "config/yaml_edit.hpp"
#include "config/yaml_text.hpp"

/// Texts that may be what a change should come to, the best first. Whether one is, a parser must say.
namespace agent_dispatch::yaml {

struct candidate {
  std::string text;
  comment_loss lost = comment_loss::none;
};

/// A map in a text: the top level, or the value of an entry, which may also be null.
struct map_place {
  const node& root;
  const entry* owner; ///< null: the top level

  const node& map() const { return owner == nullptr ? root : *owner->value; }
};

/// True when the value stands elsewhere in the text, before its key.
bool is_alias(const entry& e);

/// `key: value`: in the place of the last of that name, else at the end of the map.
std::vector<candidate> set_candidates(const text_lines& lines, const map_place& place, std::string_view key,
                                      const node_ptr& value);

/// Without the last entry of that name.
std::vector<candidate> removal_candidates(const text_lines& lines, const map_place& place, std::string_view key);

} // namespace agent_dispatch::yaml
